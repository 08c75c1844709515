"""A server that speaks, and not what it was declared to: the refusal says what to write instead."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.adapters.mcp_servers.failures import no_credential
from mcpbridge.adapters.mcp_servers.settings import HttpAddress, Protocol
from mcpbridge.errors import ServerUnavailable, UsageError
from tests.mcp_servers.scene import toolbox
from tests.mcp_servers.web import Web, error


def refused(address: HttpAddress, *, protocol: Protocol = "auto") -> str:
    async def whole() -> str:
        async with toolbox(address, protocol=protocol) as box:
            with pytest.raises(ServerUnavailable) as caught:
                await box.tools()
            return str(caught.value)

    return asyncio.run(whole())


@pytest.mark.parametrize("status", [404, 405])
def test_a_url_that_takes_no_posts_may_be_one_of_the_older_transport(site: HTTPServer, status: int) -> None:
    site.expect_request("/sse").respond_with_response(Response(status=status))

    said = refused(HttpAddress(url=site.url_for("/sse")))

    assert f"HTTP {status}" in said
    assert said.endswith("; is this the whole URL? for a server of the older HTTP+SSE, write transport: sse")


def test_a_server_of_an_older_protocol_than_the_fixed_one_is_told_with_what_to_write(
    site: HTTPServer,
) -> None:
    web = Web(site)
    web.on["tools/list"] = lambda message, _: error(message, -32000, "Server not initialized", status=400)

    said = refused(HttpAddress(url=web.url), protocol="2026-07-28")

    assert "HTTP 400: Server not initialized" in said
    assert said.endswith("; where it speaks an older protocol, write protocol: legacy, or leave that out")


def test_a_refusal_for_another_reason_gets_no_advice(site: HTTPServer) -> None:
    web = Web(site)
    web.on["tools/list"] = lambda message, _: error(message, -32000, "Not today", status=400)

    assert refused(HttpAddress(url=web.url)).endswith("HTTP 400: Not today")


@pytest.mark.parametrize(
    ("place", "advice"),
    [
        ("http://169.254.169.254/latest", ""),
        ("http://[::1]:9/mcp", ""),
        ("http://localhost:9/mcp", ""),
        ("https://10.0.0.8/mcp", ""),
        ("https://mcp.example.com/mcp", "; if that is the server you mean, declare that URL"),
        ("http://mcp.example.com/mcp", "; if that is the server you mean, declare its https URL"),
    ],
)
def test_a_redirect_is_told_and_recommended_only_where_somebody_may_have_meant_it(
    site: HTTPServer, place: str, advice: str
) -> None:
    web = Web(site)

    def elsewhere(message: dict[str, Any], request: Request) -> Response:
        return Response(status=307, headers={"Location": place})

    web.on |= {"server/discover": elsewhere, "initialize": elsewhere}

    said = refused(HttpAddress(url=web.url))

    assert said == f"srv: it redirects to another place ({place}); nothing was sent there{advice}"


def test_a_missing_credential_is_told_with_the_label_once() -> None:
    why = UsageError("crm: headers.X-Key: the callable raised KeyError; nothing was sent")

    assert str(no_credential("crm", why)) == (
        "crm: no credential: headers.X-Key: the callable raised KeyError; nothing was sent"
    )


@pytest.mark.parametrize("status", [404, 400])
def test_a_server_that_forgot_the_session_between_two_turns_is_connected_to_anew(
    site: HTTPServer, status: int
) -> None:
    web = Web(site, session="first")
    listed: list[str] = []
    properly = {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}

    def tools(message: dict[str, Any], request: Request) -> Response | Mapping[str, Any]:
        listed.append(request.headers["mcp-session-id"])
        known = listed[-1] == web.session
        return properly if known else error(message, -32600, "Session not found", status=status)

    web.on["tools/list"] = tools

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            before = await box.tools()
            web.session = "second"
            after = await box.tools(fresh=True)
            assert [tool.name for tool in after.tools] == ["echo"]
            assert after.epoch > before.epoch
            web.session = "third"
            web.on["initialize"] = lambda message, _: error(message, -32600, "gone", status=503)
            with pytest.raises(ServerUnavailable, match="HTTP 503: gone"):
                await box.tools(fresh=True)

    asyncio.run(story())
    assert listed == ["first", "first", "second", "second"]
