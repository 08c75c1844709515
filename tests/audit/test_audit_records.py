"""One documented schema of every record, and nothing is written that it does not name."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mcpbridge.audit.records import RecordType
from mcpbridge.audit.schema import EVERY_LINE, FIELDS, FORMS, record_schema
from mcpbridge.audit.schema.forms import MAY_BE_ON_ANY
from mcpbridge.ports import Record
from tests.records import problems

from .logs import decision, encoded

ROOT = Path(__file__).parents[2]
WHOLE: dict[str, Any] = {
    "server_identity": "https://docs.test/mcp", "via": "hosted", "definition_hash": None, "effect": "allow",
    "matches": [], "policy_hash": "", "reason": "", "actor_is_agent": True, "on_behalf_of": "ci-bot",
    "attempt": 0, "asked_at": None, "decided_at": "2025-11-21T12:01:00+00:00", "response_id": "resp_1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "file"),
    [([], "docs/audit/records.md"), (["--json"], "docs/schema/audit-record.schema.json")],
)
def test_the_reference_and_the_schema_are_what_the_tables_say(arguments: list[str], file: str) -> None:
    command = [sys.executable, "-m", "mcpbridge.audit.schema", *arguments]
    made = subprocess.run(command, capture_output=True, check=True, cwd=ROOT, text=True, encoding="utf-8")
    assert made.stdout == (ROOT / file).read_text(encoding="utf-8")


def test_the_command_prints_the_schema_that_is_in_the_docs() -> None:
    command = [sys.executable, "-m", "mcpbridge", "check", "--schema", "audit-record"]
    made = subprocess.run(command, capture_output=True, check=True, cwd=ROOT, text=True)
    assert made.stdout == (ROOT / "docs/schema/audit-record.schema.json").read_text(encoding="utf-8")
    jsonschema.Draft7Validator.check_schema(record_schema())


@pytest.mark.promise("audit-schema")
def test_every_type_has_a_form_and_every_field_a_meaning() -> None:
    assert set(FORMS) == set(RecordType)
    named = {name for form in FORMS.values() for name in (*form.required, *form.optional)}
    assert named | {*EVERY_LINE, *MAY_BE_ON_ANY} == set(FIELDS)


def test_a_whole_decision_fits() -> None:
    record, _ = encoded(decision(**WHOLE))
    assert problems(record) == []


@pytest.mark.promise("audit-schema")
def test_a_field_nobody_described_does_not_fit() -> None:
    record, _ = encoded(decision(**WHOLE, mood="good"))
    assert any("mood" in problem for problem in problems(record))


@pytest.mark.parametrize("name", ["outcome", "rule_ids", "principal"])
def test_a_field_that_is_missing_does_not_fit(name: str) -> None:
    whole = decision(**WHOLE)
    record, _ = encoded(replace(whole, fields={key: v for key, v in whole.fields.items() if key != name}))
    assert any(name in problem for problem in problems(record))


def test_a_wrong_phase_an_unknown_outcome_and_an_unknown_type_do_not_fit() -> None:
    whole = decision(**WHOLE)
    for wrong in (
        replace(whole, phase="post"),
        decision(**{**WHOLE, "outcome": "maybe"}),
        Record(type="gossip"),
    ):
        assert problems(encoded(wrong)[0])
