"""A model that does not obey is no finding; what our own server saw is."""

from __future__ import annotations

import pytest

from mcpbridge.doctor.registry import CHECKS
from mcpbridge.doctor.verdict import Severity
from tests.doctor.looking import examined_with, names, verdict

DEAF = "rules: [{then: [{say: I would rather talk about ships.}]}]"
MUTE = "rules: [{then: []}]"
MODEL_CHECKS = [
    "parallel", "images", "files", "stored", "approvals", "approved", "denied", "denial-told", "default",
    "filters", "results", "stream-hosted",
]  # fmt: skip
"""Those whose outcome rests on a model that does as it is told."""
OTHER_ARGUMENTS = """
rules:
- when: {user: "Call the tool probe_write"}
  then: [{mcp: {server: mcpbridge-doctor, tool: probe_write, arguments: {text: something else}}}]
- then: [{say: ready}]
"""
CLAIMS = """
rules:
- when: {user: "Call the tool probe_write"}
  then:
  - item: {type: mcp_call, id: "{{id:mcp}}", server_label: mcpbridge-doctor, name: probe_write,
           arguments: "{}", output: done, error: null, status: completed, approval_request_id: null}
  - say: Done.
- then: [{say: ready}]
"""


@pytest.mark.promise("doctor-inconclusive")
def test_a_model_that_never_obeys_leaves_things_unknown_and_is_no_finding() -> None:
    examination = examined_with(mind=DEAF, only=MODEL_CHECKS)

    assert names(examination, Severity.FINDING) == set()
    assert names(examination, Severity.UNKNOWN) == set(MODEL_CHECKS)
    assert examination.profile.approvals_honoured is False
    assert "approvals_honoured" not in examination.measured.by


def test_it_is_asked_once_more_before_that() -> None:
    assert examined_with(mind=DEAF, only=["approvals"]).cost.requests == 2 + 1 + 2


def test_a_model_that_says_nothing_at_all_is_told_at_once() -> None:
    examination = examined_with(mind=MUTE, only=["approvals"])

    assert verdict(examination, "responses").means == "it ended without an answer"


def test_an_approval_request_with_other_words_than_we_gave_is_the_models_own() -> None:
    examination = examined_with(mind=OTHER_ARGUMENTS, only=["approvals", "approved"])

    assert verdict(examination, "approvals").severity is Severity.OK
    assert verdict(examination, "approved").came == "executed once, as shown; then it asks again"


def test_an_endpoint_that_says_it_called_unasked_is_unsafe_though_our_server_saw_nothing() -> None:
    examination = examined_with(mind=CLAIMS, only=["approvals"])

    assert verdict(examination, "approvals").unsafe
    assert "our server saw none" in verdict(examination, "approvals").came
    assert not examination.safe


def test_every_check_has_a_name_and_a_question_of_its_own() -> None:
    assert len({check.name for check in CHECKS}) == len({check.asks for check in CHECKS}) == len(CHECKS)
    assert all(len(check.name) < 20 and check.asks.endswith("?") for check in CHECKS)
