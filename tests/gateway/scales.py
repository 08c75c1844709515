"""An MCP server whose tools promise structured results. What a call leaves behind stands in SHOP_FILE."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import mcp_types as types
from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel, Field

server: MCPServer = MCPServer("scales", log_level="ERROR")


class Weight(BaseModel):
    key: str
    grams: int


class Label(BaseModel):
    text: Annotated[str, Field(min_length=20)]


def ran(what: str) -> None:
    with Path(os.environ["SHOP_FILE"]).open("a") as file:
        file.write(f"{what}\n")


@server.tool()
def weigh(key: str) -> Weight:
    """Weigh a key."""
    ran(f"weighed {key}")
    return Weight(key=key, grams=12)


@server.tool()
def recite(size: int) -> Label:
    """Say much."""
    ran(f"recited {size}")
    return Label(text="a" * size)


@server.tool()
def reveal(key: str) -> Weight:
    """Weigh something that has a name it should not tell."""
    return Weight(key=f"{key} {os.environ['SECRET']}", grams=1)


@server.tool()
def print_label() -> Label:
    """A label that is too short once its credential is masked."""
    ran("printed")
    return Label(text=os.environ["SECRET"])


@server.tool()
def loose() -> types.CallToolResult:
    """Promise nothing, and give something structured."""
    return types.CallToolResult(
        content=[types.TextContent(text="loose")], structured_content={"of": ["several", 1, None, True]}
    )


@server.tool()
def break_down(key: str) -> Annotated[types.CallToolResult, Weight]:
    """Fail, with more than words."""
    given: dict[str, Any] = {"key": key, "grams": 0} if key == "fits" else {"why": "no scales"}
    return types.CallToolResult(
        content=[types.TextContent(text="broken")], structured_content=given, is_error=True
    )


if __name__ == "__main__":
    server.run()
