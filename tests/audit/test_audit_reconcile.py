"""Whether a log adds up: planted holes are found, and what is merely open is not one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.audit.review.accounts import Event, Kind, Told, holes
from mcpbridge.audit.review.reconcile import Reconciliation, reconcile
from mcpbridge.errors import AuditCorrupt, AuditUnavailable
from mcpbridge.ports import Record

from .logs import decision, note
from .review_logs import append, asked, call, ended, intent, outcome


def looked_at(directory: Path, records: Sequence[Record]) -> Reconciliation:
    append(directory, [*call("mcpr_fine"), *records, *call("mcpr_fine_too")])
    return reconcile(directory)


def unknown(request_id: str = "mcpr_1") -> Record:
    return _about("outcome_unknown", request_id, status="unknown")


def recovery(result: str, **fields: Any) -> Record:
    return _about("recovery", "mcpr_1", outcome=result, **fields)


def server(*, observe: bool) -> Record:
    return Record(type="server_registered", fields={"server_label": "docs", "observe": observe})


def _about(type_: str, request_id: str, **fields: Any) -> Record:
    about = {"run_id": "run_1", "conversation_id": "conv_1", "request_id": request_id}
    return Record(type=type_, fields=about | fields)


_OBSERVED: dict[str, Any] = {"request_id": None, "item_id": "mcp_1", "evidence": "observed"}
_DENIED = decision("mcpr_1", outcome="policy_deny")
_HOLES: list[tuple[str, list[Record], list[tuple[Kind, int]]]] = [
    ("asked and never decided", [asked()], [(Kind.NO_DECISION, 4)]),
    ("asked, and the run failed", [asked(), ended("failed")], [(Kind.NO_DECISION, 4)]),
    ("decided twice", [*call("mcpr_1"), decision("mcpr_1")], [(Kind.TWO_DECISIONS, 7)]),
    (
        "allowed and denied",
        [_DENIED, decision("mcpr_1"), intent()],
        [(Kind.TWO_DECISIONS, 5), (Kind.NO_APPROVAL, 6)],
    ),
    ("allowed and forgotten", [decision("mcpr_1")], [(Kind.NO_OUTCOME, 4)]),
    ("begun and forgotten", [decision("mcpr_1"), intent()], [(Kind.NO_OUTCOME, 4)]),
    ("begun and paused", [decision("mcpr_1"), intent(), ended("paused")], [(Kind.NO_OUTCOME, 4)]),
    ("ran out of nowhere", [outcome()], [(Kind.NO_APPROVAL, 4)]),
    ("begun out of nowhere", [intent(), outcome()], [(Kind.NO_APPROVAL, 4)]),
    ("ran before it was decided", [intent(), outcome(), decision("mcpr_1")], [(Kind.NO_APPROVAL, 4)]),
    ("denied and run", [_DENIED, outcome()], [(Kind.NO_APPROVAL, 5)]),
    ("denied and begun", [_DENIED, intent(), outcome()], [(Kind.NO_APPROVAL, 5)]),
    ("begun twice", [*call("mcpr_1"), intent()], [(Kind.TWO_RUNS, 7)]),
    ("two outcomes", [*call("mcpr_1"), outcome(result_sha256="cd")], [(Kind.TWO_RUNS, 7)]),
    ("seen, nobody asked", [server(observe=False), outcome(**_OBSERVED)], [(Kind.NO_APPROVAL, 5)]),
    (
        "in another conversation",
        [decision("mcpr_1"), outcome(conversation_id="c2")],
        [(Kind.NO_OUTCOME, 4), (Kind.NO_APPROVAL, 5)],
    ),
]
_CLEAN: dict[str, tuple[list[Record], int]] = {
    "decided and run": ([asked(), *call("mcpr_1")], 0),
    "denied": ([asked(), _DENIED], 0),
    "explicitly unknown": ([decision("mcpr_1"), intent(), unknown()], 0),
    "never begun": ([decision("mcpr_1"), recovery("not_run", attempt=0)], 0),
    "given up by a person": ([decision("mcpr_1"), intent(), unknown(), recovery("given_up")], 0),
    "told again after a crash": ([*call("mcpr_1"), outcome()], 0),
    "tried again": (
        [
            decision("mcpr_1"),
            intent(),
            unknown(),
            decision("mcpr_1", attempt=1),
            intent(attempt=1),
            outcome(),
        ],
        0,
    ),
    "seen on a server that never asks": ([server(observe=True), outcome(**_OBSERVED)], 0),
    "a person is still asked": ([asked(), ended("paused")], 1),
    "allowed, and the conversation waits": ([decision("mcpr_1"), ended("paused")], 1),
    "the log's own recovery": ([Record(type="recovery", fields={"removed_bytes": 3})], 0),
}


@pytest.mark.promise("reconcile-finds-holes")
@pytest.mark.parametrize(
    ("records", "expected"),
    [(records, found) for _, records, found in _HOLES],
    ids=[name for name, *_ in _HOLES],
)
def test_a_hole_is_found_and_named(
    tmp_path: Path, records: list[Record], expected: list[tuple[Kind, int]]
) -> None:
    found = looked_at(tmp_path, records)
    assert [(one.hole.kind, one.hole.seq) for one in found.findings] == expected
    assert sum(found.counts.values()) == len(expected)
    assert not found.clean


@pytest.mark.parametrize(("records", "waiting"), _CLEAN.values(), ids=_CLEAN)
def test_what_is_settled_or_open_for_a_reason_is_no_hole(
    tmp_path: Path, records: list[Record], waiting: int
) -> None:
    found = looked_at(tmp_path, records)
    assert found.clean
    assert found.waiting == waiting


def test_a_withdrawn_approval_needs_no_outcome_but_may_not_run_either(tmp_path: Path) -> None:
    told = [Told(1, Event.ALLOWED, 0), Told(2, Event.WITHDRAWN, 1)]
    assert list(holes(told)) == []
    assert [hole.kind for hole in holes([*told, Told(3, Event.DONE, 0)])] == [Kind.NO_APPROVAL]


def test_holes_are_found_over_segments_and_each_is_told_with_its_call(tmp_path: Path) -> None:
    fine = [record for at in range(30) for record in call(f"mcpr_{at}")]
    append(tmp_path, [decision("mcpr_hole"), *fine, outcome("mcpr_out"), note()], segment_bytes=4_000)
    found = reconcile(tmp_path)
    assert [(one.tool, one.request_id) for one in found.findings] == [
        ("docs.search", "mcpr_hole"),
        ("docs.search", "mcpr_out"),
    ]
    assert (found.requests, found.decisions, found.allowed, found.outcomes) == (32, 31, 31, 31)


def test_what_is_too_young_to_tell_is_left_out_when_asked_for(tmp_path: Path) -> None:
    append(tmp_path, [decision("mcpr_1"), outcome("mcpr_2")])
    found = reconcile(tmp_path, until=datetime(2000, 1, 1, tzinfo=UTC))
    assert found.recent == 1
    assert list(found.counts) == [Kind.NO_APPROVAL]  # what ran without an approval stays so
    assert reconcile(tmp_path, until=datetime(2999, 1, 1, tzinfo=UTC)).recent == 0


def test_what_stands_in_a_removed_beginning_is_no_hole_but_new_conversations_are_held_to_all(
    tmp_path: Path,
) -> None:
    def begun(conversation: str) -> Record:
        fields = {"run_id": "run_1", "conversation_id": conversation, "turn": 1}
        return Record(type="run_started", fields=fields)

    old = [note(f"{at}") for at in range(20)]
    append(tmp_path, [begun("conv_1"), decision("mcpr_1"), *old], segment_bytes=2_500)
    append(tmp_path, [intent(), outcome(), begun("conv_2"), outcome("mcpr_2", conversation_id="conv_2")])
    assert [one.request_id for one in reconcile(tmp_path).findings] == ["mcpr_2"]
    min(tmp_path.glob("audit-*.jsonl")).unlink()
    found = reconcile(tmp_path)
    assert [one.request_id for one in found.findings] == ["mcpr_2"]
    assert found.removed == 1


def test_a_log_that_cannot_be_read_adds_up_to_nothing(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable):
        reconcile(tmp_path)
    (tmp_path / "audit.jsonl").write_bytes(b'{"type":"decision"\n')
    with pytest.raises(AuditCorrupt):
        reconcile(tmp_path)


@given(st.lists(st.tuples(st.sampled_from(Event), st.integers(0, 2)), max_size=8))
def test_no_order_of_records_lets_an_unapproved_run_pass(events: list[tuple[Event, int]]) -> None:
    told = [Told(at + 1, event, attempt, "x") for at, (event, attempt) in enumerate(events)]
    found = [hole.kind for hole in holes(told)]
    ran = {Event.BEGUN, Event.DONE, Event.OBSERVED} & {event for event, _ in events}
    if ran and Event.ALLOWED not in {event for event, _ in events}:
        assert Kind.NO_APPROVAL in found
    if not events:
        assert not found
