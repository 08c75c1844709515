"""Lines that no writer of ours would write: a reviewer's commands tell what they can, and never break."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mcpbridge.audit.chain import GENESIS, chained, line_hash
from mcpbridge.cli.main import main

_FIELDS = (
    "seq", "ts", "phase", "outcome", "status", "evidence", "server_label", "tool", "principal", "approver",
    "authenticated", "rule_ids", "matches", "reason", "error", "request_id", "item_id", "attempt", "run_id",
    "conversation_id", "asked_at", "decided_at", "latency_ms", "result_size", "arguments", "policy_hash",
    "policy", "screen_hash", "definition_hash", "blobs", "blobs_masked", "blobs_withheld", "note",
    "first_seq", "last_seq", "root", "reviewer", "sealed", "observe", "freed",
)  # fmt: skip
_TYPES = (
    "decision", "intent", "outcome", "checkpoint", "review_signoff", "policy_loaded", "question_asked",
    "recovery", "run_finished", "server_registered",
)  # fmt: skip
_LEAVES = st.sampled_from(
    [None, True, -1, 2**70, 1e300, float("inf"), "", "human_allow", "17", "\x1b[2J\u202e", "conv_1", "x" * 99]
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_LEAVES.map(str), inner, max_size=2),
    max_leaves=4,
)


def _record(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, **fields}


_RECORDS = st.builds(
    _record, st.sampled_from(_TYPES), st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=8)
)
_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("show",),
    ("show", "--denied"),
    ("show", "--human"),
    ("export", "--format", "ocsf", "-o", os.devnull),
    ("show", "--json", "--text", "human"),
    ("show", "--rule", "17", "--tool", "*"),
    ("show", "--denied", "--since", "1h"),
    ("show", "1"),
    ("show", "2"),
    ("show", "conv_1"),
    ("tail", "-a"),
    ("explain", "1"),
    ("explain", "--json", "2"),
    ("reconcile", "--json"),
    ("signoff", "--list"),
    ("index",),
    ("show", "3"),
    ("show", "--human"),
)


def _written(folder: Path, records: list[dict[str, Any]]) -> None:
    prev, lines = GENESIS, list[bytes]()
    for seq, record in enumerate(records, start=1):
        body = json.dumps({"ts": "2026-11-21T12:00:00.000000Z", **record}, ensure_ascii=True)
        stamp = '"ts":"2026-11-21T12:00:00.000000Z",'
        lines.append(chained(seq, prev, (stamp + body[1:-1]).encode()))
        prev = line_hash(lines[-1])
    (folder / "audit.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


@pytest.mark.promise("audit-screens-inert")
@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(st.lists(_RECORDS, min_size=1, max_size=4))
def test_no_value_in_any_field_breaks_a_reviewer_s_command(records: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        _written(Path(name), records)
        for command in _COMMANDS:
            out = io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                assert main(["audit", *command, name]) in (0, 1, 2)
            assert all(line.isprintable() for line in out.getvalue().splitlines())
