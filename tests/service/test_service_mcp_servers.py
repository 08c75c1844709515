"""The service against MCP servers of every kind: real ones, old ones, and ones that misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import mcp_types as types
import pytest
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mcpbridge.demo.server import Tracker
from mcpbridge.service.limits import Limits
from mcpbridge.service.loopback import in_thread, serving
from tests.service.talking import Talk, kinds, only, talking, text_in, user

SCRIPT = """
rules:
- when: {user: "^hi$"}
  then: [{say: hello}]
- when: {user: "."}
  then: [{mcp: {server: odd, tool: "{{user}}"}}]
- then: [{say: "{{last_output}}"}]
"""
SMALL = Limits(mcp_seconds=0.5, mcp_result_bytes=100_000)
TOOLS = ("plain", "structured", "picture", "failing", "huge", "hanging")


async def _list_tools(
    _context: ServerRequestContext[object], _params: types.PaginatedRequestParams | None
) -> types.ListToolsResult:
    return types.ListToolsResult(
        tools=[types.Tool(name=name, input_schema={"type": "object"}) for name in TOOLS]
    )


async def _call_tool(
    _context: ServerRequestContext[object], params: types.CallToolRequestParams
) -> types.CallToolResult:
    text = [types.TextContent(text="plain" if params.name != "huge" else "x" * 200_000)]
    match params.name:
        case "structured":
            return types.CallToolResult(content=[], structured_content={"degrees": 21})
        case "failing":
            return types.CallToolResult(content=[types.TextContent(text="out of ink")], is_error=True)
        case "picture":
            return types.CallToolResult(
                content=[*text, types.ImageContent(data="aGk=", mime_type="image/png")]
            )
        case "hanging":
            await asyncio.Event().wait()
        case _:
            pass
    return types.CallToolResult(content=[*text])


def _server() -> Server[object]:
    return Server("odd", on_list_tools=_list_tools, on_call_tool=_call_tool)


@dataclass
class Watched:
    """An application, with the method and headers of each request that reached it."""

    app: ASGIApp
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            self.seen.append((scope["method"], headers))
        await self.app(scope, receive, send)


@dataclass
class Switch:
    """Another application can take the place of this one, as when a server restarts."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@asynccontextmanager
async def running_at(app: ASGIApp) -> AsyncGenerator[str, None]:
    async with serving(app) as server:
        yield server.origin


@contextmanager
def using(app: ASGIApp, path: str = "/mcp", **options: Any) -> Generator[Talk, None, None]:
    """A conversation with a service whose tool `odd` is this application."""
    with in_thread(lambda: running_at(app)) as origin:
        tool = {"type": "mcp", "server_label": "odd", "server_url": f"{origin}{path}"}
        with talking(SCRIPT, {**tool, "require_approval": "never"}, **options) as talk:
            yield talk


def streaming(*, json_response: bool = False, stateless: bool = False) -> ASGIApp:
    return _server().streamable_http_app(json_response=json_response, stateless_http=stateless)


def legacy() -> ASGIApp:
    """A server of the HTTP+SSE transport of 2024, and nothing else."""
    transport, server = SseServerTransport("/messages/"), _server()

    async def listen(request: Request) -> Response:
        async with transport.connect_sse(request.scope, request.receive, request._send) as streams:  # pyright: ignore[reportPrivateUsage]
            await server.run(streams[0], streams[1], server.create_initialization_options())
        return Response()

    return Starlette(
        routes=[
            Route("/sse", listen, methods=["GET"]),
            Mount("/messages/", app=transport.handle_post_message),
        ]
    )


@pytest.mark.parametrize("json_response", [False, True], ids=["events", "json"])
@pytest.mark.parametrize("stateless", [False, True], ids=["sessions", "stateless"])
def test_every_form_of_streamable_http_is_spoken(json_response: bool, stateless: bool) -> None:
    with using(streaming(json_response=json_response, stateless=stateless)) as talk:
        assert text_in(talk.say(user("plain"))) == "plain"
        assert text_in(talk.say(user("plain"))) == "plain"


def test_a_server_that_knows_only_the_older_transport_is_reached_too() -> None:
    with using(legacy(), "/sse") as talk:
        assert kinds(talk.say(user("hi"))) == ["mcp_list_tools", "message"]
        assert text_in(talk.say(user("plain"))) == "plain"
        error = only(talk.say(user("failing")), "mcp_call")["error"]
        assert error["type"] == "mcp_tool_execution_error"


def test_a_failing_tool_is_a_tool_execution_error() -> None:
    with using(streaming()) as talk:
        call = only(talk.say(user("failing")), "mcp_call")
        assert (call["status"], call["output"]) == ("failed", None)
        assert call["error"]["content"] == [{"type": "text", "text": "out of ink"}]


