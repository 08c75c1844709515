"""An MCP server on standard input and output whose effects stand in the file that SHOP_FILE names."""

from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path

from mcp.server.mcpserver import Context, Image, MCPServer

server: MCPServer = MCPServer("shop", log_level="ERROR")
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@server.tool()
def book(key: str) -> str:
    """Book a key."""
    with Path(os.environ["SHOP_FILE"]).open("a") as file:
        file.write(f"{key}\n")
    return f"booked {key}"


@server.tool()
def burn(key: str) -> str:
    """Burn a key."""
    return book(f"burnt {key}")


@server.tool()
def look() -> Image:
    """Look at a picture."""
    return Image(data=PIXEL, format="png")


@server.tool()
def stumble() -> str:
    """Fail."""
    raise ValueError("stumbled")


@server.tool()
async def meet(count: int, ctx: Context) -> str:
    """Wait until `count` calls are here."""
    meeting.append(None)
    await ctx.report_progress(len(meeting), count, "somebody came")
    if len(meeting) == count:
        everybody.set()
    await everybody.wait()
    return "met"


meeting: list[None] = []
everybody = asyncio.Event()

if __name__ == "__main__":
    server.run()
