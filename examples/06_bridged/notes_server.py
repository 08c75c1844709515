"""An MCP server on standard input and output: a notebook in memory, with a tool that throws pages away."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

server = MCPServer("notes")
pages = {"monday": "Call the printer.", "friday": "Ship the release."}


@server.tool()
def read_page(day: str) -> str:
    """Read the page of a day."""
    return pages.get(day, "nothing is written there")


@server.tool()
def tear_out(day: str) -> str:
    """Tear the page of a day out of the notebook."""
    return "torn out" if pages.pop(day, None) else "there was no such page"


if __name__ == "__main__":
    server.run("stdio")
