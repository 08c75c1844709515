"""Real processes that run at the same time, and share nothing but the audit log."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mcpbridge.audit import read, verify

ROOT = Path(__file__).parents[2]
PROCESSES, CALLS, LIMIT = 3, 5, 7


@pytest.mark.promise("limit-shared")
def test_three_processes_take_together_what_there_is_and_no_more(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.engine.limited_worker", str(tmp_path), str(CALLS), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    ran = [int(worker.communicate()[0]) for worker in workers]
    assert sum(ran) == LIMIT
    outcomes = [str(record["outcome"]) for record in read(tmp_path, types=["decision"])]
    assert sorted(outcomes) == ["limit"] * (PROCESSES * CALLS - LIMIT) + ["policy_allow"] * LIMIT
    assert not verify(tmp_path).flaws
