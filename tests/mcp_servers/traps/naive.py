"""The code that a first bridge comes to: the SDK's client, used as its examples show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp import Client
from mcp_types import CallToolResult, TextContent


async def once(url: str, name: str, arguments: Mapping[str, Any] | None = None) -> CallToolResult:
    """Connect, call, leave."""
    async with Client(url) as client:
        return await client.call_tool(name, dict(arguments or {}))


async def stubborn(url: str, name: str) -> CallToolResult | None:
    """A retry around a tool call, as around any other request."""
    for _ in range(2):
        try:
            return await once(url, name)
        except Exception:  # noqa: BLE001 # boundary: naive on purpose, which is the point of it
            continue
    return None


def text_of(result: CallToolResult) -> str:
    """What the model is told."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))
