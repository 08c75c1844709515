"""The recipes of docs/audit/reviewing.md, with the programs they are for, where those are installed."""

from __future__ import annotations

import importlib
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.cli.audit.lnav import lnav_format
from mcpbridge.core.ruling import Outcome

from .logs import decision
from .review_logs import append

_DOCS = Path(__file__).parents[2] / "docs" / "audit" / "reviewing.md"
_QUERIES = re.findall(r"```sql\n(.*?)```", _DOCS.read_text("utf-8"), re.DOTALL) if _DOCS.exists() else []


@pytest.mark.skipif(find_spec("duckdb") is None, reason="duckdb is not installed")
def test_duckdb_reads_the_log_as_the_docs_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = {"asked_at": "2026-11-21T12:00:00+00:00", "decided_at": "2026-11-21T12:00:03.5+00:00"}
    by = {"approver": "ada", **times}
    asked = [decision(f"mcpr_{at}", outcome="human_allow" if at else "human_deny", **by) for at in range(4)]
    # As it was written before a later answer had `asked_at` too.
    later = {
        "asked_at": None,
        "shown_at": "2026-11-21T12:00:01+00:00",
        "decided_at": "2026-11-21T12:00:08+00:00",
    }
    asked.append(decision("mcpr_5", outcome="human_allow", **{**by, **later, "approver": "bob"}))
    append(tmp_path / "audit", [decision("mcpr_9"), *asked], segment_bytes=2_000)
    monkeypatch.chdir(tmp_path)
    duckdb: Any = importlib.import_module("duckdb")
    tools, people = (duckdb.sql(query).fetchall() for query in _QUERIES)
    assert {row[:3] for row in tools} == {
        ("docs.search", "human_allow", 4),
        ("docs.search", "policy_allow", 1),
        ("docs.search", "human_deny", 1),
    }
    assert people == [("ada", 4, 0.75, 3.5), ("bob", 1, 1.0, 7.0)]


def test_lnav_knows_every_outcome_there_is() -> None:
    levels = json.loads(lnav_format())["mcpbridge_audit"]["level"]
    named = {
        outcome for outcome in Outcome for pattern in levels.values() if re.search(pattern, outcome.value)
    }
    assert named == set(Outcome)
