"""A request to the model, as far as the conversation knows it: the input is already encoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """A request that belongs to no turn: no tools at all, hosted ones neither, nothing of the operator's
    instructions, and its own bound. Nothing can be executed by it."""

    instructions: str = ""
    max_output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """Input items for one `POST /responses`. Model name, most tools and headers are the adapter's."""

    conversation_id: str
    encoded_items: tuple[bytes, ...]
    """Each input item as compact UTF-8 JSON; joined with commas they are the `input` array."""
    live_approvals: tuple[str, ...]
    """Approval request ids whose `approve: true` may still execute something (WIRE §6)."""
    functions: tuple[Mapping[str, Any], ...] = ()
    """Function tools beside the adapter's own, as the wire wants them: those of bridged servers, which may
    change from request to request."""
    apart: Apart | None = None
    """Set for words that a bridged server asked for; the model that answers has to keep to it."""
