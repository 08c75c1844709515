"""Output items of a response, decoded by their raw `type` string (WIRE §2).

The SDK parses an unknown type as the first member of its union, a message: so this module looks at
the string itself. A known type with a wrong shape is an error. An unknown type is kept for replay,
unless it looks like something that waits for an answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.raw import mapping
from mcpbridge.errors import MalformedItem, UnsupportedItem

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequest:
    """`mcp_approval_request`: the provider asks before it calls a hosted server's tool."""

    id: str
    server_label: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCall:
    """`function_call`: the model wants a function of ours. `id` here is the call_id."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedCall:
    """`mcp_call`: what the provider says it executed."""

    id: str
    server_label: str
    name: str
    arguments: str
    approval_request_id: str | None
    output: str | None
    error: str | None
    """The three error shapes of WIRE §2 and the older plain string, as one text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolListing:
    """`mcp_list_tools`: what the provider found on a server."""

    id: str
    server_label: str
    tools: tuple[ToolDefinition, ...]
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedToolCall:
    """A built-in tool the provider ran by itself (web search, code interpreter, file search)."""

    id: str
    kind: str
    container_id: str | None = None
    """Where code ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inert:
    """Anything that is only kept and replayed: messages, reasoning, unknown items."""

    id: str | None
    kind: str


Decoded = ApprovalRequest | FunctionCall | HostedCall | ToolListing | HostedToolCall | Inert

UNGATED_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "web_search_call": (
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    ),
    "file_search_call": ("file_search",),
    "code_interpreter_call": ("code_interpreter",),
    "image_generation_call": ("image_generation",),
}
"""Built-in tools never ask; each item kind with the tool types that may produce it."""

_UNANSWERABLE: Final = frozenset(
    {
        "custom_tool_call",
        "computer_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
        "program",
    }
)
"""Client-owned kinds that this version has nothing to answer with."""

_OURS: Final = frozenset(
    {
        "mcp_approval_response",
        "item_reference",
        "additional_tools",
        "configuration_update",
        "compaction_trigger",
    }
)
"""Kept and replayed, these would be answers nobody gave, or declarations and orders nobody made. So would
any `…_output` of a call that is the client's to answer."""
_PROVIDERS_OUTPUTS: Final = frozenset({"tool_search_output"})
"""Outputs of what the provider runs itself."""
_ENDED: Final = (None, "completed")


def decode(item: object) -> Decoded:
    """One output item. Raises MalformedItem or UnsupportedItem."""
    raw = mapping(item)
    if not raw:
        raise MalformedItem("an output item is not an object")
    kind, item_id = raw.get("type"), _id_or_none(raw)
    if not isinstance(kind, str) or not kind:
        raise MalformedItem("an output item has no type", item_id=item_id)
    plain = kind.casefold()
    if plain in _OURS or (plain.endswith("_output") and plain not in _PROVIDERS_OUTPUTS):
        raise MalformedItem(f"the response holds a {kind!r} item, which only we may write", item_id=item_id)
    decoder = _DECODERS.get(kind)
    if raw.get("status") not in _ENDED and (raw.get("status") != "failed" or kind in _NEVER_FAIL):
        raise MalformedItem(f"the {kind} item is not completed", item_id=item_id)
    if decoder is not None:
        return decoder(raw)
    if kind in UNGATED_KINDS:
        container = raw.get("container_id")
        named = container if isinstance(container, str) else None
        return HostedToolCall(id=_text(raw, "id"), kind=kind, container_id=named)
    _refuse_unanswerable(raw, plain)
    return Inert(id=item_id, kind=kind)


_DONE_BY_A_SERVER: Final = frozenset({"server_label", "name", "arguments"})


