"""A gateway over HTTP that is told to stop, with a program behind it that heeds nothing."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mcpbridge.audit import Status, verify
from tests.gateway.scene import client_of, configured, effects, gateway, records
from tests.gateway.test_gateway_stopped import STUBBORN
from tests.mcp_servers.scene import until
from tests.mcp_servers.test_mcp_programs import alive, signal_to_send

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
CODES = {"SIGINT": 130, "SIGTERM": 0, "SIGHUP": 129}
"""A server that is told by SIGTERM to end has done what it was told."""


@asynccontextmanager
async def serving(folder: Path) -> AsyncGenerator[tuple[asyncio.subprocess.Process, str]]:
    """The gateway, with its URL."""
    script = folder / "stubborn.py"
    script.write_text(STUBBORN, encoding="utf-8")
    configured(folder, server={"command": [sys.executable, str(script), str(folder / "pid")]})
    parameters = gateway(folder, "--http", "--port", "0")
    process = await asyncio.create_subprocess_exec(
        parameters.command, *parameters.args, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        said = (await process.stdout.readline()).decode().split()
        yield process, next(word for word in said if word.startswith("http"))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def called(url: str) -> None:
    async with client_of(url) as client:
        await client.call_tool("shop__wait", {"key": "a"})


def refused(url: str) -> bool:
    """Whether nobody listens there any more: the gateway has heard the signal."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(url).port)) != 0


async def ended(process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(30):
        return await process.wait()


@pytest.mark.promise("bridged-nothing-left")
@pytest.mark.parametrize("name", CODES)
def test_a_signal_ends_an_idle_gateway_over_http_and_every_program(tmp_path: Path, name: str) -> None:
    async def story() -> int:
        async with serving(tmp_path) as (process, url):
            async with client_of(url) as client:
                await client.list_tools()
            process.send_signal(number)
            return await ended(process)

    number = signal_to_send(name)
    assert asyncio.run(story()) == CODES[name]
    assert not alive(int((tmp_path / "pid").read_text()))
    assert verify(tmp_path / "audit").status is Status.UNSEALED


@pytest.mark.promise("bridged-nothing-left")
@pytest.mark.promise("gateway-honest-outcome")
@pytest.mark.parametrize("names", [["SIGINT"], ["SIGTERM"], ["SIGHUP"], ["SIGTERM", "SIGTERM"]], ids="-".join)
def test_signals_in_a_call_end_a_gateway_over_http_every_program_and_leave_the_call_unknown(
    tmp_path: Path, names: list[str]
) -> None:
    async def story() -> int:
        async with serving(tmp_path) as (process, url):
            calling = asyncio.create_task(called(url))
            await until(lambda: "began a" in effects(tmp_path))
            for number in numbers:
                process.send_signal(number)
                await until(lambda: refused(url))
            code = await ended(process)
            calling.cancel()
            await asyncio.wait({calling})
            return code

    numbers = [signal_to_send(name) for name in names]
    assert asyncio.run(story()) == (CODES[names[0]] if len(names) == 1 else 128 + numbers[0])
    assert not alive(int((tmp_path / "pid").read_text()))
    assert len(records(tmp_path, "outcome_unknown")) == 1
    assert verify(tmp_path / "audit").status is Status.UNSEALED
