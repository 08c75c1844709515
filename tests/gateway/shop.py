"""An MCP server on standard input and output whose effects stand in the file that SHOP_FILE names."""

from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path
from typing import Annotated

from mcp.server.mcpserver import (
    AcceptedElicitation,
    Context,
    Elicit,
    ElicitationResult,
    Image,
    MCPServer,
    Resolve,
)
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

server: MCPServer = MCPServer("shop", log_level="ERROR")
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Address(BaseModel):
    street: str
    floor: int = 1


async def asked(key: str) -> Elicit[Address]:
    return Elicit(f"Where shall {key} go?", Address)


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
    raise ToolError(f"stumbled over {os.environ.get('SECRET', 'nothing')}")


@server.tool()
async def meet(count: int, ctx: Context) -> str:
    """Wait until `count` calls are here."""
    meeting.append(None)
    await ctx.report_progress(len(meeting), count, "somebody came")
    if len(meeting) == count:
        everybody.set()
    await everybody.wait()
    return "met"


@server.tool()
async def wait(key: str) -> str:
    """Begin, and never end."""
    book(f"began {key}")
    try:
        await asyncio.Event().wait()
    finally:
        book(f"stopped {key}")
    return "never"


@server.tool()
async def ask(key: str, where: Annotated[ElicitationResult[Address], Resolve(asked)]) -> str:
    """Ask where to."""
    if not isinstance(where, AcceptedElicitation):
        return f"no address: {where.action}"
    return book(f"{key} to {where.data.street} {where.data.floor}")


@server.tool()
async def grow(ctx: Context) -> str:
    """Offer one tool more."""

    def late() -> str:
        """Came later."""
        return "late"

    server.add_tool(late)
    await ctx.session.send_tool_list_changed()
    await ctx.notify_tools_changed()
    return "grown"


meeting: list[None] = []
everybody = asyncio.Event()

if __name__ == "__main__":
    server.run()