def _refuse_unanswerable(raw: Item, kind: str) -> None:
    """`kind` in small letters: what nobody knows is inert only when it looks neither like a question nor
    like something that a server has done."""
    if raw.keys() >= _DONE_BY_A_SERVER:
        raise MalformedItem(
            f"the response holds a {kind!r} item, which reports a server's call in a way that this version "
            "does not know",
            item_id=_id_or_none(raw),
        )
    client_search = kind == "tool_search_call" and raw.get("execution") == "client"
    waits = kind.endswith("_request") or (
        kind.endswith("_call") and "call_id" in raw and kind not in _KNOWN_INERT
    )
    if kind in _UNANSWERABLE or client_search or waits:
        raise UnsupportedItem(
            f"the model sent a {kind!r} item, which needs an answer this version cannot give; "
            "do not offer that tool, or answer it in a loop of your own",
            item_id=_id_or_none(raw),
        )


_KNOWN_INERT: Final = frozenset({"tool_search_call"})


def _approval_request(raw: Item) -> ApprovalRequest:
    if raw.get("error") is not None:
        raise MalformedItem("an mcp_approval_request reports an error", item_id=_id_or_none(raw))
    return ApprovalRequest(
        id=_text(raw, "id"),
        server_label=_text(raw, "server_label"),
        name=_text(raw, "name"),
        arguments=_arguments(raw),
    )


def _function_call(raw: Item) -> FunctionCall:
    _direct_caller(raw)
    if raw.get("namespace") is not None:
        raise UnsupportedItem("a function_call names a namespace nobody declared", item_id=_id_or_none(raw))
    return FunctionCall(id=_text(raw, "call_id"), name=_text(raw, "name"), arguments=_arguments(raw))


def _hosted_call(raw: Item) -> HostedCall:
    _direct_caller(raw)
    approval = raw.get("approval_request_id")
    if approval is not None and not isinstance(approval, str):
        raise MalformedItem("approval_request_id is not text", item_id=_id_or_none(raw))
    error = _error_text(raw.get("error"))
    if raw.get("status") == "failed" and error is None:
        error = "failed"
    return HostedCall(
        id=_text(raw, "id"),
        server_label=_text(raw, "server_label"),
        name=_text(raw, "name"),
        arguments=_arguments(raw),
        approval_request_id=approval,
        output=_output(raw),
        error=error,
    )


def _output(raw: Item) -> str | None:
    output = raw.get("output")
    if output is not None and not isinstance(output, str):
        raise MalformedItem("mcp_call.output is not text", item_id=_id_or_none(raw))
    return output


def _direct_caller(raw: Item) -> None:
    caller = raw.get("caller")
    if caller is not None and (mapping(caller).get("type") != "direct"):
        raise UnsupportedItem(
            "a call was made by model-written code (caller is not direct), which was not allowed",
            item_id=_id_or_none(raw),
        )


def _tool_listing(raw: Item) -> ToolListing:
    tools = raw.get("tools")
    if not isinstance(tools, Sequence) or isinstance(tools, str):
        raise MalformedItem("mcp_list_tools.tools is not a list", item_id=_id_or_none(raw))
    definitions = tuple(_definition(tool, raw) for tool in cast("Sequence[object]", tools))
    _refuse_two_meanings(definitions, raw)
    return ToolListing(
        id=_text(raw, "id"),
        server_label=_text(raw, "server_label"),
        tools=definitions,
        error=_error_text(raw.get("error")),
    )


def _refuse_two_meanings(definitions: tuple[ToolDefinition, ...], raw: Item) -> None:
    """A grant is bound to one definition, and nobody knows which of two the server goes by."""
    first: dict[str, ToolDefinition] = {}
    for tool in definitions:
        if first.setdefault(tool.name, tool) != tool:
            raise MalformedItem(
                f"mcp_list_tools defines the tool {tool.name!r} twice, in two ways", item_id=_id_or_none(raw)
            )


def _definition(tool: object, raw: Item) -> ToolDefinition:
    entry = mapping(tool)
    schema, annotations = entry.get("input_schema"), entry.get("annotations")
    description = entry.get("description")
    if (
        not isinstance(schema, Mapping)
        or not isinstance(annotations, Mapping | None)
        or not isinstance(description, str | None)
    ):
        raise MalformedItem("mcp_list_tools holds a tool of the wrong shape", item_id=_id_or_none(raw))
    return ToolDefinition(
        name=_text(entry, "name"),
        description=description or "",
        input_schema=mapping(cast("object", schema)),
        annotations=mapping(cast("object", annotations)),
    )


