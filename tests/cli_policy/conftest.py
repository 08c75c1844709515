"""Files that the policy commands are tried on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli_other.conftest import tracker

from .shared import CALL, POLICY, TOOLS

__all__ = ["here", "tracker"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with policy.yaml, bank.json (its tools) and call.json."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "bank.json").write_text(json.dumps({"tools": TOOLS}), encoding="utf-8")
    (tmp_path / "call.json").write_text(json.dumps(CALL), encoding="utf-8")
    return tmp_path
