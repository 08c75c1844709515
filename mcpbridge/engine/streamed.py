"""Streaming events of the wire as events of ours; unknown ones are passed on (WIRE §5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcpbridge.engine.events import Event, ReasoningDelta, TextDelta, WireEvent

_TEXT_DELTAS = frozenset({"response.output_text.delta", "response.refusal.delta"})
_REASONING_DELTAS = frozenset({"response.reasoning_summary_text.delta", "response.reasoning_text.delta"})


def stream_event(event: Mapping[str, Any]) -> Event:
    """The event that a reader sees."""
    kind, delta = event.get("type"), event.get("delta")
    if isinstance(kind, str) and isinstance(delta, str):
        if kind in _TEXT_DELTAS:
            return TextDelta(text=delta)
        if kind in _REASONING_DELTAS:
            return ReasoningDelta(text=delta)
    return WireEvent(event=event)
