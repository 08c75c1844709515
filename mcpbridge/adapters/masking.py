"""Masks secrets in what a provider sends: whole responses, and deltas, where one may arrive in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from mcpbridge.core.items import Item
from mcpbridge.core.raw import mapping
from mcpbridge.core.secret import MASK, Mask
from mcpbridge.errors import MalformedItem

MAX_DEPTH: Final = 200
"""Levels a response may have; CPython's own limits begin near 1,000 frames."""


def masked_response(mask: Mask, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A response body without any known secret. Raises MalformedItem when it is nested too deeply.

    Arguments that hold one become `[secret]` as a whole: masked in places, arguments with two different
    credentials would look alike, and what is approved would not be what runs. Nothing approves `[secret]`.
    """
    if too_deep(body):
        raise MalformedItem(f"the response is nested deeper than {MAX_DEPTH} levels")
    output = body.get("output")
    if isinstance(output, list | tuple):
        items = cast("Iterable[object]", output)
        body = {**body, "output": [_masked_item(mask, item) for item in items]}
    return cast("Mapping[str, Any]", mask.value(body))


def masked_output(mask: Mask, items: Sequence[Item]) -> Mapping[str, Any]:
    """`masked_response` of a completed response with these items, and a copy in any case. Where their JSON
    text rules secrets out, which is usual, nothing is looked at one by one."""
    try:
        text = json.dumps(items, ensure_ascii=False)
        plain = text.count("{") + text.count("[") <= MAX_DEPTH and mask.rules_out(text)
        output = json.loads(text) if plain else items
    except (TypeError, ValueError, RecursionError):  # no JSON: whoever reads the items says what is wrong
        return masked_response(mask, {"status": "completed", "output": items})
    body = {"status": "completed", "output": output}
    return body if plain else masked_response(mask, body)


def masked_body(mask: Mask, body: Mapping[str, Any], text: str) -> Mapping[str, Any]:
    """`masked_response` of a body that was parsed from `text`; untouched where the text rules secrets out."""
    return body if mask.rules_out(text) else masked_response(mask, body)


def too_deep(value: object) -> bool:
    """Whether `value` has more than MAX_DEPTH levels. Looks level by level, so depth costs nothing."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH + 1:
            return True
        level = [inner for outer in level for inner in _inside(outer)]
    return False


def _inside(value: object) -> Iterable[object]:
    match value:
        case Mapping():
            return mapping(cast("object", value)).values()
        case list() | tuple():
            return cast("Iterable[object]", value)
        case _:
            return ()


def _masked_item(mask: Mask, item: object) -> object:
    raw = mapping(item)
    arguments = raw.get("arguments")
    if arguments is not None and mask.holds(arguments):
        return {**raw, "arguments": MASK}
    content = raw.get("content")
    if isinstance(content, list | tuple):
        parts = cast("Iterable[object]", content)
        return {**raw, "content": [_without_scores(mask, part) for part in parts]}
    return item


def _without_scores(mask: Mask, part: object) -> object:
    """A part that is going to be masked, without `logprobs`: they hold the same text token by token."""
    raw = mapping(part)
    text = raw.get("text")
    if "logprobs" in raw and isinstance(text, str) and mask.found_in(text):
        return {**raw, "logprobs": []}
    return part


class StreamMask:
    """Holds back the end of a delta while it could be the beginning of a secret.

    A later delta of the same part brings it out, masked or as it was; so does the end of the part.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held: dict[tuple[Any, ...], tuple[str, Mapping[str, Any]]] = {}

    def feed(self, event: Mapping[str, Any], text: str) -> Iterator[Mapping[str, Any]]:
        """The event as it may be shown; one with nothing to show yet is held back. `text` is its JSON."""
        delta = event.get("delta")
        if not isinstance(delta, str):
            if str(event.get("type")).endswith(".done"):
                held, last = self._held.pop(_part(event), ("", event))
                if held:
                    yield {**last, "delta": held}
            yield event if self._mask.rules_out(text) else self._mask.value(event)
            return
        part = _part(event)
        known = self._mask.text(self._held.pop(part, ("", event))[0] + delta)
        size = self._mask.open_end(known)
        shown = known[: len(known) - size]
        if shown != delta or not self._mask.rules_out(text):
            event = self._rest(event, complete=shown == delta)
        if size:
            self._held[part] = known[-size:], event
        if shown:
            yield {**event, "delta": shown}

    def _rest(self, event: Mapping[str, Any], *, complete: bool) -> Mapping[str, Any]:
        """All fields masked, but for `delta`; where that is cut, no field with the same text in pieces."""
        fields = {name: value for name, value in event.items() if name != "delta"}
        if not complete and "logprobs" in fields:
            fields["logprobs"] = []
        return {**self._mask.value(fields), "delta": ""}


def _part(event: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("item_id", "output_index", "content_index", "summary_index")
    return tuple(json.dumps(event.get(name)) for name in names)
