"""The service and the server, each in a process of its own, so that their work is not ours."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def ledger() -> AsyncGenerator[str, None]:
    """The URL of a running ledger."""
    async with _running(["-m", "benchmarks.load.ledger"]) as output:
        yield (await output.readline()).decode().strip()


@asynccontextmanager
async def service(script: Path) -> AsyncGenerator[str, None]:
    """The base URL of a running local service that plays the script."""
    command = ["-m", "mcpbridge", "service", "--brain", f"script:{script}", "--port", "0"]
    async with _running(command) as output:
        async for line in output:
            words = line.decode().split()
            url = next((word for word in words if word.startswith("http://")), None)
            if url is not None:
                yield url.rstrip(".")
                return
        raise RuntimeError("the service ended without saying where it listens")


@asynccontextmanager
async def idle() -> AsyncGenerator[list[float], None]:
    """A process that does nothing; its lag p99 (milliseconds) is in the list once the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.load.idle",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    found: list[float] = []
    try:
        yield found
    finally:
        told, _ = await process.communicate(b"")  # closes its input
    found.append(float(told))


@asynccontextmanager
async def _running(arguments: Sequence[str]) -> AsyncGenerator[asyncio.StreamReader, None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.terminate()
        await process.wait()
