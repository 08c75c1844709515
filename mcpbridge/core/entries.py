"""Items as the conversation keeps them: the original, and the bytes that go into a request.

Each item is encoded once, when it arrives. What is sent may differ from what is kept: output-only
fields are stripped (WIRE §4.4), reasoning without ciphertext is never sent (§4.3), and with
`mcp_results: function_pair` a finished hosted call travels as a function call and its output (§4.8).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, cast

from mcpbridge.core.items import HostedCall, Item
from mcpbridge.core.raw import mapping
from mcpbridge.errors import MalformedItem

McpResults = Literal["native", "function_pair"]

_OUTPUT_ONLY: Final = frozenset({"created_by", "parsed", "parsed_arguments"})
_DROPPED_IF_NULL: Final = frozenset({"id", "status", "content", "namespace", "phase", "caller", "async"})
"""Null there means absent, and the input schema takes no null."""
_IMAGE_OUTPUT_ONLY: Final = frozenset(
    {"action", "background", "output_format", "quality", "revised_prompt", "size", "usage", "svg_usage"}
)
_CALL_ID_LENGTH: Final = 64
"""FunctionCallOutputItemParam.call_id, maxLength, in the published description."""
_FUNCTION_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of the conversation. `sent` is what a request carries for it, empty when nothing."""

    item: Item
    sent: tuple[bytes, ...]
    origin: str = ""
    """Endpoint and model that made a reasoning item: its ciphertext means nothing elsewhere (§4.6)."""
    response_id: str = ""


class Entries(tuple[Entry, ...]):
    """A conversation's entries, with what a request carries for all of them: a long history is not
    walked again for every turn."""

    sent: tuple[bytes, ...]
    origins: frozenset[str]
    """Where the reasoning that is sent was made."""

    def __new__(cls, entries: Iterable[Entry] = ()) -> Self:
        made = super().__new__(cls, entries)
        made.sent = tuple(chunk for entry in made for chunk in entry.sent)
        made.origins = frozenset(entry.origin for entry in made if entry.origin and entry.sent)
        return made

    @classmethod
    def of(cls, entries: tuple[Entry, ...]) -> Entries:
        """`entries` itself where it is one already."""
        return entries if isinstance(entries, Entries) else cls(entries)

    def plus(self, *new: Entry) -> Entries:
        """These entries and `new` ones, of which alone something is read."""
        added = Entries(new)
        made = super().__new__(type(self), (*self, *new))
        made.sent = self.sent + added.sent
        made.origins = self.origins | added.origins
        return made


def encode(item: Item) -> bytes:
    """Compact JSON. Lone surrogates cannot be UTF-8, so such an item is written with escapes."""
    try:
        return json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(item, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise MalformedItem(f"an item cannot be sent as JSON ({type(error).__name__})") from None


def input_entry(item: Item) -> Entry:
    """An item of ours (a user message, an answer)."""
    return Entry(item=item, sent=(encode(item),))


def output_entry(item: Item, *, origin: str, response_id: str) -> Entry:
    """An item of a response, ready for replay."""
    kind = item.get("type")
    if kind == "reasoning" and not item.get("encrypted_content"):
        return Entry(item=item, sent=(), origin=origin, response_id=response_id)
    return Entry(
        item=item,
        sent=(encode(_for_input(item)),),
        origin=origin if kind == "reasoning" else "",
        response_id=response_id,
    )


def _for_input(item: Item) -> Item:
    dropped = (
        _OUTPUT_ONLY | _IMAGE_OUTPUT_ONLY if item.get("type") == "image_generation_call" else _OUTPUT_ONLY
    )
    clean = {
        key: value
        for key, value in item.items()
        if key not in dropped and (value is not None or key not in _DROPPED_IF_NULL)
    }
    if isinstance(clean.get("arguments"), Mapping):
        clean["arguments"] = json.dumps(clean["arguments"], ensure_ascii=False)
    if item.get("type") == "message" and isinstance(item.get("content"), list):
        clean["content"] = [_part_for_input(part) for part in cast("list[Any]", item["content"])]
    return clean


def _part_for_input(part: Any) -> Any:
    if "parsed" in mapping(part):
        return {key: value for key, value in mapping(part).items() if key not in _OUTPUT_ONLY}
    return part


def pair_id(call: HostedCall) -> str:
    """The call_id under which a hosted call travels as a function pair."""
    call_id = f"call_{call.id}"
    if len(call_id) > _CALL_ID_LENGTH:
        call_id = f"call_{hashlib.sha256(call.id.encode('utf-8', 'surrogatepass')).hexdigest()[:56]}"
    return call_id


def function_pair(call: HostedCall) -> tuple[bytes, ...]:
    """A finished hosted call as two items that every endpoint shows to its model."""
    call_id = pair_id(call)
    name = _FUNCTION_NAME.sub("_", f"{call.server_label}__{call.name}")[:64]
    output = call.output if call.error is None else f"The call failed: {call.error}"
    pair: tuple[dict[str, Any], ...] = (
        {"type": "function_call", "call_id": call_id, "name": name, "arguments": call.arguments},
        {"type": "function_call_output", "call_id": call_id, "output": output or ""},
    )
    return tuple(encode(item) for item in pair)
