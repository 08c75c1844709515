"""The whole stack over real HTTP: a Bridge, the scripted service, the demo's real MCP server."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from mcpbridge.demo.server import Tracker, running_in_thread


@pytest.fixture
def tracker() -> Generator[Tracker, None, None]:
    """A real MCP server that wants a bearer token."""
    with running_in_thread(token="canary-tracker-token-7f3a") as running:
        yield running
