"""Reviewing a log of 20,000 records; MCPBRIDGE_AUDIT_RECORDS=1000000 makes it a million."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from benchmarks.reviewing.long_log import write_long_log
from benchmarks.reviewing.measure import measured

_RECORDS = int(os.environ.get("MCPBRIDGE_AUDIT_RECORDS", "20000"))
_SHORT = 2_000
_MORE = 20.0
"""MB that a longer log may cost: SQLite's caches, and batches, which only a longer one fills. The short log
is 2 MB and the long one 24 MB, and several times that as objects."""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no way to ask for the memory used")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A short log and a long one."""
    folder = tmp_path_factory.mktemp("long")
    short, long = folder / "short", folder / "long"
    write_long_log(short, _SHORT)
    write_long_log(long, _RECORDS)
    return short, long


@pytest.mark.promise("million")
def test_two_commands_lead_from_a_report_to_the_evidence_of_one_decision(logs: tuple[Path, Path]) -> None:
    log = str(logs[1])
    indexed = json.loads(measured(["index", log, "--json"]).text)
    assert indexed["records"] >= _RECORDS
    assert indexed["bytes"] < sum(path.stat().st_size for path in logs[1].glob("audit*.jsonl")) / 2
    listed = measured(["show", log, "--rule", "mail-stays-in-the-house", "--limit", "5", "--json"])
    one = json.loads(listed.text.splitlines()[-1])
    evidence = measured(["show", one["request_id"], log])
    assert f"Decision {one['seq']}: mail.send_mail: DENIED (policy_deny)" in evidence.text
    assert "The policy of that time" in evidence.text
    assert "hashes lead from the leaf to this root" in evidence.text
    assert measured(["show", one["request_id"], log, "--no-index"]).text == evidence.text


@pytest.mark.promise("million")
@pytest.mark.parametrize(
    "command",
    [
        ["show", "--denied"],
        ["show", "--text", "certificate", "--limit", "9"],
        ["show", "--no-index", "7"],
        ["explain", "--no-index", "7"],
        ["reconcile"],
        ["index", "--rebuild", "--json"],
    ],
    ids=" ".join,
)
def test_memory_does_not_grow_with_the_log(logs: tuple[Path, Path], command: list[str]) -> None:
    short, long = (measured([*command, str(log)]) for log in logs)
    # What is printed is caught in memory here.
    assert long.megabytes - 2 * len(long.text) / 1e6 - short.megabytes < _MORE
