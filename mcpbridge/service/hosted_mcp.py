"""The service's side of hosted MCP: connects to the declared server, lists its tools, calls them.

Each operation has a connection and a task of its own: the SDK cancels the task that entered a client whose
request failed, and that must not be ours.
"""

from __future__ import annotations

import asyncio
import functools
import json
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from mcpbridge.service.errors import tool_list_failed
from mcpbridge.service.tools import McpDeclaration
from mcpbridge.service.wire import Item, is_object

if TYPE_CHECKING:
    import httpx2
    from mcp import Client
    from mcp_types import CallToolResult, Tool

_T = TypeVar("_T")
_PAGES = 100  # a server whose list never ends must not hold a request for ever
_TIMEOUT = 60.0
_INVALID_PARAMS = -32602  # JSON-RPC 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a hosted call ended: exactly one of `output` and `error`."""

    output: str | None = None
    error: Item | None = None


class HostedMcp(Protocol):
    """What the service needs of an MCP server."""

    async def list_tools(self, server: McpDeclaration) -> list[Item]:
        """The tools as mcp_list_tools reports them, unfiltered. Raises ApiError 424."""
        ...

    async def call(self, server: McpDeclaration, name: str, arguments: str) -> Outcome:
        """Executes; a failure is an outcome, never an exception."""
        ...


class StreamableHttpMcp:
    """HostedMcp over the mcp SDK's streamable HTTP client."""

    async def list_tools(self, server: McpDeclaration) -> list[Item]:
        try:
            tools = await _in_its_own_task(lambda: _connected(server, _all_tools))
        except _Unreached as failure:
            raise tool_list_failed(server.label, failure.status, _phrase(failure.status)) from None
        return [_listed(tool) for tool in tools]

    async def call(self, server: McpDeclaration, name: str, arguments: str) -> Outcome:
        try:
            decoded: object = json.loads(arguments)
        except ValueError:
            decoded = None
        if not is_object(decoded):
            return protocol_error("The arguments of the call are not a JSON object.")
        fields = decoded
        try:
            result = await _in_its_own_task(
                lambda: _connected(server, lambda client: client.call_tool(name, fields))
            )
        except _Unreached as failure:
            return Outcome(error=failure.as_item())
        return _outcome(result)


def protocol_error(message: str, code: int = _INVALID_PARAMS) -> Outcome:
    return Outcome(error={"type": "mcp_protocol_error", "code": code, "message": message})


class _Unreached(Exception):
    """The server gave no result: an HTTP error, a JSON-RPC error, or no answer at all."""

    def __init__(self, message: str, *, status: int = 424, protocol_code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.protocol_code = protocol_code

    def as_item(self) -> Item:
        if self.protocol_code is not None:
            return {"type": "mcp_protocol_error", "code": self.protocol_code, "message": str(self)}
        return {"type": "http_error", "code": self.status, "message": str(self)}


async def _in_its_own_task(operation: Callable[[], Awaitable[_T]]) -> _T:
    async def run() -> _T:
        return await operation()

    task = asyncio.create_task(run())
    try:
        await asyncio.wait({task})
    finally:
        task.cancel()
    if task.cancelled():
        raise _Unreached("The connection to the MCP server was lost.")
    return task.result()


async def _connected(server: McpDeclaration, use: Callable[[Client], Awaitable[_T]]) -> _T:
    from mcp.shared.exceptions import MCPError

    statuses: list[int] = []
    try:
        async with _client(server, statuses) as client:
            return await use(client)
    except Exception as error:  # boundary: whatever a foreign server provokes in the SDK is its failure
        cause = _root(error)
        if statuses:
            raise _Unreached(_phrase(statuses[-1]), status=statuses[-1]) from error
        if isinstance(cause, MCPError):
            raise _Unreached(cause.message, protocol_code=cause.code) from error
        raise _Unreached(f"No answer from the MCP server: {type(cause).__name__}") from error


@asynccontextmanager
async def _client(server: McpDeclaration, statuses: list[int]) -> AsyncGenerator[Client, None]:
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def note_status(response: httpx2.Response) -> None:
        if response.request.method != "POST":
            return  # a server may refuse the optional GET stream
        statuses.clear()
        if response.status_code >= 400 and b'"jsonrpc"' not in await response.aread():
            statuses.append(response.status_code)

    remote = urlsplit(server.url).hostname not in ("127.0.0.1", "localhost", "::1")
    async with (
        httpx2.AsyncClient(
            headers=server.headers,
            timeout=_TIMEOUT,
            verify=_tls(),
            trust_env=remote,
            event_hooks={"response": [note_status]},
        ) as http_client,
        Client(streamable_http_client(server.url, http_client=http_client)) as client,
    ):
        yield client


async def _all_tools(client: Client) -> list[Tool]:
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools.extend(page.tools)
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools


def _listed(tool: Tool) -> Item:
    annotations = tool.annotations
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.input_schema,
        "annotations": annotations.model_dump(mode="json", by_alias=True, exclude_none=True)
        if annotations
        else None,
    }


def _outcome(result: CallToolResult) -> Outcome:
    content = [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]
    if result.is_error:
        return Outcome(error={"type": "mcp_tool_execution_error", "content": content})
    if all(block["type"] == "text" for block in content):
        return Outcome(output="\n".join(str(block["text"]) for block in content))
    return Outcome(output=json.dumps(content))


def _root(error: BaseException) -> BaseException:
    group = cast("BaseExceptionGroup[BaseException]", error) if _is_group(error) else None
    return _root(group.exceptions[0]) if group else error


def _is_group(error: BaseException) -> bool:
    return isinstance(error, BaseExceptionGroup)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
