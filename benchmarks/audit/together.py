"""Several processes at once, in one log or each in its own."""

from __future__ import annotations

import asyncio
import multiprocessing
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks.audit.job import appended
from mcpbridge.audit import AuditLog
from mcpbridge.core.secret import Mask


def per_second(folder: Path, processes: int, writers: int, rounds: int, *, shared: bool) -> float:
    """Durable records of all processes together per second of the slowest."""
    context = multiprocessing.get_context("spawn")
    barrier, told = context.Barrier(processes), context.Queue()
    folders = [folder / ("one" if shared else f"own-{number}") for number in range(processes)]
    running = [
        context.Process(target=_process, args=(path, writers, rounds, number, barrier, told))
        for number, path in enumerate(folders)
    ]
    for path in folders:
        asyncio.run(_made(path))
    for process in running:
        process.start()
    seconds: list[float] = [told.get(timeout=120) for _ in running]
    for process in running:
        process.join()
    return processes * writers * rounds / max(seconds)


async def _made(path: Path) -> None:
    async with AuditLog.open(path, mask=Mask()):
        pass


def _process(
    path: Path, writers: int, rounds: int, number: int, barrier: Barrier, told: Queue[float]
) -> None:
    barrier.wait(60)
    told.put(asyncio.run(appended(path, writers, rounds, first=number * writers * rounds)).seconds)
