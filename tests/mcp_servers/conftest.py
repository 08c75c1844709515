"""A web server of its own for each test: some are stopped, some are left in the middle of an answer."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer


@pytest.fixture
def site() -> Generator[HTTPServer, None, None]:
    server = HTTPServer(host="127.0.0.1", port=0, threaded=True)
    server.start()
    try:
        yield server
    finally:
        server.clear()
        if server.is_running():
            server.stop()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run have in common; pytest removes it after some runs."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
