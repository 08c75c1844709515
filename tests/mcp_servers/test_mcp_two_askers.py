"""A server of the older era that asks while several of its calls run: nobody can tell in which."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.ports import Elicited
from tests.mcp_servers.scene import Person, call, noted, program, toolbox, until

ASKING = """
from mcp.server.mcpserver import Context, MCPServer
from pydantic import BaseModel

class Form(BaseModel):
    name: str

server = MCPServer("asking")

@server.tool()
async def ask(context: Context) -> str:
    return str((await context.elicit("Who?", Form)).action)

server.run("stdio")
"""


@pytest.mark.promise("bridged-asked")
def test_a_question_while_two_calls_run_is_refused_and_shown_to_nobody(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    person = Person(answer=Elicited(action="accept", content={}))

    async def story() -> str:
        async with toolbox(program(calls=calls)) as box:
            await box.tools()
            slow = asyncio.create_task(call(box, "slow", seconds=None, observer=person))
            await until(lambda: bool(noted(calls)))
            answer = await call(box, "ask", observer=person)
            slow.cancel()
            await asyncio.wait({slow})
            return str(answer.parts)

    assert "it is not clear which call asks" in asyncio.run(story())
    assert person.asked == []


def test_the_sdk_does_not_say_on_the_wire_which_call_asks() -> None:
    """mcp 2.3.0. Where this fails, questions of several calls can be told apart."""
    client: dict[str, Any] = {
        "protocolVersion": "2025-11-25",
        "capabilities": {"elicitation": {"form": {}}},
        "clientInfo": {"name": "raw", "version": "1"},
    }
    with subprocess.Popen(
        [sys.executable, "-c", ASKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def say(**words: Any) -> None:
            assert server.stdin is not None
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **words}) + "\n")
            server.stdin.flush()

        say(id=1, method="initialize", params=client)
        server.stdout.readline()
        say(method="notifications/initialized")
        say(
            id="the-call",
            method="tools/call",
            params={"name": "ask", "arguments": {}, "_meta": {"progressToken": "the-token"}},
        )
        asked = next(line for line in server.stdout if '"elicitation/create"' in line)
        server.kill()
    assert "the-call" not in asked
    assert "the-token" not in asked
    assert json.loads(asked)["params"].keys() == {"mode", "message", "requestedSchema"}
