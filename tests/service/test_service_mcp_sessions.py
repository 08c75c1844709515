"""Sessions with MCP servers are used again; a failing one ends nobody else's call, and few are kept."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from starlette.types import Receive, Scope, Send

from mcpbridge.demo.server import Tracker
from mcpbridge.service.loopback import in_thread
from mcpbridge.service.mcp.hosted import PooledMcp
from mcpbridge.service.mcp.sessions import SessionLimits
from mcpbridge.service.request.tools import McpDeclaration, ToolFilter
from tests.service.talking import talking, user
from tests.service.test_service_mcp_servers import Watched, running_at, streaming


def at(url: str, token: str = "") -> McpDeclaration:
    return McpDeclaration(
        label="odd",
        url=url,
        headers={"Authorization": f"Bearer {token}"} if token else {},
        allowed=ToolFilter(),
        always=None,
        never=ToolFilter(),
    )


def test_a_call_that_fails_ends_no_call_beside_it() -> None:
    async def beside() -> None:
        async with running_at(streaming()) as origin:
            hosted = PooledMcp(SessionLimits(seconds=1.0))
            server = at(f"{origin}/mcp")
            assert (await hosted.call(server, "plain", "{}")).output == "plain"
            hanging, huge, *plain = await asyncio.gather(
                hosted.call(server, "hanging", "{}"),
                hosted.call(server, "huge", "{}"),
                *(hosted.call(server, "plain", "{}") for _ in range(8)),
            )
            assert hanging.error is not None
            assert hanging.error["code"] == 504
            assert huge.output is not None
            assert [one.output for one in plain] == ["plain"] * 8
            await hosted.aclose()

    asyncio.run(beside())


def test_a_cancelled_call_leaves_no_session_to_the_next() -> None:
    async def cancelled() -> None:
        arrived, app = asyncio.Event(), streaming()

        async def telling(scope: Scope, receive: Receive, send: Send) -> None:
            arrived.set()
            await app(scope, receive, send)

        async with running_at(telling) as origin:
            hosted = PooledMcp(SessionLimits(seconds=30.0))
            server = at(f"{origin}/mcp")
            assert (await hosted.call(server, "plain", "{}")).output == "plain"
            arrived.clear()
            stuck = asyncio.create_task(hosted.call(server, "hanging", "{}"))
            await arrived.wait()
            stuck.cancel()
            await asyncio.wait({stuck})
            assert stuck.cancelled()
            assert (await hosted.call(server, "plain", "{}")).output == "plain"
            await hosted.aclose()

    asyncio.run(cancelled())


def test_no_more_sessions_are_kept_than_allowed() -> None:
    async def many() -> int:
        app = Watched(streaming())
        async with running_at(app) as origin:
            hosted = PooledMcp(SessionLimits(idle_sessions=2))
            server = at(f"{origin}/mcp")
            await asyncio.gather(*(hosted.call(server, "plain", "{}") for _ in range(6)))
            before = len(app.seen)
            await asyncio.gather(*(hosted.call(server, "plain", "{}") for _ in range(2)))
            used_again = len(app.seen) - before
            await hosted.aclose()
            return used_again

    assert asyncio.run(many()) == 2  # one POST each: no new session


def test_an_idle_session_is_closed_after_its_time(tracker: Tracker) -> None:
    async def idle() -> None:
        hosted = PooledMcp(SessionLimits(idle_seconds=0.0))
        server = at(tracker.url, tracker.token)
        for _ in range(3):
            assert (await hosted.call(server, "list_issues", "{}")).error is None
        await hosted.aclose()

    asyncio.run(idle())
    assert tracker.count("list_issues") == 3


@pytest.mark.promise("service-clients")
def test_two_clients_of_the_service_share_no_session() -> None:
    script = "rules: [{when: {user: go}, then: [{mcp: {server: odd, tool: plain}}]}, {then: [{say: ok}]}]"
    app = Watched(streaming())
    with in_thread(lambda: running_at(app)) as origin:
        tool = {
            "type": "mcp",
            "server_label": "odd",
            "server_url": f"{origin}/mcp",
            "require_approval": "never",
        }
        with talking(script, tool, api_key="one", api_keys=["two"]) as talk:
            requests = [0]
            for key in ("one", "one", "two"):
                assert talk.post(talk.body(user("go")), key).json()["status"] == "completed"
                requests.append(len(app.seen))
    first, again, other = (after - before for before, after in itertools.pairwise(requests))
    assert again < first == other
