"""Traps of connections: one failure that ends all calls, sessions for ever lost, answers that never come."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge import OutcomeUnknown
from mcpbridge.adapters.mcp_servers.settings import HttpAddress
from mcpbridge.errors import AuthRefused, CallNotSent, OutcomeLost
from mcpbridge.testing import function_call, message, response
from tests.bridged.scene import Scene
from tests.mcp_servers.scene import call, toolbox, until
from tests.mcp_servers.traps import naive
from tests.mcp_servers.web import Web, error, said

Message = dict[str, Any]


class Breaking:
    """A tool that breaks its own connection, or waits to be let go."""

    def __init__(self) -> None:
        self.waiting, self.let_go = threading.Event(), threading.Event()

    def __call__(self, message: Message, request: Request) -> Mapping[str, Any]:
        given = message["params"]["arguments"]
        if given.get("break"):
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        if given.get("wait"):
            self.waiting.set()
            self.let_go.wait(timeout=20)
        return said("fine")


@pytest.mark.promise("mcp-traps")
def test_a_post_that_fails_ends_the_naive_client_with_all_its_calls_and_ours_ends_one_call(web: Web) -> None:
    async def naively() -> None:
        tool = web.on["tools/call"] = Breaking()
        with pytest.raises(BaseExceptionGroup):
            await ended_by_one(tool)

    async def ended_by_one(tool: Breaking) -> None:
        async with Client(web.url) as client:
            neighbour = asyncio.create_task(client.call_tool("echo", {"wait": True}))
            await until(tool.waiting.is_set)
            with pytest.raises(asyncio.CancelledError):  # in the task that entered the client
                await client.call_tool("echo", {"break": True})
            for later in (client.call_tool("echo", {}), neighbour):
                with pytest.raises((asyncio.CancelledError, MCPError)):
                    await later
            tool.let_go.set()

    async def ours() -> None:
        tool = web.on["tools/call"] = Breaking()
        async with toolbox(HttpAddress(url=web.url)) as box:
            neighbour = asyncio.create_task(call(box, "echo", {"wait": True}))
            await until(tool.waiting.is_set)
            with pytest.raises(OutcomeLost):
                await call(box, "echo", {"break": True})
            assert (await call(box, "echo")).parts == "fine"
            tool.let_go.set()
            assert (await neighbour).parts == "fine"

    asyncio.run(naively())
    asyncio.run(ours())


@pytest.mark.promise("mcp-traps")
@pytest.mark.parametrize("words", ["Session not found", ""])
def test_a_forgotten_session_refuses_the_naive_client_for_ever_and_ours_once(
    site: HTTPServer, words: str
) -> None:
    web = Web(site, session="before")

    def restarted(message: Message, request: Request) -> Response | Mapping[str, Any]:
        if request.headers["mcp-session-id"] == web.session:
            return said("fine")
        return error(message, -32600, words, status=404) if words else Response(status=404)

    async def naively() -> None:
        async with Client(web.url) as client:
            web.session, web.on["tools/call"] = "after", restarted
            for _ in range(3):
                with pytest.raises(MCPError) as refused:
                    await client.call_tool("echo", {})
                assert refused.value.code == -32600

    async def ours() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            await box.tools()
            web.session = "later"
            with pytest.raises(CallNotSent, match="it has forgotten the session; nothing was done"):
                await call(box, "echo")
            assert [(await call(box, "echo")).parts for _ in range(3)] == ["fine"] * 3

    asyncio.run(naively())
    asyncio.run(ours())


def bridged(folder: Path, web: Web, more: str = "") -> Scene:
    """A conversation in which the model calls `echo` once."""
    servers = f'\n  - {{label: docs, via: bridge, url: "{web.url}", protocol: 2026-07-28{more}}}\n'
    steps = [response(function_call("docs__echo", {}, call_id="call_1")), response(message("told"))]
    return Scene(folder=folder, boxes={}, steps=steps, servers=servers)


class Losing:
    """A tool that does its work and loses its first answers."""

    def __init__(self, answers: int) -> None:
        self.ran, self._lost = 0, answers

    def __call__(self, message: Message, request: Request) -> Mapping[str, Any]:
        self.ran += 1
        if self.ran <= self._lost:
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return said("paid")


@pytest.mark.promise("mcp-traps")
def test_a_lost_answer_makes_a_naive_retry_run_the_tool_twice_and_is_unknown_here(
    site: HTTPServer, tmp_path: Path
) -> None:
    web = Web(site, modern=True)

    tool = web.on["tools/call"] = Losing(1)
    answered = asyncio.run(naive.stubborn(web.url, "echo"))
    assert answered is not None
    assert (naive.text_of(answered), tool.ran) == ("paid", 2)

    tool = web.on["tools/call"] = Losing(1)
    scene = bridged(tmp_path, web)
    with pytest.raises(OutcomeUnknown, match="echo may have run") as unknown:
        scene.run("pay")
    assert (unknown.value.request_ids, tool.ran) == (("call_1",), 1)
    [record] = scene.records("outcome_unknown")
    assert "echo may have run" in record["reason"]


@pytest.mark.promise("mcp-traps")
def test_only_what_was_declared_idempotent_is_called_again_after_a_lost_answer(
    site: HTTPServer, tmp_path: Path
) -> None:
    web = Web(site, modern=True)
    tool = web.on["tools/call"] = Losing(1)

    scene = bridged(tmp_path, web, more=", idempotent: [echo]")
    scene.run("pay")

    assert (scene.outputs(), tool.ran) == ({"call_1": "paid"}, 2)


@pytest.mark.promise("mcp-traps")
def test_an_error_is_buried_in_groups_naively_and_names_its_server_here(web: Web) -> None:
    web.on["tools/call"] = lambda message, request: Response("no", status=401)

    async def ours() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            with pytest.raises(AuthRefused, match=r"^srv: it wants a credential \(HTTP 401\)"):
                await call(box, "echo")

    with pytest.raises(ExceptionGroup) as buried:
        asyncio.run(naive.once(web.url, "echo"))
    assert not buried.group_contains(MCPError, depth=1)
    assert buried.group_contains(MCPError, depth=2)
    assert web.url not in repr(buried.value)
    asyncio.run(ours())
