"""The two sides: `Client.call_tool` of the SDK, and a Gate that settles a response with one function call."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from mcp import Client, StdioServerParameters, stdio_client

from benchmarks.bridged.server import ARGUMENTS, TOOL, build
from mcpbridge import Gate
from mcpbridge.adapters.approvers import DenyApprover
from mcpbridge.adapters.mcp_servers.listing import definition
from mcpbridge.bridge.assembly import assemble
from mcpbridge.ports import AuditSink, CallObserver, Json, Listing, ToolAnswer

Transport = Literal["in process", "stdio", "streamable HTTP"]
Era = Literal["auto", "legacy"]
Call = Callable[[], Awaitable[None]]
LABEL = "weather"
STDIO = (sys.executable, "-m", "benchmarks.bridged.server")
ROOT = Path(__file__).parents[2]
_ANSWER = "Lisbon: sun for 3 days"
_RAW = json.dumps(ARGUMENTS)
_numbers = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One server, as both sides reach it. `url` is empty for one that is no HTTP server."""

    transport: Transport
    era: Era
    url: str = ""


@asynccontextmanager
async def http_server() -> AsyncGenerator[str, None]:
    """The URL of a server in a process of its own."""
    process = await asyncio.create_subprocess_exec(*STDIO, "--http", stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def raw_client(place: Place) -> AsyncGenerator[Client, None]:
    """The SDK's client as its documentation opens it, and kept open."""
    if place.transport == "in process":
        target: Any = build()
    elif place.transport == "stdio":
        target = stdio_client(StdioServerParameters(command=STDIO[0], args=list(STDIO[1:]), cwd=ROOT))
    else:
        target = place.url
    async with Client(target, mode=place.era) as client:
        await client.list_tools()
        yield client


def raw_call(client: Client) -> Call:
    """One call, its answer looked at."""

    async def call() -> None:
        result = await client.call_tool(TOOL, ARGUMENTS)
        assert cast("Any", result.content[0]).text == _ANSWER, result

    return call


@asynccontextmanager
async def gate(place: Place, folder: Path, client: Client, audit: AuditSink) -> AsyncGenerator[Gate, None]:
    """A gate with rules, pins and an audit. In process it calls by way of the other side's own client."""
    config = await _configured(place, folder, client)
    boxes = {LABEL: InProcess(client)} if place.transport == "in process" else None
    assembly = assemble(config, audit=audit, approver=DenyApprover(), toolboxes=boxes, state_key=b"k" * 32)
    try:
        yield Gate(assembly)
    finally:
        await assembly.close()


async def conversation(gate: Gate) -> Call:
    """A conversation whose user has spoken and whose tools are listed; each call is a response settled."""
    own = gate.new()
    await own.tools_async()
    await own.settle([_wanted()], user_text="What will the weather be?")

    async def call() -> None:
        answers = await own.settle([_wanted()])
        assert answers[0]["output"] == _ANSWER, answers

    return call


async def first_call(gate: Gate) -> Call:
    """The first call of a turn, before which the server is asked again for its tools."""
    own = gate.new()
    await own.tools_async()
    said = itertools.count()

    async def call() -> None:
        await own.settle([_wanted()], user_text=f"And tomorrow? ({next(said)})")

    return call


def _wanted() -> dict[str, Any]:
    number = next(_numbers)
    return {
        "type": "function_call",
        "id": f"fc_{number}",
        "call_id": f"call_{number}",
        "name": f"{LABEL}__{TOOL}",
        "arguments": _RAW,
        "status": "completed",
    }


async def _configured(place: Place, folder: Path, client: Client) -> Path:
    """The configuration in `folder`, its tools pinned by the command that people use."""
    shutil.copy(Path(__file__).parent / "policy.yaml", folder)
    address: dict[str, Any] = {"url": place.url} if place.url else {"command": STDIO, "cwd": str(ROOT)}
    server = {"label": LABEL, "via": "bridge", "protocol": place.era, **address}
    config = {
        "model": {"name": "none", "endpoint": "http://127.0.0.1:9/v1", "profile": "local"},
        "servers": [server],
        "policy": "policy.yaml",
    }
    file = folder / "mcpbridge.yaml"
    file.write_text(json.dumps(config, indent=2), encoding="utf-8")
    pin = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mcpbridge", "pin", "-c", str(file), stdout=asyncio.subprocess.DEVNULL
    )
    assert await pin.wait() == 0, "the server can be pinned"
    return file


class InProcess:
    """A toolbox over a client that is open already: what the gate costs with no connection of ours below."""

    label = LABEL

    def __init__(self, client: Client) -> None:
        self._client = client
        self._listing: Listing | None = None
        self.identity = ""

    async def tools(self, *, fresh: bool = False) -> Listing:
        if self._listing is None:
            tools = (await self._client.list_tools()).tools
            self._listing = Listing(
                tools=tuple(definition(tool, self.identity) for tool in tools),
                epoch=1,
                protocol=self._client.protocol_version,
            )
        return self._listing

    async def call(
        self,
        name: str,
        arguments: Json,
        *,
        epoch: int,
        meta: Json,
        seconds: float | None,
        observer: CallObserver | None = None,
    ) -> ToolAnswer:
        result = await self._client.call_tool(name, dict(arguments), meta=cast("Any", dict(meta)))
        text = cast("Any", result.content[0]).text
        return ToolAnswer(parts=text, size=len(text))

    async def close(self) -> None: ...
