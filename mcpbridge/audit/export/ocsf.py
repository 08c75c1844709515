"""OCSF events, one JSON object a line: class API Activity (6003), profiles security_control and trace.

https://schema.ocsf.io/1.4.0/classes/api_activity: the oldest version that has both profiles; later ones only
add. docs/audit/export.md maps each field. What has no place in the class is in `unmapped`, under its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

import mcpbridge
from mcpbridge.audit.filters import ALLOWED
from mcpbridge.audit.plain import encode_plain
from mcpbridge.audit.records import Evidence, RecordType

VERSION: Final = "1.4.0"
_CLASS: Final = 6003
_MAX_NUMBER: Final = 1e15
"""Milliseconds; what is more is no latency."""
_OTHER: Final = 99
"""The activity: OCSF knows create, read, update and delete, and nobody knows what a tool does."""
_ALLOWED: Final = {"action_id": 1, "action": "Allowed", "disposition_id": 1, "disposition": "Allowed"}
_DENIED: Final = {"action_id": 2, "action": "Denied", "disposition_id": 2, "disposition": "Blocked"}
_OBSERVED: Final = {"action_id": 3, "action": "Observed", "disposition_id": 17, "disposition": "Logged"}
_EDITED: Final = {"action_id": 4, "action": "Modified", "disposition_id": 11, "disposition": "Corrected"}
_STATUS: Final = {
    "completed": (1, "Success"),
    "failed": (2, "Failure"),
    "timeout": (2, "Failure"),
    "unknown": (0, "Unknown"),
    "not_run": (99, "Other"),
}
_SEVERITY: Final = {
    RecordType.TRIPWIRE.value: (4, "High"),
    RecordType.OUTCOME_UNKNOWN.value: (3, "Medium"),
    RecordType.TOOLS_CHANGED.value: (3, "Medium"),
    RecordType.POLICY_RELOAD_FAILED.value: (3, "Medium"),
    RecordType.RECOVERY.value: (2, "Low"),
    RecordType.UNGATED.value: (2, "Low"),
}
_MAPPED: Final = frozenset(
    {
        "ts", "type", "seq", "prev", "crc", "principal", "server_label", "tool", "request_id", "arguments",
        "conversation_id", "trace_id", "latency_ms", "error", "rule_ids", "effect", "policy_hash",
    }
)  # fmt: skip


def write_ocsf(records: Iterable[dict[str, Any]], file: BinaryIO) -> int:
    """One event a line."""
    count = 0
    for count, record in enumerate(records, 1):  # noqa: B007
        file.write(_json(event_of(record)).encode() + b"\n")
    return count


def _json(event: dict[str, Any]) -> str:
    try:
        return json.dumps(event, separators=(",", ":"), allow_nan=False)
    except ValueError:  # a number that no JSON has (1e400), in a line that another program wrote
        return encode_plain(event)[0]


def event_of(record: dict[str, Any]) -> dict[str, Any]:
    """A record as an event."""
    kind = _text(record.get("type"))
    severity_id, severity = _severity(record, kind)
    event: dict[str, Any] = {
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": _CLASS,
        "class_name": "API Activity",
        "activity_id": _OTHER,
        "activity_name": kind,
        "type_uid": _CLASS * 100 + _OTHER,
        "type_name": "API Activity: Other",
        "time": _milliseconds(record.get("ts")),
        "severity_id": severity_id,
        "severity": severity,
        "message": _message(record, kind),
        "metadata": _metadata(record, kind),
        "actor": {"app_name": "mcpbridge", **_named("user", record.get("principal"))},
        "api": _api(record, kind),
        "src_endpoint": {"svc_name": "mcpbridge"},
        **_destination(record),
        **_verdict(record, kind),
        **_status(record, kind),
        **_authorizations(record),
        **({"trace": {"uid": record["trace_id"]}} if isinstance(record.get("trace_id"), str) else {}),
    }
    if _number(record.get("latency_ms")) is not None:
        event["duration"] = round(record["latency_ms"])
    event["unmapped"] = {name: value for name, value in record.items() if name not in _MAPPED}
    return event


@cache
def _product() -> dict[str, str]:
    return {"name": "mcpbridge", "vendor_name": "mcpbridge", "version": mcpbridge.__version__}


def _metadata(record: dict[str, Any], kind: str) -> dict[str, Any]:
    traced = ["trace"] if isinstance(record.get("trace_id"), str) else []
    found = {
        "version": VERSION,
        "profiles": ["security_control", *traced],
        "product": _product(),
        "uid": f"{_text(record.get('prev'))}:{record.get('seq', 0)}",
        "log_name": "mcpbridge audit",
        "event_code": kind,
        "original_time": _text(record.get("ts")),
    }
    if isinstance(record.get("seq"), int):
        found["sequence"] = record["seq"]
    if record.get("conversation_id"):
        found["correlation_uid"] = _text(record["conversation_id"])
    return found


def _api(record: dict[str, Any], kind: str) -> dict[str, Any]:
    """The call; for records about something else, what is recorded stands for the operation."""
    request: dict[str, Any] = {"uid": _text(record.get("request_id")) or f"seq:{record.get('seq', 0)}"}
    if "arguments" in record:
        request["data"] = record["arguments"]
    found: dict[str, Any] = {"operation": _text(record.get("tool")) or kind, "request": request}
    if record.get("server_label"):
        found["service"] = {"name": _text(record["server_label"])}
    if record.get("error"):
        found["response"] = {"error": _text(record["error"])}
    return found


def _destination(record: dict[str, Any]) -> dict[str, Any]:
    label, identity = record.get("server_label"), record.get("server_identity")
    if not label:
        return {}
    found: dict[str, Any] = {"svc_name": _text(label)}
    try:
        host = urlsplit(identity).hostname if isinstance(identity, str) else None
    except ValueError:
        host = None
    return {"dst_endpoint": {**found, **({"hostname": host} if host else {})}}


def _verdict(record: dict[str, Any], kind: str) -> dict[str, Any]:
    """What the gate did: the profile security_control."""
    if kind == RecordType.DECISION:
        return dict(_ALLOWED if _text(record.get("outcome")) in ALLOWED else _DENIED)
    if kind == RecordType.ARGUMENTS_EDITED:
        return dict(_EDITED)
    observed = kind == RecordType.UNGATED or record.get("evidence") == Evidence.OBSERVED
    return dict(_OBSERVED) if observed else {}


def _status(record: dict[str, Any], kind: str) -> dict[str, Any]:
    """What became of the call, in records that know."""
    code, detail = _text(record.get("status")), record.get("reason")
    if kind == RecordType.DECISION:
        code, found = _text(record.get("outcome")), (2, "Failure")
        if code in ALLOWED:
            return {}
    elif code in _STATUS:
        found = _STATUS[code]
    else:
        return {}
    about = {"status_id": found[0], "status": found[1], "status_code": code}
    return {**about, "status_detail": _text(detail)} if detail else about


def _authorizations(record: dict[str, Any]) -> dict[str, Any]:
    """The rules that carried the decision."""
    rules = record.get("rule_ids")
    if not isinstance(rules, list):
        return {}
    uid = {"uid": record["policy_hash"]} if isinstance(record.get("policy_hash"), str) else {}
    decision = _text(record.get("effect") or record.get("outcome"))
    names = [_text(rule) for rule in rules]  # pyright: ignore[reportUnknownVariableType]
    found = [{"decision": decision, "policy": {"name": name, **uid}} for name in names]
    return {"authorizations": found or [{"decision": decision, **({"policy": uid} if uid else {})}]}


def _severity(record: dict[str, Any], kind: str) -> tuple[int, str]:
    if kind == RecordType.DECISION and _text(record.get("outcome")) not in ALLOWED:
        return 2, "Low"
    if record.get("is_error") is True:
        return 2, "Low"
    return _SEVERITY.get(kind, (1, "Informational"))


def _message(record: dict[str, Any], kind: str) -> str:
    tool = ".".join(_text(record[name]) for name in ("server_label", "tool") if record.get(name))
    result = record.get("outcome") or record.get("status")
    return " ".join(part for part in (kind, tool, _text(result)) if part)


def _named(name: str, value: Any) -> dict[str, Any]:
    return {name: {"name": _text(value)}} if value else {}


def _text(value: Any) -> str:
    """Strings as they are; where somebody else chose another shape, as JSON."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < _MAX_NUMBER else None


def _milliseconds(value: Any) -> int:
    try:
        when = datetime.fromisoformat(_text(value))
    except ValueError:
        return 0
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
