"""A real MCP server whose one tool begins, says so, and ends only when the test lets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from mcpbridge.service.loopback import in_thread, serving

Item = dict[str, Any]
SCRIPT = """
rules:
- when: {user: hold}
  then: [{mcp: {server: gate, tool: hold}}]
- then: [{say: "{{last_output}}"}]
"""


@dataclass(slots=True, kw_only=True)
class Gate:
    """`began` is set when the tool runs; it answers once `release` is set. `ended` counts."""

    url: str = ""
    began: Event = field(default_factory=Event)
    release: Event = field(default_factory=Event)
    ended: int = 0

    def declared(self) -> Any:
        return {"type": "mcp", "server_label": "gate", "server_url": self.url, "require_approval": "never"}


@contextmanager
def gated() -> Generator[Gate, None, None]:
    """The server; at the end the tool is let go."""
    gate = Gate()
    with in_thread(lambda: _serving(gate)):
        try:
            yield gate
        finally:
            gate.release.set()


@asynccontextmanager
async def _serving(gate: Gate) -> AsyncGenerator[None, None]:
    async def list_tools(
        _context: ServerRequestContext[object], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[types.Tool(name="hold", input_schema={"type": "object"})])

    async def call_tool(
        _context: ServerRequestContext[object], _params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        gate.began.set()
        await asyncio.to_thread(gate.release.wait)
        gate.ended += 1
        return types.CallToolResult(content=[types.TextContent(text="held")])

    server: Server[object] = Server("gate", on_list_tools=list_tools, on_call_tool=call_tool)
    async with serving(server.streamable_http_app()) as running:
        gate.url = f"{running.origin}/mcp"
        yield
