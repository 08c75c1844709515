"""The two tools of the throw-away server. Imported where it is started: this loads the mcp package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ToolAnnotations

from mcpbridge.adapters.root_logging import root_logging_untouched
from mcpbridge.doctor.names import READ, WRITE

Run: TypeAlias = Callable[[str, str, str], str]
"""(tool, text, Authorization header of the request) → result."""


def probes(run: Run) -> MCPServer:
    """Both only tell `run` that they were called, and with what."""
    with root_logging_untouched():
        server: MCPServer = MCPServer("mcpbridge-doctor", instructions="Harmless tools for a test.")
    reading = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    writing = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)

    @server.tool(name=READ, annotations=reading)
    async def probe_read(text: str, ctx: Context) -> str:  # pyright: ignore[reportUnusedFunction]
        """Look up the code of a text. A harmless test tool that only reads."""
        return run(READ, text, _authorization(ctx))

    @server.tool(name=WRITE, annotations=writing)
    async def probe_write(text: str, ctx: Context) -> str:  # pyright: ignore[reportUnusedFunction]
        """Note a text and return its code. A harmless test tool."""
        return run(WRITE, text, _authorization(ctx))

    return server


def _authorization(ctx: Context[Any, Any]) -> str:
    """Of the request that brought this call: a session may be used with several."""
    request = ctx.request_context.request
    return str(request.headers.get("authorization", "")) if request is not None else ""
