"""Traps of HTTP: lost statuses, a lock around every call, and results that are too long for the SDK."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.adapters.mcp_servers.settings import HttpAddress
from mcpbridge.adapters.oauth.tokens import OAuthAuth
from mcpbridge.errors import AuthRefused, OutcomeLost, RateLimited, ServerError
from tests.mcp_servers.scene import call, toolbox
from tests.mcp_servers.traps.naive import text_of
from tests.mcp_servers.web import Answering, Web, events, said
from tests.oauth.authority import Authority, running
from tests.oauth.scene import tokens
from tests.oauth.test_oauth_tokens import keeper

Message = dict[str, Any]


def answering(status: int) -> Answering:
    return lambda message, request: Response("no", status=status)


@pytest.mark.promise("mcp-traps")
def test_every_refusal_looks_the_same_naively_and_is_an_error_of_its_kind_here(web: Web) -> None:
    statuses = (401, 403, 429, 500)

    async def naively() -> set[tuple[int, str, object]]:
        found: set[tuple[int, str, object]] = set()
        async with Client(web.url) as client:
            for status in statuses:
                web.on["tools/call"] = answering(status)
                with pytest.raises(MCPError) as refused:
                    await client.call_tool("echo", {})
                found.add((refused.value.code, refused.value.message, refused.value.data))
        return found

    async def ours() -> list[tuple[type, int | None]]:
        found: list[tuple[type, int | None]] = []
        async with toolbox(HttpAddress(url=web.url)) as box:
            for status in statuses:
                web.on["tools/call"] = answering(status)
                with pytest.raises(ServerError) as refused:
                    await call(box, "echo")
                found.append((type(refused.value), refused.value.status_code))
        return found

    assert asyncio.run(naively()) == {(-32603, "Server returned an error response", None)}
    assert asyncio.run(ours()) == [
        (AuthRefused, 401),
        (AuthRefused, 403),
        (RateLimited, 429),
        (OutcomeLost, 500),
    ]


class Storage:
    """Tokens as the SDK's provider wants them: there already."""

    async def get_tokens(self) -> OAuthToken | None:
        return OAuthToken(access_token="kept", token_type="Bearer", expires_in=3600)

    async def set_tokens(self, tokens: OAuthToken) -> None:
        raise AssertionError("the token holds")

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return OAuthClientInformationFull(client_id="us", redirect_uris=[AnyUrl("http://127.0.0.1/back")])

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        raise AssertionError("the client is known")


class Meeting:
    """A tool whose calls wait for each other, four at a time; each says whether the others came."""

    def __init__(self, patience: float) -> None:
        self._together, self._patience = threading.Barrier(4), patience

    def __call__(self, message: Message, request: Request) -> Mapping[str, Any]:
        try:
            self._together.wait(timeout=self._patience)
        except threading.BrokenBarrierError:
            return said("alone")
        return said("together")


@pytest.mark.promise("mcp-traps")
def test_calls_wait_for_each_other_behind_the_sdk_s_oauth_and_meet_at_the_server_with_ours(
    site: HTTPServer,
) -> None:
    web = Web(site, modern=True)

    async def naively() -> set[str]:
        web.on["tools/call"] = Meeting(0.5)
        metadata = OAuthClientMetadata(redirect_uris=[AnyUrl("http://127.0.0.1/back")])
        auth = OAuthClientProvider(web.url, metadata, Storage())
        async with (
            httpx2.AsyncClient(auth=auth) as http,
            Client(streamable_http_client(web.url, http_client=http)) as client,
        ):
            answers = await asyncio.gather(*(client.call_tool("echo", {}) for _ in range(4)))
        return {text_of(answer) for answer in answers}

    async def ours() -> set[str]:
        authority = Authority(resource=web.url)
        async with running(authority):
            metadata = f'resource_metadata="{authority.origin}/.well-known/oauth-protected-resource/mcp"'
            meeting = Meeting(20)

            def guarded(message: Message, request: Request) -> Response | Mapping[str, Any]:
                if request.headers.get("Authorization", "").removeprefix("Bearer ") in authority.good:
                    return meeting(message, request) if message["params"]["arguments"] else said("in")
                return Response(status=401, headers={"WWW-Authenticate": f"Bearer {metadata}"})

            web.on["tools/call"] = guarded
            auth = OAuthAuth(tokens(web.url, keeper(authority)))
            async with toolbox(HttpAddress(url=web.url, auth=auth)) as box:
                assert (await call(box, "echo")).parts == "in"  # the token is there from here on
                answers = await asyncio.gather(*(call(box, "echo", {"n": n}) for n in range(4)))
        return {str(answer.parts) for answer in answers}

    assert asyncio.run(naively()) == {"alone"}
    assert asyncio.run(ours()) == {"together"}


@pytest.mark.promise("mcp-traps")
def test_a_result_over_a_mebibyte_fails_naively_and_is_read_up_to_our_own_bound(web: Web) -> None:
    """With mcp 2.3.0 in both eras, not only with legacy servers."""
    modern = {"resultType": "complete"} if web.modern else {}
    web.on["tools/call"] = lambda message, request: events(message, modern | dict(said("x" * 1_500_000)))

    async def naively() -> str:
        async with Client(web.url) as client:
            with pytest.raises(MCPError) as failed:
                await client.call_tool("echo", {})
        return str(failed.value)

    async def ours() -> int:
        async with toolbox(HttpAddress(url=web.url)) as box:
            answer = await call(box, "echo")
            assert answer.truncated
            return answer.size

    assert "exceeded the 1048576 byte limit" in asyncio.run(naively())
    assert asyncio.run(ours()) == 1_500_000
