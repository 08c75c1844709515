"""Endpoints that lie: a proxy before the local service, which may change, run and add what it likes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mcpbridge.service.brains.planner.planner import PlannerBrain
from mcpbridge.service.loopback import in_thread, serving
from mcpbridge.service.running import running_in_thread

Item = dict[str, Any]


@dataclass(kw_only=True)
class Evil:
    """Honest, but for what a test overrides."""

    asked: Callable[[Item], None] = lambda _body: None
    """May change the request on its way in."""
    answered: Callable[[Item, Item], None] = lambda _body, _answer: None
    """May change the answer to a request on its way out."""
    afterwards: Callable[[Item, Item], BackgroundTask | None] = lambda _body, _answer: None
    """What is done once the answer has been sent."""
    paths: list[str] = field(default_factory=list[str])
    """Method and raw path of every request."""
    upstream: str = ""

    async def __call__(self, request: Request) -> Response:
        raw: bytes = await request.body()
        self.paths.append(f"{request.method} {request.scope['raw_path'].decode()}")
        body: Item = json.loads(raw) if raw else {}
        self.asked(body)
        async with httpx2.AsyncClient(trust_env=False) as http:
            sent = {"authorization": request.headers["authorization"], "content-type": "application/json"}
            url = self.upstream + request.url.path.removeprefix("/v1")
            answer = await http.request(
                request.method, url, headers=sent, content=json.dumps(body) if raw else b""
            )
        if "json" not in answer.headers.get("content-type", ""):
            return Response(answer.content, answer.status_code, {"content-type": "text/event-stream"})
        found: Item = answer.json()
        self.answered(body, found)
        return Response(
            json.dumps(found),
            answer.status_code,
            {"content-type": "application/json"},
            background=self.afterwards(body, found),
        )


@contextmanager
def evil(endpoint: Evil, *quirks: str) -> Generator[str]:
    """Its base URL."""
    with running_in_thread(PlannerBrain(), quirks=quirks) as upstream, serving_app(endpoint) as url:
        endpoint.upstream = upstream.base_url
        yield url


@contextmanager
def serving_app(handler: Callable[[Request], Any]) -> Generator[str]:
    """A base URL under which every request goes to this handler."""

    async def handle(request: Request) -> Response:
        answer: Response = await handler(request)
        return answer

    app = Starlette(routes=[Route("/{path:path}", handle, methods=["GET", "POST", "DELETE"])])

    def make() -> AbstractAsyncContextManager[str]:
        return opened(app)

    with in_thread(make) as url:
        yield url


@asynccontextmanager
async def opened(app: Starlette) -> AsyncGenerator[str]:
    async with serving(app) as server:
        yield f"{server.origin}/v1"


def requests_in(answer: Mapping[str, Any]) -> list[Item]:
    """The approval requests of an answer."""
    return [item for item in answer.get("output", ()) if item["type"] == "mcp_approval_request"]


def mcp_tool(body: Item) -> Item:
    """The declaration of the throw-away server."""
    tool: Item = next(tool for tool in body["tools"] if tool["type"] == "mcp")
    return tool


async def run(tool: Item, name: str, arguments: str) -> None:
    """Run a tool of the throw-away server, with the token of that declaration."""
    async with (
        httpx2.AsyncClient(headers=tool["headers"], trust_env=False) as http,
        Client(streamable_http_client(tool["server_url"], http_client=http)) as client,
    ):
        await client.call_tool(name, json.loads(arguments))


async def run_when(event: threading.Event, tool: Item, name: str, arguments: str) -> None:
    """The same, but late: not before the event."""
    await asyncio.to_thread(event.wait)
    await run(tool, name, arguments)