def test_a_result_that_is_only_structured_is_given_as_json() -> None:
    with using(streaming()) as talk:
        assert only(talk.say(user("structured")), "mcp_call")["output"] == '{"degrees": 21}'


def test_text_beside_an_image_is_given_as_json_blocks() -> None:
    with using(streaming()) as talk:
        blocks = json.loads(only(talk.say(user("picture")), "mcp_call")["output"])
        assert [block["type"] for block in blocks] == ["text", "image"]


@pytest.mark.parametrize("json_response", [False, True], ids=["events", "json"])
def test_a_result_that_is_too_large_is_an_error_and_the_server_stays_usable(json_response: bool) -> None:
    with using(streaming(json_response=json_response), limits=SMALL) as talk:
        error = only(talk.say(user("huge")), "mcp_call")["error"]
        assert error == {
            "type": "http_error",
            "code": 502,
            "message": "The answer exceeds 100000 bytes.",
        }
        assert text_in(talk.say(user("plain"))) == "plain"


def test_a_server_that_hangs_is_given_up() -> None:
    with using(streaming(), limits=SMALL) as talk:
        error = only(talk.say(user("hanging")), "mcp_call")["error"]
        assert error["type"] == "http_error"
        assert error["code"] == 504
        assert error["message"] == "No answer from the MCP server within 0.5 seconds."
        assert text_in(talk.say(user("plain"))) == "plain"


def test_a_tool_list_that_never_comes_is_a_424() -> None:
    async def never(_request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    app = Starlette(routes=[Route("/mcp", never, methods=["POST"])])
    with using(app, limits=SMALL) as talk:
        message = talk.refused(user("hi"), status=424)["message"]
        assert message.endswith("Http status code: 504 (Gateway Timeout)")


def test_an_answer_that_never_ends_is_given_up() -> None:
    async def drip(_request: Request) -> Response:
        async def body() -> AsyncGenerator[bytes, None]:
            while True:
                yield b": still here\n\n" * 1000
                await asyncio.sleep(0)  # the end of the connection can be noticed

        return StreamingResponse(body(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/mcp", drip, methods=["POST"])])
    with using(app, limits=SMALL) as talk:
        assert "'odd'" in talk.refused(user("hi"), status=424)["message"]


def test_a_redirect_to_another_origin_is_not_followed_and_no_credential_goes_there(tracker: Tracker) -> None:
    elsewhere = Watched(streaming())
    with in_thread(lambda: running_at(elsewhere)) as target:

        async def away(_request: Request) -> Response:
            return RedirectResponse(f"{target}/mcp", status_code=307)

        app = Starlette(routes=[Route("/mcp", away, methods=["GET", "POST", "DELETE"])])
        with using(app) as talk:
            talk.tools = [{**talk.tools[0], "authorization": tracker.token}]
            message = talk.refused(user("hi"), status=424)["message"]
            assert message.endswith("Http status code: 307 (Temporary Redirect)")
    assert elsewhere.seen == []


def test_a_session_is_used_again_and_closed_with_the_service() -> None:
    app = Watched(streaming())
    with using(app) as talk:
        for _ in range(3):
            talk.say(user("plain"))
    methods = [method for method, _ in app.seen]
    sessions = {headers["mcp-session-id"] for _, headers in app.seen if "mcp-session-id" in headers}
    assert len(sessions) <= 1
    assert methods.count("DELETE") == len(sessions)


def test_credentials_never_share_a_session() -> None:
    app = Watched(streaming())
    with using(app) as talk:
        for token in ("red", "blue", "red"):
            talk.tools = [{**talk.tools[0], "authorization": token}]
            talk.items = []
            talk.say(user("plain"))
    tokens = [headers.get("authorization") for _, headers in app.seen]
    assert set(tokens) == {"Bearer red", "Bearer blue"}
    by_session = {
        (headers["mcp-session-id"], headers["authorization"])
        for _, headers in app.seen
        if "mcp-session-id" in headers
    }
    assert len({session for session, _ in by_session}) == len(by_session)


def test_a_session_that_the_server_has_forgotten_is_opened_anew() -> None:
    servers = [Watched(streaming()), Watched(streaming())]

    @asynccontextmanager
    async def first_then_second() -> AsyncGenerator[tuple[str, Switch], None]:
        switch = Switch(servers[0])
        async with running_at(switch) as origin, serving(servers[1]):
            yield origin, switch

    with in_thread(first_then_second) as (origin, switch):
        tool = {"type": "mcp", "server_label": "odd", "server_url": f"{origin}/mcp"}
        with talking(SCRIPT, {**tool, "require_approval": "never"}) as talk:
            assert text_in(talk.say(user("plain"))) == "plain"
            switch.app = servers[1]
            assert text_in(talk.say(user("plain"))) == "plain"
    assert all(app.seen for app in servers)
