"""`python -m benchmarks.bridged.server [--http]`: one server of the official SDK, the same for both sides.

With `--http` it prints its URL once it listens; without, it speaks over standard input and output.
"""

from __future__ import annotations

import argparse
import asyncio

from mcp.server.mcpserver import MCPServer

from mcpbridge.service.loopback import serving

TOOL = "forecast"
ARGUMENTS = {"city": "Lisbon", "days": 3}


def build() -> MCPServer:
    """The server: a trivial tool with a schema, beside two that the policy forbids and asks about."""
    server: MCPServer = MCPServer("weather", log_level="ERROR")

    @server.tool()
    async def forecast(city: str, days: int = 1) -> str:  # pyright: ignore[reportUnusedFunction]
        """The forecast for a city."""
        return f"{city}: sun for {days} days"

    @server.tool()
    async def subscribe(city: str, address: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """Send the forecast each morning."""
        return f"{address} is told about {city}"

    @server.tool()
    async def delete_station(station: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """Remove a weather station."""
        return f"{station} is gone"

    return server


async def _http() -> None:
    async with serving(build().streamable_http_app(), port=0, signals=True) as server:
        print(f"{server.origin}/mcp", flush=True)
        await server.stopping.wait()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--http", action="store_true", help="streamable HTTP on a free port")
    if options.parse_args().http:
        asyncio.run(_http())
    else:
        build().run("stdio")
