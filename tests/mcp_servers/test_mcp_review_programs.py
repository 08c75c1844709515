"""Programs that leave something behind, or ask without end."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from mcpbridge.adapters.mcp_servers.settings import StdioCommand
from mcpbridge.errors import CallTimedOut
from tests.mcp_servers.scene import call, toolbox
from tests.mcp_servers.test_mcp_programs import alive

_SERVER = """
import json, os, subprocess, sys
def answer(request, result):
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    match request.get("method"):
        case "initialize":
            about = {"serverInfo": {"name": "p", "version": "1"}, "capabilities": {"tools": {}}}
            answer(request, {"protocolVersion": "2025-11-25", **about})
        case "tools/list":
            tools = [{"name": name, "inputSchema": {"type": "object"}} for name in ("begin", "many", "storm")]
            answer(request, {"tools": tools})
        case "tools/call":
            match request["params"]["name"]:
                case "begin":
                    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN)"
                    stubborn += "; print(1, flush=True); time.sleep(600)"
                    begun = subprocess.Popen([sys.executable, "-c", stubborn], stdin=-3, stdout=-1)
                    begun.stdout.readline()
                    answer(request, {"content": [{"type": "text", "text": str(begun.pid)}]})
                case "many":
                    answer(request, {"content": [], "structuredContent": {"a": [{}] * 600_000}})
                case "storm":
                    number = 0
                    while True:
                        number += 1
                        print('{"jsonrpc":"2.0","id":"p%d","method":"ping"}' % number, flush=True)
        case _ if "id" in request and "method" in request:
            error = {"code": -32601, "message": "no"}
            print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}), flush=True)
"""


def server(folder: Path) -> StdioCommand:
    path = folder / "server.py"
    path.write_text(_SERVER, encoding="utf-8")
    return StdioCommand(command=(sys.executable, "-I", "-S", str(path)))


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
def test_what_a_program_started_is_ended_though_it_ignores_being_told(tmp_path: Path) -> None:
    async def story() -> int:
        async with toolbox(server(tmp_path)) as box:
            return int(str((await call(box, "begin")).parts))

    pid = asyncio.run(story())
    left = alive(pid)
    if left:
        os.kill(pid, 9)
    assert not left


def test_a_line_of_very_many_small_parts_is_not_kept(tmp_path: Path) -> None:
    async def story() -> None:
        async with toolbox(server(tmp_path)) as box:
            answer = await call(box, "many")
            assert (answer.is_error, answer.truncated) == ("invalid", True)

    asyncio.run(story())


@pytest.mark.promise("bridged-hostile")
def test_a_program_that_pings_without_end_fills_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with toolbox(server(tmp_path)) as box:
            with pytest.raises(CallTimedOut):
                await call(box, "storm", seconds=1.0)
            assert len(asyncio.all_tasks()) < 500

    asyncio.run(story())
