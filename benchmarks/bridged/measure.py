"""Blocks of calls, one side after the other, so that a noisy machine disturbs both alike."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter, process_time

from benchmarks.bridged.sides import Call

Make = Callable[[], Awaitable[Call]]
"""Makes what a block calls, before the block's clock runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Seconds for one call, of wall time and of this process's CPU."""

    wall: float
    cpu: float


@dataclass(slots=True, kw_only=True)
class Pairs:
    """Blocks of both sides, taken side by side."""

    ours: list[Block] = field(default_factory=list[Block])
    raw: list[Block] = field(default_factory=list[Block])

    @property
    def ratio(self) -> float:
        """Median of the ratios of wall time."""
        return median(one.wall / other.wall for one, other in zip(self.ours, self.raw, strict=True))

    @property
    def cpu_ratio(self) -> float:
        """The same of CPU time."""
        return median(one.cpu / other.cpu for one, other in zip(self.ours, self.raw, strict=True))


async def alternate(ours: Make, raw: Make, *, blocks: int, calls: int, at_once: int) -> Pairs:
    """Blocks of `calls` by each of `at_once` callers; the order is reversed each time. The first pair warms
    up and does not count."""
    pairs = Pairs()
    sides = [(pairs.ours, ours), (pairs.raw, raw)]
    for number in range(blocks + 1):
        for found, make in sides:
            made = [await make() for _ in range(at_once)]
            block = await (_one_by_one(made[0], calls) if at_once == 1 else _together(made, calls))
            if number:
                found.append(block)
        sides.reverse()
    return pairs


async def _one_by_one(call: Call, calls: int) -> Block:
    """The median call: one that another process interrupted says nothing."""
    gc.collect()
    walls: list[float] = []
    cpu = process_time()
    for _ in range(calls):
        begun = perf_counter()
        await call()
        walls.append(perf_counter() - begun)
    return Block(wall=median(walls), cpu=(process_time() - cpu) / calls)


async def _together(callers: Sequence[Call], calls: int) -> Block:
    """The time of all calls, divided by their number: what throughput is made of."""

    async def one(call: Call) -> None:
        for _ in range(calls):
            await call()

    gc.collect()
    wall, cpu = perf_counter(), process_time()
    async with asyncio.TaskGroup() as tasks:
        for call in callers:
            tasks.create_task(one(call))
    count = calls * len(callers)
    return Block(wall=(perf_counter() - wall) / count, cpu=(process_time() - cpu) / count)
