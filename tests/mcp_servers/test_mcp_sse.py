"""The older HTTP transport: one stream for all answers, and a POST for each request."""

from __future__ import annotations

import asyncio
import json
import queue
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.adapters.mcp_servers.settings import HttpAddress
from mcpbridge.errors import (
    AuthRefused,
    CallNotSent,
    OutcomeLost,
    RateLimited,
    ServerUnavailable,
    ToolsChanged,
)
from tests.mcp_servers.scene import call, toolbox, until


class Stream:
    """The server: `status` is what it answers to the POST of a call; `end` ends its stream. `garbled`: its
    answers to calls are no JSON."""

    def __init__(self, site: HTTPServer) -> None:
        self.status = 202
        self.muted = self.garbled = False
        self.sent: queue.Queue[str | None] = queue.Queue()
        site.expect_request("/sse").respond_with_handler(self._open)
        site.expect_request("/messages").respond_with_handler(self._post)
        self.address = HttpAddress(url=site.url_for("/sse"), transport="sse")

    def end(self) -> None:
        self.sent.put(None)

    def _open(self, request: Request) -> Response:
        self.sent = queue.Queue()
        return Response(self._events(self.sent), content_type="text/event-stream")

    def _events(self, sent: queue.Queue[str | None]) -> Iterator[str]:
        yield "event: endpoint\ndata: /messages\n\n"
        while (body := sent.get(timeout=20)) is not None:
            yield f"event: message\ndata: {body}\n\n"

    def _post(self, request: Request) -> Response:
        message: dict[str, Any] = json.loads(request.get_data())
        made = self._result(message)
        self.muted = message.get("method") == "tools/call" and made is None
        if made is not None:
            body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": made})
            self.sent.put(body.replace("fine", r"\ud800") if self.garbled else body)
        return Response("no", status=self.status if message.get("method") == "tools/call" else 202)

    def _result(self, message: dict[str, Any]) -> dict[str, Any] | None:
        match message.get("method"):
            case "initialize":
                return {
                    "protocolVersion": "2025-11-25",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "sse", "version": "1"},
                }
            case "tools/list":
                return {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}
            case "tools/call" if self.status == 202 and not message["params"]["arguments"].get("mute"):
                return {"content": [{"type": "text", "text": "fine"}]}
            case _:
                return None


@pytest.fixture
def stream(site: HTTPServer) -> Generator[Stream, None, None]:
    made = Stream(site)
    yield made
    made.end()


@pytest.mark.promise("bridged-status")
@pytest.mark.parametrize(("status", "kind"), [(401, AuthRefused), (400, CallNotSent), (502, OutcomeLost)])
def test_a_refused_post_ends_its_call_at_once_and_no_other(
    stream: Stream, status: int, kind: type[Exception]
) -> None:
    """Naively, nobody is told: the call waits for ever, and so does each one after it."""

    async def story() -> None:
        async with toolbox(stream.address) as box:
            assert (await call(box, "echo")).parts == "fine"
            stream.status = status
            with pytest.raises(kind, match=rf"srv: .*HTTP {status}"):
                await call(box, "echo", seconds=None)
            stream.status = 202
            assert (await call(box, "echo")).parts == "fine"

    asyncio.run(story())


@pytest.mark.promise("bridged-lost")
def test_a_stream_that_ends_leaves_the_call_unknown_and_is_opened_again(stream: Stream) -> None:
    async def story() -> None:
        async with toolbox(stream.address) as box:
            first = await box.tools()
            muted = asyncio.create_task(call(box, "echo", {"mute": True}, seconds=None))
            await until(lambda: stream.muted)
            stream.end()
            with pytest.raises(OutcomeLost, match="echo"):
                await muted
            with pytest.raises(ToolsChanged):
                await box.call("echo", {}, epoch=first.epoch, meta={}, seconds=9.0)
            assert (await call(box, "echo")).parts == "fine"

    asyncio.run(story())


@pytest.mark.promise("bridged-status")
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Response("no", status=401), AuthRefused, r"wants a credential \(HTTP 401\) and none is configured"),
        (Response("no", status=403), AuthRefused, r"does not permit this credential to connect \(HTTP 403\)"),
        (Response("no", status=429), RateLimited, r"wants fewer requests \(HTTP 429\)"),
        (Response("no", status=404), ServerUnavailable, r"has no stream of events at this URL \(HTTP 404\)"),
        (
            Response("", status=307, headers={"Location": "/elsewhere"}),
            ServerUnavailable,
            r"redirects to another place \(/elsewhere; HTTP 307\); nothing was sent there",
        ),
        (
            Response("<p>welcome</p>", content_type="text/html"),
            ServerUnavailable,
            "answers with text/html where a stream of events is due",
        ),
    ],
)
def test_a_stream_that_cannot_be_opened_is_told_in_our_words(
    site: HTTPServer, answer: Response, kind: type[Exception], words: str
) -> None:
    site.expect_request("/sse").respond_with_response(answer)

    async def story() -> None:
        async with toolbox(HttpAddress(url=site.url_for("/sse"), transport="sse")) as box:
            with pytest.raises(kind, match=f"^srv: it {words}") as caught:
                await box.tools()
            assert "http://" not in str(caught.value)

    asyncio.run(story())
