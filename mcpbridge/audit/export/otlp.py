"""OTLP/JSON log records: each line is one request for a collector (`/v1/logs`), as `otlpjsonfile` reads it.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: 64-bit integers are texts, ids are hex.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, BinaryIO, Final, cast

import mcpbridge
from mcpbridge.audit.filters import ALLOWED
from mcpbridge.audit.records import RecordType

_BATCH: Final = 200
"""Records in one line."""
_BYTES: Final = 2**20
"""A line ends at so many bytes, too: collectors refuse large requests."""
_INT64: Final = 2**63
_TRACE: Final = re.compile("[0-9a-f]{32}")
_SPAN: Final = re.compile("[0-9a-f]{16}")
_NAMES: Final = {
    "conversation_id": "gen_ai.conversation.id",
    "tool": "gen_ai.tool.name",
    "request_id": "gen_ai.tool.call.id",
    "response_id": "gen_ai.response.id",
    "error": "mcpbridge.error",
}
"""Fields that the GenAI conventions have a name for; all others are `mcpbridge.` and their own name."""
_SENT_ELSEWHERE: Final = frozenset({"ts", "trace_id", "span_id", "arguments", "crc"})
_WARN: Final = frozenset(
    {
        RecordType.OUTCOME_UNKNOWN.value, RecordType.TOOLS_CHANGED.value, RecordType.SERVER_SILENT.value,
        RecordType.POLICY_RELOAD_FAILED.value, RecordType.UNGATED.value, RecordType.RECOVERY.value,
    }
)  # fmt: skip


def write_otlp(records: Iterable[dict[str, Any]], file: BinaryIO) -> int:
    """Lines of up to 200 records."""
    count = 0
    encoded = (json.dumps(log_record(record), separators=(",", ":")).encode() for record in records)
    while batch := list(_some(encoded)):
        file.write(_request(batch) + b"\n")
        count += len(batch)
    return count


def _some(encoded: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for one in islice(encoded, _BATCH):
        yield one
        size += len(one)
        if size >= _BYTES:
            return


def _request(batch: list[bytes]) -> bytes:
    resource = {"attributes": [_pair("service.name", "mcpbridge")]}
    scope = {"name": "mcpbridge.audit", "version": mcpbridge.__version__}
    head = (
        f'{{"resourceLogs":[{{"resource":{json.dumps(resource)},"scopeLogs":[{{"scope":{json.dumps(scope)},'
    )
    return head.encode() + b'"logRecords":[' + b",".join(batch) + b"]}]}]}"


def log_record(record: dict[str, Any]) -> dict[str, Any]:
    """A record: its arguments are the body, everything else attributes."""
    kind = str(record.get("type", ""))
    number, text = _severity(record, kind)
    time = str(_nanoseconds(record.get("ts")))
    found: dict[str, Any] = {
        "timeUnixNano": time,
        "observedTimeUnixNano": time,
        "severityNumber": number,
        "severityText": text,
        "eventName": f"mcpbridge.audit.{kind}",
        "attributes": [
            _pair(_NAMES.get(name, f"mcpbridge.{name}"), value)
            for name, value in record.items()
            if name not in _SENT_ELSEWHERE and value is not None
        ],
    }
    if "arguments" in record:
        found["body"] = any_value({"arguments": record["arguments"]})
    for name, field, shape in (("traceId", "trace_id", _TRACE), ("spanId", "span_id", _SPAN)):
        if isinstance(record.get(field), str) and shape.fullmatch(record[field]):
            found[name] = record[field]
    return found


def _severity(record: dict[str, Any], kind: str) -> tuple[int, str]:
    """https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber"""
    if kind == RecordType.TRIPWIRE:
        return 17, "ERROR"
    denied = kind == RecordType.DECISION and str(record.get("outcome")) not in ALLOWED
    return (13, "WARN") if denied or kind in _WARN or record.get("is_error") is True else (9, "INFO")


def _pair(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": any_value(value)}


def any_value(value: Any) -> dict[str, Any]:
    """A plain JSON value as an AnyValue. Integers of more than 64 bits become text."""
    match value:
        case bool():
            return {"boolValue": value}
        case int() if -_INT64 <= value < _INT64:
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [any_value(one) for one in value]}}  # pyright: ignore[reportUnknownVariableType]
        case dict():
            pairs = cast("dict[str, Any]", value).items()
            return {"kvlistValue": {"values": [_pair(str(key), one) for key, one in pairs]}}
        case None:
            return {}
        case _:
            return {"stringValue": str(value)}


def _nanoseconds(value: Any) -> int:
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError:
        return 0
    since = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return max((since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000, 0)
