"""OTLP/JSON against the published protocol buffers."""

from __future__ import annotations

import base64
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from mcpbridge.audit.export import write_otlp
from mcpbridge.audit.export.otlp import log_record
from tests.audit_export.made import exported, of, strange

protobuf: Any = import_module("google.protobuf.json_format")  # it has no types


def parsed(line: dict[str, Any]) -> list[LogRecord]:
    """A line as the protocol's own parser reads it. OTLP writes ids in hex where protobuf has base64."""
    for record in line["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:
        for name in ("traceId", "spanId"):
            if name in record:
                record[name] = base64.b64encode(bytes.fromhex(record[name])).decode()
    request = ExportLogsServiceRequest()
    protobuf.ParseDict(line, request)
    return list(request.resource_logs[0].scope_logs[0].log_records)


@pytest.mark.promise("export-otel")
def test_every_record_is_a_log_record_of_the_protocol(tmp_path: Path) -> None:
    records = of(tmp_path)

    found = [one for line in exported(write_otlp, records).splitlines() for one in parsed(json.loads(line))]

    assert [one.event_name for one in found] == [f"mcpbridge.audit.{record['type']}" for record in records]
    traced = next(one for one in found if one.trace_id)
    assert (traced.trace_id.hex(), traced.span_id.hex()) == (
        "0af7651916cd43dd8448eb211c80319c",
        "b7ad6b7169203331",
    )
    assert traced.time_unix_nano == 1763640000000000000 + 365 * 86_400 * 10**9
    arguments = traced.body.kvlist_value.values[0]
    assert arguments.key == "arguments"
    title = arguments.value.kvlist_value.values[0].value.string_value
    assert title.startswith("=HYPERLINK")
    attributes = {pair.key: pair.value for pair in traced.attributes}
    assert attributes["gen_ai.tool.name"].string_value == "open"
    assert attributes["mcpbridge.seq"].int_value == 4


@pytest.mark.promise("export-otel")
@settings(deadline=None)
@given(strange)
def test_so_is_a_record_that_somebody_else_made(record: dict[str, Any]) -> None:
    made = json.loads(json.dumps(log_record(record)))
    line = {"resourceLogs": [{"scopeLogs": [{"logRecords": [made]}]}]}

    assert len(parsed(line)) == 1


def test_long_logs_are_cut_into_requests_a_collector_takes() -> None:
    many = ({"seq": number, "type": "decision", "ts": "2026-11-20T12:00:00Z"} for number in range(450))
    big = ({"seq": number, "type": "decision", "arguments": "x" * 400_000} for number in range(6))

    lines = exported(write_otlp, many).splitlines()
    large = exported(write_otlp, big).splitlines()

    assert [len(parsed(json.loads(line))) for line in lines] == [200, 200, 50]
    assert [len(parsed(json.loads(line))) for line in large] == [3, 3]
