"""The whole stack over real HTTP: a Bridge, the scripted service, the demo's real MCP server."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.demo.server import Tracker, running_in_thread
from tests.records import logs_fit
from tests.wire.hostile import Hostile


@pytest.fixture
def tracker() -> Generator[Tracker, None, None]:
    """A real MCP server that wants a bearer token."""
    with running_in_thread(token="canary-tracker-token-7f3a") as running:
        yield running


@pytest.fixture
def hostile(httpserver: HTTPServer, tmp_path: Path) -> Hostile:
    """A server of a provider that answers whatever the test says."""
    return Hostile(httpserver, tmp_path)


@pytest.fixture(autouse=True)
def every_record_fits_the_schema(tmp_path: Path) -> Generator[None, None, None]:
    """Whatever a test is about: each line that it made the log hold is described by the schema."""
    yield
    logs_fit(tmp_path)
