"""A real MCP server that wants a bearer token, and a folder to run in."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from mcpbridge.demo.server import Tracker, running_in_thread
from tests.cli_run.shell import TOKEN, Shell
from tests.records import logs_fit


@pytest.fixture
def tracker() -> Generator[Tracker, None, None]:
    with running_in_thread(token=TOKEN) as running:
        yield running


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(folder=tmp_path)


@pytest.fixture(autouse=True)
def every_record_fits_the_schema(tmp_path: Path) -> Generator[None, None, None]:
    """Whatever a test is about: each line that it made the log hold is described by the schema."""
    yield
    logs_fit(tmp_path)
