"""Traps of programs: mute ones, talkative ones, and servers that are waited for one after the other."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.adapters.mcp_servers.settings import Bounds
from mcpbridge.errors import ServerUnavailable
from mcpbridge.testing import message, response
from tests.bridged.scene import Scene
from tests.mcp_servers.scene import PROGRAM, call, program, toolbox, until
from tests.mcp_servers.web import Web

NAIVE = """
import asyncio, json, sys
from mcp import Client, StdioServerParameters

async def main():
    async with Client(StdioServerParameters(command=sys.executable, args=json.loads(sys.argv[1]))) as client:
        await client.call_tool("noise", {})

asyncio.run(main())
"""


@pytest.mark.promise("mcp-traps")
def test_a_mute_program_keeps_the_naive_client_waiting_and_ours_until_its_deadline() -> None:
    mute = StdioServerParameters(command=sys.executable, args=["-I", "-S", str(PROGRAM), "--mute"])

    async def naively() -> None:
        async with asyncio.timeout(1.0), Client(mute):  # it would wait for 15 s
            raise AssertionError("it never answers")

    async def ours() -> None:
        async with toolbox(program("--mute"), bounds=Bounds(connect=0.2, goodbye=0.1)) as box:
            await box.tools()

    with pytest.raises(TimeoutError):
        asyncio.run(naively())
    with pytest.raises(ServerUnavailable, match="srv: it did not answer in time"):
        asyncio.run(ours())


@pytest.mark.promise("mcp-traps")
def test_servers_are_connected_one_after_the_other_naively_and_side_by_side_here(
    site: HTTPServer, other: Web, tmp_path: Path
) -> None:
    webs = (Web(site), other)

    def meet(patience: float) -> list[str]:
        """Each server answers when the other one is asked too, or after a while."""
        together, how = threading.Barrier(2), list[str]()

        def initialize(asked: dict[str, Any], request: Request) -> Response | Mapping[str, Any]:
            try:
                together.wait(timeout=patience)
                how.append("together")
            except threading.BrokenBarrierError:
                how.append("alone")
            return {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "serverInfo": {"name": "web", "version": "1"},
            }

        for web in webs:
            web.on["initialize"] = initialize
        return how

    async def naively() -> None:
        async with AsyncExitStack() as stack:
            for web in webs:
                await stack.enter_async_context(Client(web.url))

    how = meet(0.5)
    asyncio.run(naively())
    assert how == ["alone", "alone"]

    how = meet(20)
    servers = "".join(f'\n  - {{label: s{n}, via: bridge, url: "{web.url}"}}' for n, web in enumerate(webs))
    Scene(folder=tmp_path, boxes={}, steps=[response(message("told"))], servers=f"{servers}\n").run("go")
    assert how == ["together", "together"]


@pytest.mark.promise("mcp-traps")
def test_what_a_program_says_moves_the_cursor_of_a_naive_terminal_and_is_plain_text_here(
    capfd: pytest.CaptureFixture[str],
) -> None:
    noisy = json.dumps(["-I", "-S", str(PROGRAM)])
    ended = subprocess.run([sys.executable, "-c", NAIVE, noisy], capture_output=True, check=True)
    assert b"\x1b[31mred\x1b[0m alert" in ended.stderr

    lines: list[str] = []

    async def ours() -> None:
        async with toolbox(program(said=lines.append)) as box:
            await call(box, "noise")
            await until(lambda: len(lines) == 2)

    asyncio.run(ours())
    assert lines[0] == "\\u001b[31mred\\u001b[0m alert"
    assert "red" not in capfd.readouterr().err
