"""What a server lists: all of it, as it is now, and nothing that cannot be used."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.adapters.mcp_servers.settings import Bounds, HttpAddress
from mcpbridge.adapters.mcp_servers.toolbox import ServerToolbox
from mcpbridge.errors import ServerUnavailable, ToolsChanged
from tests.mcp_servers.scene import call, program, toolbox, until
from tests.mcp_servers.web import Web, endless, error


@pytest.mark.promise("bridged-hostile")
@pytest.mark.parametrize(
    ("flag", "words"),
    [("--pages", "has more than 100 pages; none is used"), ("--circle", "leads back to a page")],
)
def test_pages_without_an_end_are_left(flag: str, words: str) -> None:
    async def story() -> None:
        async with toolbox(program(flag)) as box:
            with pytest.raises(ServerUnavailable, match=words):
                await box.tools()

    asyncio.run(story())


def test_all_pages_make_one_list(site: HTTPServer) -> None:
    """Naively, the first page is the list."""
    web = Web(site)

    def listed(message: dict[str, Any], request: Request) -> Mapping[str, Any]:
        params: Mapping[str, Any] = message.get("params") or {}
        page = int(params.get("cursor") or 0)
        tools = [{"name": f"t{page}", "inputSchema": {"type": "object"}}]
        return {"tools": tools} | ({"nextCursor": str(page + 1)} if page < 4 else {})

    web.on["tools/list"] = listed

    async def story() -> list[str]:
        async with toolbox(HttpAddress(url=web.url)) as box:
            return [tool.name for tool in (await box.tools()).tools]

    assert asyncio.run(story()) == ["t0", "t1", "t2", "t3", "t4"]


@pytest.mark.promise("bridged-hostile")
def test_names_that_cannot_be_seen_or_stand_twice_are_left_out_and_told() -> None:
    async def story() -> None:
        async with toolbox(program("--names")) as box:
            listing = await box.tools()
            names = [tool.name for tool in listing.tools]
            assert "echo" in names
            assert "same" not in names
            assert not any(name.startswith(("evil", "x")) or not name for name in names)
            assert listing.refused == {
                "evil\\u001b[2Jname": "its name holds characters that cannot be seen",
                "same": "the server lists it twice",
                "": "its name is empty",
                "x" * 256: "its name has more than 256 characters",
            }

    asyncio.run(story())


@pytest.mark.promise("bridged-changed")
def test_an_announced_change_is_listed_before_the_next_call() -> None:
    """Naively, the call goes to a tool that is not the one that was approved."""

    async def story() -> None:
        async with toolbox(program()) as box:
            first = await box.tools()
            await call(box, "change")
            with pytest.raises(ToolsChanged, match="have to be listed anew before echo is called"):
                await _called_until_refused(box, first.epoch)
            second = await box.tools()
            assert second.epoch > first.epoch
            assert {tool.description for tool in second.tools if tool.name == "echo"} == {"echo 1"}

    asyncio.run(story())


@pytest.mark.promise("bridged-changed")
def test_announcements_of_the_newer_era_are_listened_to(site: HTTPServer) -> None:
    """Naively, `message_handler` is enough; the stateless protocol has no stream that it could hear on."""
    web = Web(site, modern=True)
    announce = threading.Event()
    web.on["server/discover"] = lambda message, request: {
        "supportedVersions": ["2026-07-28"],
        "capabilities": {"tools": {"listChanged": True}},
        "ttlMs": 0,
        "cacheScope": "private",
    }

    def stream(number: object) -> Iterator[str]:
        meta = {"io.modelcontextprotocol/subscriptionId": number}
        acknowledged = {"notifications": {"toolsListChanged": True}, "_meta": meta}
        yield event("notifications/subscriptions/acknowledged", acknowledged)
        announce.wait(timeout=20)
        yield event("notifications/tools/list_changed", {"_meta": meta})

    def event(method: str, params: Mapping[str, Any]) -> str:
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params})
        return f"event: message\ndata: {body}\n\n"

    web.on["subscriptions/listen"] = lambda message, request: Response(
        stream(message["id"]), content_type="text/event-stream"
    )

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            first = await box.tools()
            await until(lambda: "subscriptions/listen" in web.methods())
            assert (await call(box, "echo")).is_error == "no"
            announce.set()
            with pytest.raises(ToolsChanged):
                await _called_until_refused(box, first.epoch)

    asyncio.run(story())


async def _called_until_refused(box: ServerToolbox, epoch: int) -> None:
    """The announcement comes when it comes."""
    async with asyncio.timeout(20):
        while True:
            await box.call("echo", {}, epoch=epoch, meta={}, seconds=9.0)


def test_a_list_that_has_not_changed_keeps_its_epoch_and_a_silent_change_is_seen_when_asked_fresh(
    site: HTTPServer,
) -> None:
    web = Web(site, modern=True)
    described = ["one"]

    def listed(message: dict[str, Any], request: Request) -> Mapping[str, Any]:
        tool = {"name": "echo", "inputSchema": {"type": "object"}, "description": described[-1]}
        return {"tools": [tool], "ttlMs": 0, "cacheScope": "private"}

    web.on["tools/list"] = listed

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            first = await box.tools()
            assert await box.tools(fresh=True) == first
            described.append("two")
            assert await box.tools() == first
            assert (await box.tools(fresh=True)).epoch > first.epoch

    asyncio.run(story())


def test_schemas_come_as_they_are_also_with_keywords_the_sdk_does_not_know(site: HTTPServer) -> None:
    web = Web(site)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"a": {"$ref": "http://127.0.0.1:9/never-fetched"}},
        "unevaluatedProperties": False,
        "x-vendor": {"kept": [1, 2]},
    }
    web.on["tools/list"] = lambda message, request: {"tools": [{"name": "t", "inputSchema": schema}]}

    async def story() -> Any:
        async with toolbox(HttpAddress(url=web.url)) as box:
            return (await box.tools()).tools[0].input_schema

    assert asyncio.run(story()) == schema


def _no_list(message: dict[str, Any], kind: str) -> Response | Mapping[str, Any]:
    match kind:
        case "endless":
            return Response(endless(b" " * 65_536), content_type="application/json")
        case "deep":
            return Response("[" * 100_000, content_type="application/json")
        case "wrong-types":
            return {"tools": [{"name": 7}]}
        case "html":
            return Response("\x1b[2J<html>", content_type="text/html")
        case _:
            return error(message, -32000, "\x1b[2J not today")


@pytest.mark.promise("bridged-hostile")
@pytest.mark.parametrize("kind", ["endless", "deep", "wrong-types", "html", "error"])
def test_a_list_that_is_none_makes_the_server_unavailable(site: HTTPServer, kind: str) -> None:
    web = Web(site)
    web.on["tools/list"] = lambda message, request: _no_list(message, kind)

    async def story() -> str:
        async with toolbox(HttpAddress(url=web.url), bounds=Bounds(listing_bytes=1_000_000)) as box:
            with pytest.raises(ServerUnavailable, match=r"^srv: ") as caught:
                await box.tools()
            return str(caught.value)

    assert "\x1b" not in asyncio.run(story())


def test_many_who_need_the_list_at_once_connect_once(site: HTTPServer) -> None:
    web = Web(site, modern=True)

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            listings = await asyncio.gather(*(box.tools() for _ in range(20)))
            assert len({listing.epoch for listing in listings}) == 1

    asyncio.run(story())
    assert web.methods().count("tools/list") == 1


def test_after_failures_the_server_is_left_alone_for_a_while(site: HTTPServer) -> None:
    web = Web(site)
    web.on["server/discover"] = web.on["initialize"] = lambda message, request: Response("no", status=503)

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url), bounds=Bounds(backoff=1_000.0)) as box:
            for _ in range(2):  # the first failure is forgiven: servers restart
                with pytest.raises(ServerUnavailable, match="HTTP 503"):
                    await box.tools()
            asked = len(web.seen)
            with pytest.raises(
                ServerUnavailable, match=r"HTTP 503.*\(nothing was sent now; the next try is in"
            ):
                await box.tools()
            assert len(web.seen) == asked

    asyncio.run(story())


def test_the_next_try_is_never_said_to_be_in_no_time(site: HTTPServer) -> None:
    web = Web(site)
    web.on["server/discover"] = web.on["initialize"] = lambda message, request: Response("no", status=503)

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url), bounds=Bounds(backoff=0.4)) as box:
            async with asyncio.timeout(20):
                told = ""
                while "the next try is in" not in told:  # slow machines are past it sometimes
                    with pytest.raises(ServerUnavailable) as refused:
                        await box.tools()
                    told = str(refused.value)
            assert "in 0 s" not in told

    asyncio.run(story())
