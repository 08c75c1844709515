"""A gateway on standard input that is told to stop while its client says nothing and a call is under way."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mcpbridge.gateway.calls import Called
from mcpbridge.gateway.standard_input import StandardInput
from mcpbridge.gateway.waiting import Waiting
from tests.gateway.scene import SHOP, configured, effects, gateway, records
from tests.mcp_servers.scene import until
from tests.mcp_servers.test_mcp_programs import alive, signal_to_send

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
STUBBORN = f"""
import os, runpy, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with open(sys.argv[1], "w") as file:
    file.write(str(os.getpid()))
runpy.run_path({str(SHOP)!r}, run_name="__main__")
while True:
    signal.pause()
"""
ABOUT = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
SAID = (
    {"id": 1, "method": "initialize", "params": ABOUT},
    {"method": "notifications/initialized"},
    {"id": 2, "method": "tools/call", "params": {"name": "shop__wait", "arguments": {"key": "a"}}},
)


@POSIX
@pytest.mark.promise("bridged-nothing-left")
@pytest.mark.promise("gateway-honest-outcome")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_gateway_whose_client_is_silent_and_every_program(tmp_path: Path, name: str) -> None:
    """Naively, SIGTERM leaves the programs and no record, and SIGINT waits for the client's next line."""
    number = signal_to_send(name)
    script, pid = tmp_path / "stubborn.py", tmp_path / "pid"
    script.write_text(STUBBORN, encoding="utf-8")
    configured(tmp_path, server={"command": [sys.executable, str(script), str(pid)]})
    parameters = gateway(tmp_path)
    command = [parameters.command, *parameters.args]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        for message in SAID:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        process.stdin.flush()
        asyncio.run(until(lambda: "began a" in effects(tmp_path)))
        process.send_signal(number)
        try:
            assert process.wait(20) == 128 + number
        finally:
            process.kill()
    assert not alive(int(pid.read_text()))
    assert len(records(tmp_path, "outcome_unknown")) == 1


@pytest.mark.promise("gateway-honest-outcome")
def test_whoever_stops_waiting_for_the_end_of_calls_does_not_cancel_them_again() -> None:
    """Cancelled twice, a call would not come to write down that its outcome is unknown."""

    async def whole() -> int:
        place, stopped = Waiting(), asyncio.Event()
        go_on = asyncio.Event()

        async def call() -> Called:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
                await go_on.wait()
            return Called(output="", failed=True)

        task = place.begin(call())
        await asyncio.sleep(0)
        closing = asyncio.create_task(place.close())
        await stopped.wait()
        closing.cancel()
        await asyncio.wait({closing})
        cancelled = task.cancelling()
        go_on.set()
        await asyncio.wait({task})
        return cancelled

    assert asyncio.run(whole()) == 1


@POSIX
def test_standard_input_is_read_line_by_line_whatever_pieces_it_comes_in(tmp_path: Path) -> None:
    text = "one\r\n" + "x" * 200_000 + "\n\n" + "ü\n" + "without an end"
    path = tmp_path / "said"
    path.write_bytes(text.encode() + b"\xff")

    async def whole() -> list[str]:
        with path.open("rb") as file:
            return [line async for line in StandardInput(file.fileno())]

    assert asyncio.run(whole()) == ["one\r", "x" * 200_000, "", "ü", "without an end\ufffd"]