def _message(raw: Item) -> Inert:
    content = raw.get("content")
    if raw.get("role") != "assistant" or not isinstance(content, Sequence) or isinstance(content, str):
        raise MalformedItem("an output message has no assistant content", item_id=_id_or_none(raw))
    for part in cast("Sequence[object]", content):
        entry = mapping(part)
        kind = entry.get("type")
        if not isinstance(kind, str):
            raise MalformedItem("a message part has no type", item_id=_id_or_none(raw))
        if kind in _PART_TEXT and not isinstance(entry.get(_PART_TEXT[kind]), str):
            raise MalformedItem(f"a message's {kind} part has no text", item_id=_id_or_none(raw))
    return Inert(id=_text(raw, "id"), kind="message")


_PART_TEXT: Final[Mapping[str, str]] = {"output_text": "text", "refusal": "refusal"}


def _reasoning(raw: Item) -> Inert:
    summary, content, encrypted = raw.get("summary", []), raw.get("content"), raw.get("encrypted_content")
    sound = _are_parts(summary) and (content is None or _are_parts(content))
    if not sound or not isinstance(encrypted, str | None):
        raise MalformedItem("a reasoning item has the wrong shape", item_id=_id_or_none(raw))
    return Inert(id=_text(raw, "id"), kind="reasoning")


def _are_parts(value: object) -> bool:
    """Whether `value` is a list of objects, each with a type, and with its text where the type is known."""
    if not isinstance(value, list):
        return False
    parts = [mapping(part) for part in cast("list[object]", value)]
    return all(
        isinstance(part.get("type"), str)
        and (part["type"] not in ("summary_text", "reasoning_text") or isinstance(part.get("text"), str))
        for part in parts
    )


def _compaction(raw: Item) -> Inert:
    _text(raw, "encrypted_content")
    return Inert(id=_id_or_none(raw), kind="compaction")


_DECODERS: Final[Mapping[str, Callable[[Item], Decoded]]] = {
    "mcp_approval_request": _approval_request,
    "function_call": _function_call,
    "mcp_call": _hosted_call,
    "mcp_list_tools": _tool_listing,
    "message": _message,
    "reasoning": _reasoning,
    "compaction": _compaction,
}


_NEVER_FAIL: Final = frozenset(_DECODERS) - {"mcp_call", "mcp_list_tools"}
"""Known kinds that a completed response holds completed or not at all; a reported failure of the others
is the model's to deal with."""


def _text(raw: Item, key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value:
        raise MalformedItem(
            f"{raw.get('type', 'tool')}.{key} is missing or not text", item_id=_id_or_none(raw)
        )
    return value


def _id_or_none(raw: Item) -> str | None:
    value = raw.get("id", raw.get("call_id"))
    if value is None or isinstance(value, str):
        return value
    raise MalformedItem(f"{raw.get('type')}.id is not text")


def _arguments(raw: Item) -> str:
    """The arguments as text. Strings stay exactly as they are; objects (Azure's guide shows one) become
    JSON with sorted keys, so that two objects compare by their parsed value."""
    arguments = raw.get("arguments")
    if isinstance(arguments, str):
        return arguments
    if isinstance(arguments, Mapping):
        return json.dumps(arguments, sort_keys=True)
    raise MalformedItem(
        f"{raw.get('type')}.arguments is neither text nor an object", item_id=_id_or_none(raw)
    )


def _error_text(error: object) -> str | None:
    match error:
        case None:
            return None
        case str():
            return error
        case Mapping():
            entry = mapping(cast("object", error))
            kind = str(entry.get("type", "error"))
            code = entry.get("code")
            message = entry.get("message") or entry.get("content") or ""
            text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
            return f"{kind}{f' {code}' if code is not None else ''}: {text}"
        case _:
            return json.dumps(error)
