"""A request to the model, as far as the conversation knows it: the input is already encoded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """Input items for one `POST /responses`. Model name, tools and headers are the adapter's."""

    conversation_id: str
    encoded_items: tuple[bytes, ...]
    """Each input item as compact UTF-8 JSON; joined with commas they are the `input` array."""
    live_approvals: tuple[str, ...]
    """Approval request ids whose `approve: true` may still execute something (WIRE §6)."""
