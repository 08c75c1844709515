"""The throw-away MCP server: real, guarded, and a witness."""

from __future__ import annotations

import asyncio
import socket
from itertools import count

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcpbridge.core.secret import Mask
from mcpbridge.doctor import throwaway
from mcpbridge.doctor.throwaway import READ, WRITE, Throwaway
from mcpbridge.errors import UsageError


async def called(server: Throwaway, token: str, tool: str, text: str, url: str = "") -> str:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False) as http,
        Client(streamable_http_client(url or server.url, http_client=http)) as client,
    ):
        listed = await client.list_tools()
        assert {tool.name: tool.annotations.read_only_hint for tool in listed.tools if tool.annotations} == {
            READ: True,
            WRITE: False,
        }
        result = await client.call_tool(tool, {"text": text})
        return str(result.content[0].model_dump()["text"])


def test_it_counts_what_runs_and_returns_a_code_that_only_its_result_holds() -> None:
    numbers = count(1)

    async def scene() -> tuple[Throwaway, str]:
        async with throwaway.running(code=lambda: f"CODE{next(numbers)}", mask=Mask()) as server:
            return server, await called(server, server.issue(), WRITE, "hello")

    server, said = asyncio.run(scene())

    assert said == "The result code is CODE1."
    assert [(one.tool, one.text, one.code) for one in server.ran] == [(WRITE, "hello", "CODE1")]
    assert server.visited_with(server.issued[0])


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer guessed"}, {"Authorization": "Bearer é"}])
def test_nobody_gets_in_without_a_token_that_was_issued(header: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in header.items()]

    async def scene() -> tuple[int, Throwaway]:
        async with throwaway.running(code=lambda: "C", mask=Mask()) as server:
            server.issue()
            async with httpx2.AsyncClient(trust_env=False) as http:
                answer = await http.post(server.url, json={}, headers=raw)
                return answer.status_code, server

    status, server = asyncio.run(scene())

    assert status == 401
    assert len(server.visits) == 1
    assert not server.visited_with(server.issued[0])


def test_under_a_public_address_any_host_name_may_come_but_not_without_the_token() -> None:
    async def scene() -> str:
        async with throwaway.running(
            code=lambda: "C", mask=Mask(), public_url="https://tunnel.example/mcp"
        ) as server:
            assert server.url == "https://tunnel.example/mcp"
            assert server.listens_at is not None
            return await called(server, server.issue(), READ, "x", server.listens_at)

    assert asyncio.run(scene()) == "The result code is C."


def test_tokens_are_masked_from_the_moment_they_exist() -> None:
    mask = Mask()
    server = Throwaway(url="http://127.0.0.1:1/mcp", listens_at="", code=lambda: "C", mask=mask)

    token = server.issue()

    assert mask.text(f"it said {token}") == "it said [secret]"
    assert token not in repr(server)


def test_a_port_that_is_taken_is_told() -> None:
    async def scene(port: int) -> None:
        async with throwaway.running(code=lambda: "C", mask=Mask(), port=port):
            pass

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}.*name another --mcp-bind"):
            asyncio.run(scene(port))
