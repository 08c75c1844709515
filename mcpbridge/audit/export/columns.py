"""The columns of tables (CSV, Parquet): what reviewers sort and count by. The rest of a record is `other`."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

Kind = Literal["text", "integer", "number", "flag", "time", "names", "json"]

COLUMNS: Final[dict[str, Kind]] = {
    "seq": "integer",
    "ts": "time",
    "type": "text",
    "phase": "text",
    "outcome": "text",
    "status": "text",
    "evidence": "text",
    "effect": "text",
    "server_label": "text",
    "server_identity": "text",
    "tool": "text",
    "via": "text",
    "principal": "text",
    "approver": "text",
    "authenticated": "flag",
    "reason": "text",
    "error": "json",
    "rule_ids": "names",
    "policy_hash": "text",
    "definition_hash": "text",
    "screen_hash": "text",
    "asked_at": "time",
    "decided_at": "time",
    "latency_ms": "number",
    "result_size": "integer",
    "result_sha256": "text",
    "is_error": "flag",
    "run_id": "text",
    "conversation_id": "text",
    "response_id": "text",
    "request_id": "text",
    "item_id": "text",
    "trace_id": "text",
    "span_id": "text",
    "arguments": "json",
    "arguments_hmac": "text",
    "arguments_size": "integer",
    "sanitized": "flag",
    "prev": "text",
    "other": "json",
}
"""Column → what it holds. `json` is JSON text; `text` too, where the record holds something else there."""
_MOST: Final = 2**63 - 1


def cells_of(record: dict[str, Any]) -> dict[str, Any]:
    """A record's values by column, each of the column's kind, or None. What does not fit its column (somebody
    else chose it) goes to `other` with the fields that have none, so that nothing is lost."""
    cells: dict[str, Any] = dict.fromkeys(COLUMNS)
    other: dict[str, Any] = {}
    for name, value in record.items():
        if name == "crc":
            continue  # it protects the line that this record came from
        kind = COLUMNS.get(name) if name != "other" else None
        if kind == "json" and value is not None:
            cells[name] = value if isinstance(value, str) and name == "error" else json_text(value)
        elif kind is not None and _fits(value, kind):
            cells[name] = value
        else:
            other[name] = value
    cells["other"] = json_text(other) if other else None
    return cells


def _fits(value: Any, kind: Kind) -> bool:
    if value is None:
        return True
    match kind:
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MOST
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST
        case "flag":
            return isinstance(value, bool)
        case "names":
            return isinstance(value, list) and all(isinstance(one, str) for one in value)  # pyright: ignore[reportUnknownVariableType]
        case _:
            return isinstance(value, str)


def json_text(value: Any) -> str:
    """Compact, in ASCII: whatever reads it, reads the same."""
    return json.dumps(value, separators=(",", ":"))
