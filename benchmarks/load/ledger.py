"""`python -m benchmarks.load.ledger`: an MCP server that counts what it was told to book.

Prints its URL once it listens. `GET /counts` gives every key with the number of times it was booked.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcpbridge.service.loopback import serving


def build(counts: Counter[str]) -> Starlette:
    """The server: `/mcp` and `/counts`."""
    from mcp.server.mcpserver import MCPServer

    server: MCPServer = MCPServer("ledger", log_level="ERROR")

    @server.tool()
    async def book(key: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """Book a key in the ledger."""
        counts[key] += 1
        return f"booked {key}"

    async def told(_request: Request) -> Response:
        return JSONResponse(dict(counts))

    app = server.streamable_http_app()
    app.router.routes.append(Route("/counts", told))
    return app


async def main() -> None:
    async with serving(build(Counter()), port=0, signals=True) as server:
        print(f"{server.origin}/mcp", flush=True)
        await server.stopping.wait()


if __name__ == "__main__":
    asyncio.run(main())
