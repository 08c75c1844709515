"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mcpbridge.demo import server
from mcpbridge.demo.server import Tracker
from tests.cli_other.shared import TOKEN, WriteConfig


@pytest.fixture(scope="session")
def tracker() -> Iterator[Tracker]:
    """The demo's MCP server, which wants TOKEN."""
    with server.running_in_thread(token=TOKEN) as running:
        yield running


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, with TOKEN in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKER_TOKEN", TOKEN)
    monkeypatch.setenv("WRONG_TOKEN", "wrong-token-551c")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-1c9e77")
    return tmp_path


@pytest.fixture
def write_config(here: Path) -> WriteConfig:
    """Writes ./mcpbridge.yaml with the given entries under `servers:` (YAML flow mappings)."""

    def write(*servers: str, rest: str = "") -> Path:
        entries = "".join(f"\n  - {server}" for server in servers)
        listed = f"servers:{entries}\n" if servers else ""
        path = here / "mcpbridge.yaml"
        path.write_text(
            f"model: {{name: m, endpoint: openai}}\npolicy: ask-before-write\n{listed}{rest}",
            encoding="utf-8",
        )
        return path

    return write
