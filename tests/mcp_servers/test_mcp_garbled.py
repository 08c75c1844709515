"""Answers that are no JSON-RPC: whoever waits for one is told at once that it cannot be read."""

from __future__ import annotations

import asyncio
import sys

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.adapters.mcp_servers.settings import StdioCommand
from mcpbridge.errors import OutcomeLost, ServerUnavailable
from tests.mcp_servers.scene import call, program, toolbox
from tests.mcp_servers.test_mcp_sse import Stream

ANSWERS = {
    "half of a surrogate pair": (
        rb'{"jsonrpc":"2.0","id":ID,"result":{"content":"\ud800"}}',
        "not valid JSON",
    ),
    "not UTF-8": (b'{"jsonrpc":"2.0","id":ID,"result":{"content":"\xff"}}', "not valid JSON"),
    "an encoded surrogate": (
        b'{"jsonrpc":"2.0","id":ID,"result":{"content":"\xed\xa0\x80"}}',
        "not valid JSON",
    ),
    "cut off": (b'{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"te', "not valid JSON"),
    "an id at its end": (rb'{"jsonrpc":"2.0","error":{"message":"\ud800"},"id":ID}', "not valid JSON"),
    "no result": (b'{"jsonrpc":"2.0","id":ID,"result":"fine"}', "no JSON-RPC message"),
    "too deep": (b'{"jsonrpc":"2.0","id":ID,"result":' + b"[" * 100_000, "not valid JSON"),
}


@pytest.mark.promise("bridged-unreadable")
@pytest.mark.parametrize("how", ANSWERS)
def test_a_program_s_answer_that_cannot_be_read_leaves_its_call_unknown_at_once(how: str) -> None:
    """Naively, it counts as noise, and the call waits for its deadline; here it has none."""
    line, why = ANSWERS[how]

    async def story() -> None:
        async with toolbox(program()) as box:
            with pytest.raises(OutcomeLost, match=rf"^srv: its answer cannot be read: .*{why}.*garble may"):
                await call(box, "garble", {"line": line.hex()}, seconds=None)
            assert (await call(box, "echo")).parts == "{}"

    asyncio.run(story())


NOISE = [
    rb'{"level":"info","id":ID,"text":"\ud800"}',
    rb'{"jsonrpc":"2.0","id":ID,"method":"ping","params":{"result":"\ud800"}}',
    b'{"jsonrpc":"2.0","id":ID,"method":"ping","params":{"result":',
    b'[{"jsonrpc":"2.0","id":ID,"result":"fine"}]',
    b'{"id":ID,"result":',
    b'"jsonrpc" "result": "id":ID,',
    b'{"jsonrpc":"2.0","id":null,"result":"fine"}',
    b"{",
]


@pytest.mark.promise("bridged-unreadable")
@pytest.mark.parametrize("line", NOISE)
def test_what_answers_nothing_ends_no_call(line: bytes) -> None:
    async def story() -> str:
        async with toolbox(program()) as box:
            return str((await call(box, "garble", {"line": line.hex(), "then": "fine"})).parts)

    assert asyncio.run(story()) == "fine"


@pytest.mark.promise("bridged-unreadable")
def test_a_first_answer_that_cannot_be_read_is_the_reason_of_no_connection() -> None:
    line = r'{"jsonrpc":"2.0","id":%d,"result":{"serverInfo":"\ud800"}}'
    words = f"import json, sys\nfor each in sys.stdin: print({line!r} % json.loads(each)['id'], flush=True)"

    async def story() -> None:
        address = StdioCommand(command=(sys.executable, "-I", "-S", "-c", words))
        async with toolbox(address, protocol="legacy") as box:
            with pytest.raises(
                ServerUnavailable, match="srv: its answer cannot be read: it is not valid JSON"
            ):
                await box.tools()

    asyncio.run(story())


@pytest.mark.promise("bridged-unreadable")
def test_over_sse_too_an_answer_that_cannot_be_read_leaves_its_call_unknown(site: HTTPServer) -> None:
    stream = Stream(site)
    stream.garbled = True

    async def story() -> None:
        async with toolbox(stream.address) as box:
            with pytest.raises(OutcomeLost, match=r"^srv: its answer cannot be read: it is not valid JSON"):
                await call(box, "echo", seconds=None)

    try:
        asyncio.run(story())
    finally:
        stream.end()
