"""A gateway over a small shop, and what every test needs around it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

import httpx2
import mcp_types as types
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

SHOP = Path(__file__).with_name("shop.py")
ERAS = ["legacy", "2026-07-28"]
TOKEN = "token-of-the-editor-0123456789"
OTHER = "token-of-the-robot-9876543210"
POLICY = """\
version: 1
defaults: {decision: deny}
rules:
- {id: fine, effect: allow, tools: [shop.book, shop.look, shop.stumble, shop.meet]}
- {id: fine-too, effect: allow, tools: [shop.wait, shop.ask, shop.grow]}
- {id: ask-first, effect: ask, tools: [shop.burn]}
- {id: not-this, effect: deny, tools: [shop.book], when: {key: {eq: forbidden}}, reason: not that one}
"""


def configured(folder: Path, **more: Any) -> None:
    """`server` among `more` goes to the server's declaration."""
    (folder / "policy.yaml").write_text(POLICY)
    server = {
        "label": "shop",
        "via": "bridge",
        "command": [sys.executable, str(SHOP)],
        "env": {"SHOP_FILE": str(folder / "effects")},
        **more.pop("server", {}),
    }
    config = {
        "model": {"name": "none", "endpoint": "local"},
        "servers": [server],
        "policy": "policy.yaml",
        "audit": {"path": "audit"},
        **more,
    }
    (folder / "mcpbridge.yaml").write_text(json.dumps(config))


def effects(folder: Path) -> list[str]:
    path = folder / "effects"
    return path.read_text().splitlines() if path.exists() else []


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    path = folder / "audit" / "audit.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [record for record in map(json.loads, lines) if record["type"] == kind]


def gateway(folder: Path, *options: str) -> StdioServerParameters:
    words = ["-m", "mcpbridge", "gateway", "-c", str(folder / "mcpbridge.yaml"), *options]
    return StdioServerParameters(command=sys.executable, args=words, env=dict(os.environ))


def used(
    body: Callable[[Client], Awaitable[None]], parameters: StdioServerParameters, **options: Any
) -> None:
    """Run `body` with the official client, over standard input and output."""

    async def whole() -> None:
        async with Client(parameters, **options) as client:
            await body(client)

    asyncio.run(whole())


def words(result: types.CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, types.TextContent))


def written(path: Path) -> BinaryIO:
    return path.open("wb")


@asynccontextmanager
async def over_http(folder: Path, *options: str, noise: Path | None = None) -> AsyncGenerator[str, None]:
    """The gateway's URL. `noise` keeps what it says on standard error."""
    parameters = gateway(folder, "--http", "--port", "0", *options)
    with written(noise or Path(os.devnull)) as errors:
        process = await asyncio.create_subprocess_exec(
            parameters.command,
            *parameters.args,
            env={**os.environ, "EDITOR_TOKEN": TOKEN, "ROBOT_TOKEN": OTHER},
            stdout=asyncio.subprocess.PIPE,
            stderr=None if noise is None else errors,
        )
    assert process.stdout is not None
    try:
        said = (await process.stdout.readline()).decode().split()
        yield next(word for word in said if word.startswith("http"))
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def client_of(url: str, token: str = "", **options: Any) -> AsyncGenerator[Client, None]:
    """The official client at a gateway over HTTP."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60.0) as http,
        Client(streamable_http_client(url, http_client=http), **options) as client,
    ):
        yield client
