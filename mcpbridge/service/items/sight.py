"""What the model can see: the input as lines of text, each of a kind, and which of them are new.

The script matches on this and on nothing else, so a quirk that hides items really makes the model forget.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from mcpbridge.service.items.checks import Approval, CheckedInput, first_new
from mcpbridge.service.quirks import Quirk, Quirks
from mcpbridge.service.request.create import CreateRequest
from mcpbridge.service.wire import Item, is_list, is_object, text_of


class Kind(StrEnum):
    INSTRUCTIONS = "instructions"
    USER = "user"
    ASSISTANT = "assistant"
    REASONING = "reasoning"
    TOOLS = "tools"
    FUNCTION_CALL = "function_call"
    FUNCTION_OUTPUT = "function_output"
    ASKED = "asked"
    APPROVED = "approved"
    DENIED = "denied"
    MCP_RESULT = "mcp_result"
    MCP_ERROR = "mcp_error"
    OTHER = "other"


_UNSEEN_PARTS = {Quirk.IMAGES_UNSEEN: "input_image", Quirk.FILES_UNSEEN: "input_file"}
OUTPUTS = (Kind.FUNCTION_OUTPUT, Kind.MCP_RESULT, Kind.MCP_ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One thing in sight. `name` is a function's name or `label.tool`."""

    kind: Kind
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Everything in sight, oldest first, and the part that is new since the model last spoke."""

    seen: tuple[Seen, ...]
    fresh: tuple[Seen, ...]

    @property
    def turn(self) -> int:
        """How many user messages there are."""
        return sum(one.kind is Kind.USER for one in self.seen)

    def everything(self) -> str:
        return "\n".join(f"{one.name} {one.text}" if one.name else one.text for one in self.seen)

    def last(self, *kinds: Kind) -> Seen | None:
        return next((one for one in reversed(self.seen) if one.kind in kinds), None)

    def plus(self, *new: Seen) -> Sight:
        """New things, beside those that are new already."""
        return replace(self, seen=(*self.seen, *new), fresh=(*self.fresh, *new))

    def aware(self) -> Sight:
        """The model has spoken: nothing is new any more."""
        return replace(self, fresh=())


def look(request: CreateRequest, checked: CheckedInput, quirks: Quirks) -> Sight:
    """What the model sees before anything is executed."""
    seen: list[Seen] = []
    if request.instructions:
        seen.append(Seen(kind=Kind.INSTRUCTIONS, text=request.instructions))
    names = _names(checked)
    items = in_view(checked, quirks)
    boundary = first_new(items)
    older = [one for item in items[:boundary] for one in _see(item, checked, names)]
    fresh = [one for item in items[boundary:] for one in _see(item, checked, names)]
    return Sight(seen=(*seen, *older, *fresh), fresh=tuple(fresh))


def in_view(checked: CheckedInput, quirks: Quirks) -> tuple[Item, ...]:
    """The items of the input that the model sees."""
    blind = frozenset(part for quirk, part in _UNSEEN_PARTS.items() if quirk in quirks)
    withheld = frozenset(checked.withheld)
    seen = (item for item in checked.items if not _hidden(item, withheld, quirks))
    return tuple(_without_parts(item, blind) for item in seen) if blind else tuple(seen)


def _hidden(item: Item, withheld: Collection[str], quirks: Quirks) -> bool:
    kind: object = item.get("type")
    if kind == "reasoning":
        return item["id"] in withheld
    if kind == "mcp_approval_response":
        return Quirk.DENIAL_UNTOLD in quirks and item["approve"] is False
    return kind == "mcp_call" and Quirk.DROP_MCP_CALL in quirks


def _without_parts(item: Item, kinds: Collection[str]) -> Item:
    """The item minus the content parts of these kinds, in messages and in outputs of calls."""
    name = "output" if "output" in item else "content"
    parts: object = item.get(name)
    if not is_list(parts):
        return item
    return {**item, name: [part for part in parts if not (is_object(part) and part.get("type") in kinds)]}


def result_of(call: Item) -> Seen:
    """What the model sees of an mcp_call item."""
    name = f"{call['server_label']}.{call['name']}"
    error: object = call.get("error")
    if error is None:
        return Seen(kind=Kind.MCP_RESULT, name=name, text=str(call.get("output") or ""))
    return Seen(kind=Kind.MCP_ERROR, name=name, text=_error_text(error))


def tools_in(listing: Item) -> Seen:
    """What the model sees of an mcp_list_tools item."""
    lines = [
        f"{listing['server_label']}.{tool.get('name')}: {tool.get('description')}"
        for tool in listing["tools"]
    ]
    return Seen(kind=Kind.TOOLS, name=listing["server_label"], text="\n".join(lines))


def _names(checked: CheckedInput) -> Mapping[str, str]:
    return {item["call_id"]: item["name"] for item in checked.items if item.get("type") == "function_call"}


def _see(item: Item, checked: CheckedInput, names: Mapping[str, str]) -> Iterator[Seen]:
    kind = item.get("type", "message")
    if kind == "message":
        yield _see_message(item)
    elif kind == "reasoning":
        yield Seen(kind=Kind.REASONING, text=checked.thoughts.get(item["id"], ""))
    elif kind in ("function_call", "function_call_output"):
        yield _see_function(item, names)
    elif kind == "mcp_approval_response":
        yield _see_answer(
            next(a for a in checked.approvals if a.request["id"] == item["approval_request_id"])
        )
    elif kind == "mcp_call":
        yield result_of(item)
    else:
        yield _see_other(item)


def _see_message(item: Item) -> Seen:
    kinds = {"user": Kind.USER, "assistant": Kind.ASSISTANT}
    return Seen(kind=kinds.get(item["role"], Kind.INSTRUCTIONS), text=text_of(item.get("content")))


def _see_function(item: Item, names: Mapping[str, str]) -> Seen:
    if item["type"] == "function_call":
        return Seen(kind=Kind.FUNCTION_CALL, name=item["name"], text=item["arguments"])
    name = names.get(item["call_id"], "")
    return Seen(kind=Kind.FUNCTION_OUTPUT, name=name, text=text_of(item.get("output")))


def _see_answer(approval: Approval) -> Seen:
    name = f"{approval.request['server_label']}.{approval.request['name']}"
    if approval.approve:
        return Seen(kind=Kind.APPROVED, name=name, text=approval.request["arguments"])
    return Seen(kind=Kind.DENIED, name=name, text=approval.reason)


def _see_other(item: Item) -> Seen:
    if item["type"] == "mcp_list_tools":
        return tools_in(item)
    if item["type"] == "mcp_approval_request":
        return Seen(kind=Kind.ASKED, name=f"{item['server_label']}.{item['name']}", text=item["arguments"])
    return Seen(kind=Kind.OTHER, text=json.dumps(item))


def _error_text(error: object) -> str:
    if not is_object(error):
        return str(error)
    return text_of(error.get("content")) or str(error.get("message") or "")
