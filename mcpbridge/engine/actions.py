"""From a pending request on the wire to an Action that policies, people and the audit can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from mcpbridge.core.action import Action, ToolDefinition
from mcpbridge.core.conversation import Conversation, Pending
from mcpbridge.core.declared import Declared
from mcpbridge.core.function_names import label_of, tool_of
from mcpbridge.core.items import ApprovalRequest, FunctionCall, ToolListing, decode
from mcpbridge.core.strict_json import MalformedArguments, parse_arguments
from mcpbridge.policy.pins import Seen
from mcpbridge.ports import LocalTool

LOCAL: Final = "local"
"""The server label of Python functions, in policies and in the audit."""


def to_action(
    call: Pending, conversation: Conversation, declared: Declared, tools: Mapping[str, LocalTool]
) -> Action:
    """Parse strictly; for what runs here also validate, so that no policy sees arguments that do not fit."""
    arguments, malformed = _parse(call.arguments)
    if isinstance(call, ApprovalRequest):
        return Action(
            request_id=call.id,
            server_label=call.server_label,
            tool=call.name,
            via="hosted",
            arguments=arguments,
            raw_arguments=call.arguments,
            malformed=malformed,
            server_identity=declared.servers[call.server_label].identity,
            definition_hash=conversation.tools.get(call.server_label, {}).get(call.name, ""),
        )
    tool = tools.get(call.name)
    if tool is not None and arguments is not None:
        malformed = tool.check(arguments)
    label, name = _place(call, conversation, declared)
    return Action(
        request_id=call.id,
        server_label=label,
        tool=name,
        via="local" if label == LOCAL else "bridge",
        arguments=arguments if malformed is None else None,
        raw_arguments=call.arguments,
        malformed=malformed,
        server_identity=declared.bridged[label].identity if label != LOCAL else LOCAL,
        definition_hash=tool.definition_hash if tool is not None else "",
        function=call.name,
    )


def _place(call: FunctionCall, conversation: Conversation, declared: Declared) -> tuple[str, str]:
    """The label and the tool that a function's name stands for. A name that was never given out is taken as
    it would have been: nothing runs under it, and the record shows what was meant."""
    known = conversation.bridged.get(call.name)
    if known is not None and known.server_label in declared.bridged:
        return known.server_label, known.definition.name
    label = label_of(call.name)
    return (label, tool_of(call.name)) if label in declared.bridged else (LOCAL, call.name)


def is_known(call: Pending, conversation: Conversation, tools: Mapping[str, LocalTool]) -> bool:
    """Whether somebody has defined this tool. A hosted server that was never listed is taken at its word."""
    if isinstance(call, FunctionCall):
        return call.name in tools
    listed = conversation.tools.get(call.server_label)
    return listed is None or call.name in listed


def shown(call: FunctionCall, conversation: Conversation, tools: Mapping[str, LocalTool]) -> Seen | None:
    """A bridged tool, as first and as last listed here; None for what no server lists."""
    known, tool = conversation.bridged.get(call.name), tools.get(call.name)
    if known is None:
        return None
    now = None if tool is None else tool.definition
    return Seen(now=now, first=None if known.late else known.definition)


def claimed_by(
    call: FunctionCall, conversation: Conversation, declared: Declared, tools: Mapping[str, LocalTool]
) -> ToolDefinition | None:
    """A bridged tool's definition, where the operator believes the annotations of its server."""
    known, tool = conversation.bridged.get(call.name), tools.get(call.name)
    if known is None or tool is None or not declared.bridged[known.server_label].trusted:
        return None
    return tool.definition


def believed(
    request: ApprovalRequest, conversation: Conversation, declared: Declared
) -> ToolDefinition | None:
    """The tool as its server last listed it, where the operator believes that server's annotations."""
    server = declared.servers[request.server_label]
    if not server.trusted:
        return None
    for entry in reversed(conversation.entries):
        if entry.item.get("type") != "mcp_list_tools" or entry.item.get("server_label") != server.label:
            continue
        listing = decode(entry.item)
        if isinstance(listing, ToolListing) and listing.error is None:
            found = [tool for tool in listing.tools if tool.name == request.name]
            return replace(found[0], server_identity=server.identity) if found else None
    return None


def _parse(text: str) -> tuple[dict[str, Any] | None, str | None]:
    try:
        return parse_arguments(text), None
    except MalformedArguments as error:
        return None, str(error)
