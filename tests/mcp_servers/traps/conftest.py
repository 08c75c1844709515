"""Servers of both eras, and a second one beside them."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from pytest_httpserver import HTTPServer

from tests.mcp_servers.web import Web


@pytest.fixture(params=["legacy", "modern"])
def web(request: pytest.FixtureRequest, site: HTTPServer) -> Web:
    modern = request.param == "modern"
    return Web(site, modern=modern, session="" if modern else "s1")


@pytest.fixture
def other() -> Generator[Web, None, None]:
    with HTTPServer(host="127.0.0.1", port=0, threaded=True) as server:
        yield Web(server)
        server.clear()
