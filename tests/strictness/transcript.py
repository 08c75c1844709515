"""What a service answers, as plain data: one transcript is one conversation with a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mcpbridge.service.wire import is_list, is_object
from mcpbridge.testing import numbered

Item = Mapping[str, Any]

MISSING: Final = object()
"""A field that is not there, where a builder would fill one in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One response of the service."""

    items: tuple[Item, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Fields of the response beside its output."""
    raw: bytes | None = None
    """The body (or the stream) as it is, where it is not JSON that we would write."""
    events: tuple[Item, ...] | None = None
    """What the stream brings between its first and its last event, where that is not the items."""
    after: tuple[Item, ...] = ()
    """Events behind the one that ends the stream."""

    def body(self, number: int) -> dict[str, Any]:
        """The response as the `number`-th of its conversation."""
        head: dict[str, Any] = {
            "object": "response",
            "created_at": 0,
            "model": "m",
            "status": "completed",
            "tools": [],
        }
        filled = numbered({**head, "output": list(self.items), **self.fields}, number)
        output = filled["output"]
        if is_list(output):
            filled["output"] = [_without_missing(item) for item in output]
        return {key: value for key, value in filled.items() if value is not MISSING}

    def whole(self, number: int) -> bytes:
        """The body of an answer that does not stream."""
        return self.raw if self.raw is not None else json.dumps(self.body(number)).encode()

    def stream(self, number: int) -> bytes:
        """The same as server-sent events."""
        if self.raw is not None:
            return self.raw
        body = self.body(number)
        begun: dict[str, Any] = {**body, "status": "in_progress", "output": []}
        between = self.events if self.events is not None else _items_done(body["output"])
        ending: Item = {"type": _ENDS.get(str(body.get("status")), "response.completed"), "response": body}
        listed = ({"type": "response.created", "response": begun}, *between, ending, *self.after)
        return frames([{**event, "sequence_number": index} for index, event in enumerate(listed)])


_ENDS: Final = {"failed": "response.failed", "incomplete": "response.incomplete"}


def _without_missing(item: object) -> object:
    if not is_object(item):
        return item
    return {key: value for key, value in item.items() if value is not MISSING}


def _items_done(output: object) -> tuple[Item, ...]:
    events: list[Item] = []
    for index, item in enumerate(output if is_list(output) else []):
        events.append({"type": "response.output_item.added", "output_index": index, "item": item})
        events.append(done(item, index))
    return tuple(events)


def done(item: object, index: int = 0) -> Item:
    """The event that an item is complete."""
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def frames(events: list[Item]) -> bytes:
    """Events in the framing of text/event-stream."""
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """One conversation: what the service answers, and what a person denies (all else is approved)."""

    name: str
    replies: tuple[Reply, ...]
    denied: frozenset[str] = frozenset()
    goes_on: str = ""
    """The allowed difference by which mcpbridge goes further than the official runner."""
    stops: str = ""
    """The difference by which mcpbridge does less."""
    forms: tuple[str, ...] = ("whole", "stream")
    turns: int = 1
    """How often the user speaks; each time after an answer."""


def says(*items: Any, **fields: Any) -> Reply:
    """A response with these output items."""
    return Reply(items=items, fields=fields)


def talk(
    name: str,
    *replies: Reply,
    denied: tuple[str, ...] = (),
    goes_on: str = "",
    stops: str = "",
    forms: tuple[str, ...] = ("whole", "stream"),
    turns: int = 1,
) -> Transcript:
    """A transcript, shorter to write."""
    return Transcript(
        name=name,
        replies=replies,
        denied=frozenset(denied),
        goes_on=goes_on,
        stops=stops,
        forms=forms,
        turns=turns,
    )


def asks(request_id: str = "mcpr_1", label: str = "files", tool: str = "read", **fields: Any) -> Item:
    """The provider asks whether it may call a tool of a hosted server."""
    found = {"server_label": label, "name": tool, "arguments": '{"path": "a"}'}
    return {"type": "mcp_approval_request", "id": request_id, **found, **fields}


def called(request_id: Any = "mcpr_1", label: str = "files", tool: str = "read", **fields: Any) -> Item:
    """The provider has called it, under that approval."""
    found = {
        "server_label": label,
        "name": tool,
        "arguments": '{"path": "a"}',
        "approval_request_id": request_id,
    }
    return {"type": "mcp_call", **found, "output": "ok", "error": None, **fields}


def unasked(label: str = "seen", tool: str = "read", **fields: Any) -> Item:
    """The provider has called a tool without asking."""
    return called(None, label, tool, **fields)


def adds(call_id: Any = "call_1", arguments: Any = '{"a": 1, "b": 2}', **fields: Any) -> Item:
    """The model calls the function `add`."""
    return {"type": "function_call", "call_id": call_id, "name": "add", "arguments": arguments, **fields}


def notes(text: str, call_id: str = "call_n") -> Item:
    """The model calls the function `note`: a witness of how far a run went."""
    arguments = json.dumps({"text": text})
    return {"type": "function_call", "call_id": call_id, "name": "note", "arguments": arguments}


def text(words: str = "Done.", **fields: Any) -> Item:
    """The model's message."""
    part: dict[str, Any] = {"type": "output_text", "text": words, "annotations": [], "logprobs": []}
    return {"type": "message", "role": "assistant", "status": "completed", "content": [part], **fields}


def thinks(**fields: Any) -> Item:
    """A reasoning item."""
    return {"type": "reasoning", "summary": [], "encrypted_content": "gAAA", **fields}


def lists(label: str, *tools: Any, **fields: Any) -> Item:
    """The provider has listed a server's tools: names, or whole definitions."""
    listed: list[Any] = [
        {"name": tool, "input_schema": {}} if isinstance(tool, str) else tool for tool in tools
    ]
    return {"type": "mcp_list_tools", "server_label": label, "tools": listed, **fields}
