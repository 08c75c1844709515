"""Requests are spread over small pools; the first serves whoever is alone, the others go when not needed."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mcpbridge.adapters.small_pools import CONNECTIONS, SmallPools
from mcpbridge.service.loopback import serving

MANY = 3 * CONNECTIONS - 5


class Counting(httpx2.AsyncHTTPTransport):
    """A real transport that is known while it is open."""

    def __init__(self, opened: list[Counting]) -> None:
        super().__init__(limits=httpx2.Limits(max_connections=CONNECTIONS))
        self.opened = opened
        opened.append(self)

    async def aclose(self) -> None:
        await super().aclose()
        self.opened.remove(self)


class Together:
    """Answers once `count` requests are there, and says from how many connections they came."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.ports: set[int] = set()
        self.waiting = 0
        self.all_here = asyncio.Event()

    async def answer(self, request: Request) -> PlainTextResponse:
        assert request.client is not None
        self.ports.add(request.client.port)
        self.waiting += 1
        if self.waiting >= self.count:
            self.all_here.set()
        await self.all_here.wait()
        return PlainTextResponse("here")


def test_many_requests_at_once_take_small_pools_that_are_closed_when_nobody_needs_them() -> None:
    async def whole() -> None:
        opened: list[Counting] = []
        meeting = Together(MANY)
        app = Starlette(routes=[Route("/", meeting.answer)])
        async with (
            serving(app) as server,
            httpx2.AsyncClient(transport=SmallPools(lambda: Counting(opened))) as client,
        ):
            asked = [asyncio.create_task(client.get(server.origin)) for _ in range(MANY)]
            await meeting.all_here.wait()
            assert len(opened) == 3
            assert [answer.text for answer in await asyncio.gather(*asked)] == ["here"] * MANY
            assert len(opened) == 1
        assert len(meeting.ports) == MANY
        assert not opened

    asyncio.run(whole())


def test_one_request_after_another_uses_one_connection() -> None:
    async def whole() -> None:
        opened: list[Counting] = []
        meeting = Together(1)
        app = Starlette(routes=[Route("/", meeting.answer)])
        async with (
            serving(app) as server,
            httpx2.AsyncClient(transport=SmallPools(lambda: Counting(opened))) as client,
        ):
            for _ in range(CONNECTIONS + 2):
                assert (await client.get(server.origin)).text == "here"
            assert len(opened) == 1
        assert len(meeting.ports) == 1

    asyncio.run(whole())


def test_requests_that_fail_or_are_cancelled_leave_their_pool() -> None:
    async def whole() -> None:
        opened: list[Counting] = []
        meeting = Together(MANY)
        app = Starlette(routes=[Route("/", meeting.answer)])
        async with (
            serving(app) as server,
            httpx2.AsyncClient(transport=SmallPools(lambda: Counting(opened))) as client,
        ):
            asked = [asyncio.create_task(client.get(server.origin)) for _ in range(MANY)]
            await meeting.all_here.wait()
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
            assert len(opened) == 1
            assert (await client.get(server.origin)).text == "here"
        async with httpx2.AsyncClient(transport=SmallPools(lambda: Counting(opened))) as client:
            for _ in range(CONNECTIONS + 2):
                with pytest.raises(httpx2.ConnectError):
                    await client.get(server.origin)
            assert len(opened) == 1

    asyncio.run(whole())
