"""Hosted MCP against servers that behave in unusual but lawful, or in unlawful ways."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import mcp_types as types
import pytest
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mcpbridge.service.loopback import in_thread, serving
from tests.service.talking import Item, kinds, only, talking, text_in, user

SCRIPT = """
rules:
- when: {user: "use (\\\\w+)"}
  then: [{mcp: {server: odd, tool: "{{seen:use (\\\\w+)}}"}}]
- then: [{say: "{{last_output}}"}]
"""


async def _list_tools(
    _context: ServerRequestContext[object], params: types.PaginatedRequestParams | None
) -> types.ListToolsResult:
    names = ["picture", "refusing"] if params and params.cursor == "2" else ["plain", "empty"]
    tools = [types.Tool(name=name, input_schema={"type": "object"}) for name in names]
    return types.ListToolsResult(tools=tools, next_cursor=None if names[0] == "picture" else "2")


async def _call_tool(
    _context: ServerRequestContext[object], params: types.CallToolRequestParams
) -> types.CallToolResult:
    if params.name == "refusing":
        raise MCPError(-32050, "not today")
    if params.name == "picture":
        return types.CallToolResult(content=[types.ImageContent(data="aGk=", mime_type="image/png")])
    texts = ["one", "two"] if params.name == "plain" else []
    return types.CallToolResult(content=[types.TextContent(text=text) for text in texts])


def _odd_app() -> ASGIApp:
    server: Server[object] = Server("odd", on_list_tools=_list_tools, on_call_tool=_call_tool)
    return server.streamable_http_app()


@asynccontextmanager
async def _at(app: ASGIApp) -> AsyncGenerator[str, None]:
    async with serving(app) as server:
        yield f"{server.origin}/mcp"


@pytest.fixture
def odd() -> Generator[Item, None, None]:
    with in_thread(lambda: _at(_odd_app())) as url:
        yield {"type": "mcp", "server_label": "odd", "server_url": url, "require_approval": "never"}


def test_all_pages_of_a_tool_list_are_read(odd: Item) -> None:
    with talking(SCRIPT, odd) as talk:
        tools = only(talk.say(user("hi")), "mcp_list_tools")["tools"]
        assert [tool["name"] for tool in tools] == ["plain", "empty", "picture", "refusing"]
        assert tools[0]["annotations"] is None


@pytest.mark.parametrize(("tool", "output"), [("plain", "one\ntwo"), ("empty", "")])
def test_text_blocks_are_one_output(odd: Item, tool: str, output: str) -> None:
    with talking(SCRIPT, odd) as talk:
        assert only(talk.say(user(f"use {tool}")), "mcp_call")["output"] == output


def test_other_content_is_given_as_json(odd: Item) -> None:
    with talking(SCRIPT, odd) as talk:
        output = only(talk.say(user("use picture")), "mcp_call")["output"]
        assert '"mimeType": "image/png"' in output


def test_a_json_rpc_error_is_a_protocol_error(odd: Item) -> None:
    with talking(SCRIPT, odd) as talk:
        output = talk.say(user("use refusing"))
        error = only(output, "mcp_call")["error"]
        assert error == {"type": "mcp_protocol_error", "code": -32050, "message": "not today"}
        assert text_in(output) == "not today"


@pytest.mark.parametrize(
    ("status", "phrase"), [(403, "Forbidden"), (500, "Internal Server Error"), (599, "Unknown")]
)
def test_the_status_of_a_failing_server_is_told(status: int, phrase: str) -> None:
    async def fail(_request: Request) -> Response:
        return PlainTextResponse("no", status_code=status)

    app = Starlette(routes=[Route("/mcp", fail, methods=["GET", "POST", "DELETE"])])
    with in_thread(lambda: _at(app)) as url:
        tool = {"type": "mcp", "server_label": "odd", "server_url": url}
        with talking(SCRIPT, tool) as talk:
            message = talk.refused(user("hi"), status=424)["message"]
            assert message.endswith(f"'odd'. Http status code: {status} ({phrase})")


def test_one_server_of_several_failing_fails_the_request(odd: Item) -> None:
    dead = {**odd, "server_label": "dead", "server_url": "http://127.0.0.1:9/mcp"}
    with talking(SCRIPT, odd, dead) as talk:
        assert "'dead'" in talk.refused(user("hi"), status=424)["message"]
        talk.tools = [odd]
        assert kinds(talk.say(user("hi")))[0] == "mcp_list_tools"
