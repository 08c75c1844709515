"""Servers that send more than anybody can mean: each costs a bounded amount, and no other call."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.adapters.mcp_servers.settings import HttpAddress
from mcpbridge.errors import CallNotSent, OutcomeLost
from tests.mcp_servers.scene import call, toolbox, until
from tests.mcp_servers.web import Web

EVENTS = "text/event-stream"


class Sending:
    """A GET is answered as told; how much of it was taken."""

    def __init__(self, web: Web, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.taken, self.ended, self.asked = 0, threading.Event(), 0
        self._status, self._headers = status, headers or {}
        self.piece = b"x" * 65_536
        web.on_get = self.answer

    def answer(self, _request: Request) -> Response:
        self.asked += 1
        return Response(self._pieces(), status=self._status, headers=self._headers, content_type=EVENTS)

    def _pieces(self) -> Iterator[bytes]:
        try:
            while self.taken < 200 * 2**20:
                yield self.piece
                self.taken += len(self.piece)
        finally:
            self.ended.set()


@pytest.mark.promise("bridged-hostile")
def test_a_redirect_with_an_endless_body_is_not_read_on_and_on(site: HTTPServer) -> None:
    web = Web(site, session="s")
    sending = Sending(web, status=307, headers={"location": "/mcp"})

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            await box.tools()
            await until(sending.ended.is_set)
            assert (await call(box, "echo")).parts == "{}"

    asyncio.run(story())
    assert sending.taken < 32 * 2**20  # what fits between two sockets is sent unread


def test_a_message_of_the_servers_own_that_is_too_much_ends_its_stream_only(site: HTTPServer) -> None:
    web = Web(site, session="s")
    sending = Sending(web)
    sending.piece = b"[]," * 20_000

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            await box.tools()
            await until(sending.ended.is_set)
            assert (await call(box, "echo")).parts == "{}"

    asyncio.run(story())
    assert sending.taken < 32 * 2**20


def test_a_stream_that_wants_to_be_opened_again_at_once_is_opened_some_times_a_second(
    site: HTTPServer,
) -> None:
    web = Web(site, session="s")
    opened = 0

    def again(_request: Request) -> Response:
        nonlocal opened
        opened += 1
        return Response("retry: 0\nid: 1\ndata: \n\n", content_type=EVENTS)

    web.on_get = again

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            await box.tools()
            await until(lambda: opened >= 20)
            before, began = opened, asyncio.get_running_loop().time()
            await until(lambda: opened >= before + 30)
            took = asyncio.get_running_loop().time() - began
            assert (opened - before) / took < 60

    asyncio.run(story())


@pytest.mark.promise("bridged-hostile")
def test_an_answer_of_very_many_small_parts_is_read_no_further(site: HTTPServer) -> None:
    """Each empty object of three bytes costs a hundred times that once it is read."""
    web = Web(site)

    def many(message: dict[str, Any], _request: Request) -> Response:
        parts = ",".join(["{}"] * 600_000)
        head = json.dumps({"jsonrpc": "2.0", "id": message["id"]})[:-1]
        body = f'{head}, "result": {{"content": [], "structuredContent": {{"a": [{parts}]}}}}}}'
        return Response(body, content_type="application/json")

    web.on["tools/call"] = many

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            answer = await call(box, "echo")
            assert (answer.is_error, answer.truncated) == ("invalid", True)
            assert "none of it was read" in str(answer.parts)

    asyncio.run(story())


@pytest.mark.promise("bridged-hostile")
def test_a_storm_of_pings_fills_nothing_and_calls_are_still_made(site: HTTPServer) -> None:
    web = Web(site, session="s")
    sending = Sending(web)
    sending.piece = b"".join(
        b'data: {"jsonrpc":"2.0","id":"p%d","method":"ping"}\n\n' % number for number in range(500)
    )

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            await box.tools()
            await until(lambda: len(web.seen) > 100)
            assert (await call(box, "echo")).parts == "{}"
            assert len(asyncio.all_tasks()) < 500

    asyncio.run(story())


@pytest.mark.parametrize(("status", "kind"), [(303, OutcomeLost), (302, CallNotSent)])
def test_see_other_may_mean_that_it_was_done(site: HTTPServer, status: int, kind: type[Exception]) -> None:
    """RFC 9110, section 15.4.4. Other redirects say that it was not done here."""
    web = Web(site)

    def elsewhere(_message: dict[str, Any], _request: Request) -> Response:
        return Response(status=status, headers={"location": "/done/1"})

    web.on["tools/call"] = elsewhere

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            with pytest.raises(kind):
                await call(box, "echo")

    asyncio.run(story())
