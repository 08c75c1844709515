"""The job: records as a gate writes them, and writers that wait for each of theirs to be durable."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from mcpbridge.audit import AuditLog
from mcpbridge.audit.segments import segments
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.ports import Record

_TICK: Final = 0.001


def fields(number: int) -> dict[str, Any]:
    """A decision's: plain JSON, some 600 bytes."""
    return {
        "run_id": "run_7f3a9c", "conversation_id": "conv_51d2", "request_id": f"mcpr_{number:012d}",
        "server_label": "tracker", "tool": "create_issue", "outcome": "policy_allow", "rule_ids": ["small"],
        "principal": "ci-bot", "policy_hash": "ab" * 32, "definition_hash": "cd" * 32,
        "arguments": {"title": "Checkout fails", "body": "Since Monday orders end in error 502.", "n": 7},
    }  # fmt: skip


def record(number: int) -> Record:
    named = fields(number)
    return Record(type="decision", phase="pre", fields=named, decision_key=named["request_id"], new_key=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """What some writers did: seconds of the clock and of CPU, records, bytes of their lines, lag in ms."""

    seconds: float
    cpu: float
    records: int
    size: int
    lag_p99: float = 0.0


async def appended(
    directory: Path, writers: int, rounds: int, *, first: int = 0, watched: bool = False
) -> Spell:
    """`writers` at once, each waiting for its record before it writes the next. `watched`: how late a task
    that wants to run every millisecond is."""
    late: list[float] = []
    mask = Mask([Secret("a-credential-that-is-masked")])
    async with AuditLog.open(directory, mask=mask) as log:
        before = _size(directory)

        async def write(name: int) -> None:
            for number in range(rounds):
                await log.append(record(first + name * rounds + number))

        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(_watch(late)) if watched else None
            begun, cpu = time.perf_counter(), time.process_time()
            await asyncio.gather(*(write(name) for name in range(writers)))
            seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
            if watcher:
                watcher.cancel()
        size = _size(directory) - before
    p99 = quantiles(late, n=100)[98] * 1e3 if watched else 0.0
    return Spell(seconds=seconds, cpu=cpu, records=writers * rounds, size=size, lag_p99=p99)


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in segments(directory))


async def _watch(late: list[float]) -> None:
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(_TICK)
        late.append(time.perf_counter() - begun - _TICK)
