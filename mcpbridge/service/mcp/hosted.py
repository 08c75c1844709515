"""The service's side of hosted MCP: lists the tools of a declared server and calls them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from mcpbridge.service.errors import tool_list_failed
from mcpbridge.service.mcp.sessions import Address, SessionLimits, SessionPool, Unanswered
from mcpbridge.service.request.tools import McpDeclaration
from mcpbridge.service.wire import Item, is_object

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult, Tool

_PAGES = 100  # a server whose list never ends must not hold a request for ever
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

    def of(self, client: str) -> HostedMcp:
        """The same for one client of the service: it shares no session with another."""
        ...

    async def aclose(self) -> None:
        """Closes what was kept open for the next operation, all clients'."""
        ...


class PooledMcp:
    """HostedMcp over the mcp SDK: streamable HTTP, and the older HTTP+SSE where a server knows only that."""

    def __init__(
        self, limits: SessionLimits | None = None, *, pool: SessionPool | None = None, client: str = ""
    ) -> None:
        self._pool = pool or SessionPool(limits or SessionLimits())
        self._client = client

    def of(self, client: str) -> PooledMcp:
        return PooledMcp(pool=self._pool, client=client)

    async def list_tools(self, server: McpDeclaration) -> list[Item]:
        try:
            tools = await self._pool.run(self._address(server), _all_tools)
        except Unanswered as failure:
            status = _status(failure)
            raise tool_list_failed(server.label, status, _phrase(status)) from None
        return [_listed(tool) for tool in tools]

    async def call(self, server: McpDeclaration, name: str, arguments: str) -> Outcome:
        try:
            decoded: object = json.loads(arguments)
        except (ValueError, RecursionError):
            decoded = None
        if not is_object(decoded):
            return protocol_error("The arguments of the call are not a JSON object.")
        fields = decoded
        try:
            result = await self._pool.run(
                self._address(server), lambda client: client.call_tool(name, fields)
            )
        except Unanswered as failure:
            return Outcome(error=self._error(failure))
        return _outcome(result)

    async def aclose(self) -> None:
        await self._pool.aclose()

    def _address(self, server: McpDeclaration) -> Address:
        return Address(url=server.url, headers=frozenset(server.headers.items()), client=self._client)

    def _error(self, failure: Unanswered) -> Item:
        """http_error or mcp_protocol_error."""
        from mcp.shared.exceptions import MCPError

        cause, status = failure.cause, _status(failure)
        if failure.answers.too_large:
            limit = self._pool.limits.result_bytes
            return {"type": "http_error", "code": status, "message": f"The answer exceeds {limit} bytes."}
        if failure.answers.failed is None and isinstance(cause, MCPError):
            return {"type": "mcp_protocol_error", "code": cause.code, "message": cause.message}
        if isinstance(cause, TimeoutError):
            message = f"No answer from the MCP server within {self._pool.limits.seconds:g} seconds."
        elif failure.answers.failed is not None:
            message = _phrase(status)
        else:
            message = f"No answer from the MCP server: {type(cause).__name__}"
        return {"type": "http_error", "code": status, "message": message}


def _status(failure: Unanswered) -> int:
    """The HTTP status that tells the failure, the server's own where it has answered one."""
    if failure.answers.too_large:
        return HTTPStatus.BAD_GATEWAY
    if failure.answers.failed is not None:
        return failure.answers.failed
    if isinstance(failure.cause, TimeoutError):
        return HTTPStatus.GATEWAY_TIMEOUT
    return HTTPStatus.FAILED_DEPENDENCY


def protocol_error(message: str, code: int = _INVALID_PARAMS) -> Outcome:
    return Outcome(error={"type": "mcp_protocol_error", "code": code, "message": message})


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
    if not content and result.structured_content is not None:
        return Outcome(output=json.dumps(result.structured_content, ensure_ascii=False))
    if all(block["type"] == "text" for block in content):
        return Outcome(output="\n".join(str(block["text"]) for block in content))
    return Outcome(output=json.dumps(content, ensure_ascii=False))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
