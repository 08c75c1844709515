"""Masks secrets in streaming deltas, where one may arrive in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mcpbridge.core.secret import Mask


class StreamMask:
    """Holds back the end of a delta while it could be the beginning of a secret.

    A later delta of the same part brings it out, masked or as it was; so does the end of the part.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held: dict[tuple[Any, ...], tuple[str, Mapping[str, Any]]] = {}

    def feed(self, event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The event as it may be shown; an event with nothing to show yet is held back."""
        part = (event.get("item_id"), event.get("content_index"), event.get("summary_index"))
        delta = event.get("delta")
        if not isinstance(delta, str):
            if str(event.get("type")).endswith(".done") and part in self._held:
                held, last = self._held.pop(part)
                yield {**last, "delta": held}
            yield self._mask.value(event)
            return
        text = self._mask.text(self._held.pop(part, ("", event))[0] + delta)
        size = self._mask.open_end(text)
        if size:
            self._held[part] = text[-size:], event
            text = text[:-size]
        if text:
            yield {**event, "delta": text}
