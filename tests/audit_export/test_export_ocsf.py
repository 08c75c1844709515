"""OCSF events against the published class."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from mcpbridge.audit.export import write_ocsf
from mcpbridge.audit.export.ocsf import VERSION, event_of
from tests.audit_export.made import exported, of, strange


@cache
def published(version: str, *profiles: str) -> Draft202012Validator:
    """API Activity as that version of OCSF defines it; no attribute beyond it is accepted."""
    ocsf: Any = import_module("ocsf_json_schema")  # it has no types
    schemas = ocsf.OcsfJsonSchemaEmbedded(ocsf.get_ocsf_schema(version=version))
    return Draft202012Validator(schemas.get_class_schema(class_name="api_activity", profiles=list(profiles)))


def faults(event: dict[str, Any], version: str) -> list[str]:
    validator: Any = published(version, *event["metadata"]["profiles"])
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(event)]


@pytest.mark.promise("export-ocsf")
@pytest.mark.parametrize("version", ["1.4.0", "1.5.0", "1.6.0", "1.7.0", "1.8.0"])
def test_every_record_is_an_event_of_the_published_class(version: str, tmp_path: Path) -> None:
    events = [json.loads(line) for line in exported(write_ocsf, of(tmp_path)).splitlines()]

    assert len(events) > 10
    assert [faults(event, version) for event in events] == [[]] * len(events)


@pytest.mark.promise("export-ocsf")
@settings(deadline=None)
@given(strange)
def test_so_is_a_record_that_somebody_else_made(record: dict[str, Any]) -> None:
    assert faults(json.loads(json.dumps(event_of(record))), VERSION) == []


def test_a_decision_says_what_the_gate_did_and_by_which_rule(tmp_path: Path) -> None:
    events = [event_of(record) for record in of(tmp_path)]

    denied = next(event for event in events if event["api"]["operation"] == "send")
    assert (denied["class_uid"], denied["type_uid"]) == (6003, 600399)
    assert (denied["action"], denied["disposition"], denied["status"]) == ("Denied", "Blocked", "Failure")
    assert (denied["status_code"], denied["status_detail"]) == ("policy_deny", "not for agents")
    assert denied["authorizations"] == [{"decision": "ask", "policy": {"name": "no-mail", "uid": "a" * 64}}]
    assert denied["actor"]["user"] == {"name": "ada"}
    allowed = next(
        event for event in events if event["metadata"]["profiles"] == ["security_control", "trace"]
    )
    assert (allowed["action_id"], allowed["disposition_id"]) == (1, 1)
    assert allowed["trace"] == {"uid": "0af7651916cd43dd8448eb211c80319c"}
    assert allowed["unmapped"]["approver"] == "ada"
    registered = next(event for event in events if event["activity_name"] == "server_registered")
    assert registered["dst_endpoint"] == {"svc_name": "tracker", "hostname": "tracker.example"}


def test_nothing_of_a_record_is_lost(tmp_path: Path) -> None:
    mapped: dict[str, Callable[[Any], Any]] = {
        "ts": lambda event: event["metadata"]["original_time"],
        "type": lambda event: event["activity_name"],
        "seq": lambda event: event["metadata"]["sequence"],
        "principal": lambda event: event["actor"]["user"]["name"],
        "server_label": lambda event: event["api"]["service"]["name"],
        "tool": lambda event: event["api"]["operation"],
        "request_id": lambda event: event["api"]["request"]["uid"],
        "arguments": lambda event: event["api"]["request"]["data"],
        "conversation_id": lambda event: event["metadata"]["correlation_uid"],
        "error": lambda event: event["api"]["response"]["error"],
        "trace_id": lambda event: event["trace"]["uid"],
        "rule_ids": lambda event: [one["policy"]["name"] for one in event["authorizations"]],
        "effect": lambda event: event["authorizations"][0]["decision"],
        "policy_hash": lambda event: event["authorizations"][0]["policy"]["uid"],
    }
    for record in of(tmp_path):
        event = event_of(record)
        for name, value in record.items():
            if name in mapped:
                assert mapped[name](event) == value
            elif name not in ("prev", "crc", "latency_ms"):
                assert event["unmapped"][name] == value
