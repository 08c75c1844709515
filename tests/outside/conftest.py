"""Programs that nobody here wrote, talking to the service unchanged: its brain is the planner."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.demo.server import running_in_thread as tracker_in_thread
from mcpbridge.service.brains.planner.planner import PlannerBrain
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.running import running_in_thread


@pytest.fixture
def tracker() -> Generator[Tracker, None, None]:
    """A real MCP server that wants a bearer token."""
    with tracker_in_thread() as running:
        yield running


@pytest.fixture
def planner() -> Generator[LocalEndpoint, None, None]:
    """The service with its planner."""
    with running_in_thread(PlannerBrain()) as endpoint:
        yield endpoint
