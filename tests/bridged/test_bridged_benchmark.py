"""The benchmark of bridged calls runs; what it finds is for a quiet machine to say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.long import long

pytest.importorskip("benchmarks.bridged", reason="needs the repository")


@long
def test_the_benchmark_compares_both_protocols_one_by_one_and_sixty_four_at_once() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.bridged", "--quick", "--json", "--only", "process"],
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[2],
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(ran.stdout)["rows"]
    assert {(row["era"], row["at_once"]) for row in rows} == {
        (era, at_once) for era in ("2026-07-28", "2025-11-25") for at_once in (1, 64)
    }
    assert all(row["ours_ms"] > 0 and row["theirs_ms"] > 0 and row["met"] is None for row in rows)
