"""A record → its row in the index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mcpbridge.audit.filters import encode_json, storable, text_of

_TEXT: Final = 120
"""Characters of a text that the table keeps. The search knows all of it."""
_TEXTS: Final = ("reason", "error", "note", "message")
Row = tuple[Any, ...]


def row_of(record: Mapping[str, Any], *, seq: int, segment: int, offset: int, length: int) -> Row:
    """Values in the order of schema.COLUMNS, but for the interned ids at its end."""
    get = record.get
    return (
        seq,
        segment,
        offset,
        length,
        text_of(get("ts")),
        text_of(get("type")),
        text_of(get("outcome")),
        text_of(get("status")),
        text_of(get("evidence")),
        text_of(get("server_label")),
        text_of(get("tool")),
        text_of(get("principal")),
        text_of(get("approver")),
        _number(get("authenticated")),
        _json(get("rule_ids")),
        next((text for name in _TEXTS if (text := _short(get(name)))), None),
        text_of(get("item_id")),
        _number(get("attempt")),
        text_of(get("asked_at")) or text_of(get("shown_at")),
        text_of(get("decided_at")),
        _number(get("latency_ms")),
        _number(get("result_size")),
        _number(get("sanitized")),
        _short(get("arguments")),
    )


def _number(value: Any) -> int | float | None:
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else None  # what SQLite can hold
    return value if isinstance(value, float) else None


def _json(value: Any) -> str | None:
    if value is None or value == []:
        return None
    return storable(encode_json(value))


def _short(value: Any) -> str | None:
    if value is None or value in ("", {}):
        return None
    text = storable(value) if isinstance(value, str) else _json(value) or ""
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"
