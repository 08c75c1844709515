"""What is measured while the conversations run: the lag of the event loop, and memory."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

_EVERY = 0.005  # seconds between two looks at the clock


@asynccontextmanager
async def lag() -> AsyncGenerator[list[float], None]:
    """Seconds by which a timer came late, one each 5 ms, sorted when the block ends."""
    late: list[float] = []

    async def watch() -> None:
        while True:
            due = time.perf_counter() + _EVERY
            await asyncio.sleep(_EVERY)
            late.append(max(time.perf_counter() - due, 0.0))

    task = asyncio.create_task(watch())
    try:
        yield late
    finally:
        task.cancel()
        late.sort()


def percentile(ordered: list[float], share: float) -> float:
    """The value below which `share` of the ordered values lie."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def resident_mib() -> float:
    """Resident memory of this process after a collection, in MiB (Linux)."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20
