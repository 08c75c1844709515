"""What a bridged server listed, made ready to be offered and called. Pure: made once for each listing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.conversation import Bridged, Conversation
from mcpbridge.core.declared import BridgedServer
from mcpbridge.core.function_names import function_name
from mcpbridge.engine.bridged_tool import BridgedTool
from mcpbridge.engine.fitting import UnusableSchema, fitting
from mcpbridge.errors import ServerUnavailable, UsageError
from mcpbridge.ports import Listing, Toolbox

NOT_LISTED = -1
"""The epoch of definitions that no listing of this process confirms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One server's tools."""

    server: BridgedServer
    tools: Mapping[str, BridgedTool]
    """Function name → tool."""
    hashes: Mapping[str, str]
    """Tool name → definition hash."""
    left_out: Mapping[str, str]
    """Tool name → why it is not offered."""
    functions: tuple[Mapping[str, Any], ...]
    """The wire's function tools."""
    facts: Mapping[str, Any]
    """What the audit keeps beside the definitions."""

    def new_to(self, conversation: Conversation) -> dict[str, Bridged]:
        """What a function's name stands for from now on, for names that the conversation has not seen.

        Raises UsageError where a name already stands for something else: no call may reach another tool.
        """
        late = self.server.label in conversation.tools
        new: dict[str, Bridged] = {}
        for name, tool in self.tools.items():
            known = conversation.bridged.get(name)
            if known is None:
                new[name] = Bridged(server_label=self.server.label, definition=tool.definition, late=late)
            elif (known.server_label, known.definition.name) != (self.server.label, tool.definition.name):
                raise UsageError(
                    f"in this conversation the function {name} is {known.server_label}."
                    f"{known.definition.name}, and not {self.server.label}.{tool.definition.name}; start a "
                    "new conversation"
                )
        return new


def shelve(box: Toolbox, server: BridgedServer, listing: Listing) -> Shelf:
    """The shelf for a listing. Raises ServerUnavailable where it cannot be offered as it is."""
    allowed = server.allowed_tools
    chosen = [tool for tool in listing.tools if allowed is None or tool.name in allowed]
    if len(chosen) > server.max_tools:
        raise ServerUnavailable(
            f"{server.label} lists {len(chosen)} tools, more than max_tools ({server.max_tools}); name those "
            "that are needed in allowed_tools, or raise max_tools",
            server_label=server.label,
        )
    tools, left_out = dict[str, BridgedTool](), dict[str, str](listing.left_out)
    for definition in chosen:
        name = function_name(server.label, definition.name)
        try:
            if name in tools:
                raise UnusableSchema("another tool of the server has its name")
            tools[name] = _tool(box, server, definition, listing.epoch)
        except UnusableSchema as error:
            left_out[definition.name] = str(error)
    facts: dict[str, Any] = {
        "via": "bridge",
        "epoch": listing.epoch,
        "protocol": listing.protocol,
        "server": listing.server,
    }
    if left_out:
        facts["left_out"] = left_out
    if listing.refused:
        facts["refused"] = [
            f"{server.label}.{name}: not used, {why}" for name, why in listing.refused.items()
        ]
    if listing.offered:
        facts["offered"] = listing.offered
    wanted = {name: why for name, why in listing.refused.items() if allowed is None or name in allowed}
    return _shelf(server, tools, wanted | left_out, facts)


def remembered(box: Toolbox, server: BridgedServer, conversation: Conversation) -> Shelf:
    """The shelf of a server that cannot be reached just now: what it listed in this conversation. Before any
    of it is called, the server has to list it again."""
    allowed = server.allowed_tools
    tools = dict[str, BridgedTool]()
    for name, known in conversation.bridged.items():
        if known.server_label == server.label and (allowed is None or known.definition.name in allowed):
            with suppress(UnusableSchema):
                tools[name] = _tool(box, server, known.definition, NOT_LISTED)
    return _shelf(server, tools, {}, {})


def _shelf(
    server: BridgedServer,
    tools: Mapping[str, BridgedTool],
    left_out: Mapping[str, str],
    facts: Mapping[str, Any],
) -> Shelf:
    return Shelf(
        server=server,
        tools=tools,
        hashes={tool.definition.name: tool.definition_hash for tool in tools.values()},
        left_out=left_out,
        functions=tuple({"type": "function", "name": name, **tool.function} for name, tool in tools.items()),
        facts=facts,
    )


def _tool(box: Toolbox, server: BridgedServer, definition: ToolDefinition, epoch: int) -> BridgedTool:
    if not definition.name or not definition.name.isprintable():
        raise UnusableSchema("its name is empty, or holds control characters")
    own = replace(definition, server_identity=server.identity)
    return BridgedTool(
        box=box,
        server=server,
        definition=own,
        definition_hash=own.hash(),
        epoch=epoch,
        fits=fitting(definition.input_schema),
    )
