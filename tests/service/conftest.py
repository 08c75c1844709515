"""Puts the repository's root on the path, so that these tests can share `tests.service.*` helpers."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path

import pytest

_ROOT = str(Path(__file__).parents[2])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from mcpbridge.demo.server import Tracker, running_in_thread  # noqa: E402


@pytest.fixture
def tracker() -> Generator[Tracker, None, None]:
    """The demo's real MCP server."""
    with running_in_thread() as running:
        yield running
