"""Callers that are cancelled, whose loop is gone, who fork, or who come after the end."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mcpbridge.audit import AuditLog, Status, verify
from mcpbridge.errors import AuditUnavailable

from .logs import (
    MASK,
    HangingDisk,
    decision,
    note,
    records_of,
)


def test_a_cancelled_caller_harms_nobody_and_an_outcome_is_written_all_the_same(tmp_path: Path) -> None:
    disk = HangingDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            disk.running.clear()
            disk.reached.clear()
            first = asyncio.create_task(log.append(note("first")))
            await asyncio.to_thread(disk.reached.wait, 30)
            before = asyncio.create_task(log.append(note("decided")))
            after = asyncio.create_task(log.append(replace(decision(), phase="post")))
            last = asyncio.create_task(log.append(note("last")))
            await asyncio.sleep(0)
            for task in (first, before, after):
                task.cancel()
            await asyncio.wait([first, before, after])
            disk.running.set()
            assert await last == 3

    asyncio.run(scenario())
    assert [record["type"] for record in records_of(tmp_path)] == ["run_started", "decision", "run_started"]
    assert verify(tmp_path).status is Status.UNSEALED


def test_a_caller_whose_loop_is_gone_is_not_waited_for(tmp_path: Path) -> None:
    disk = HangingDisk()
    log = AuditLog.open(tmp_path, mask=MASK, disk=disk)

    async def leave() -> None:
        disk.running.clear()
        disk.reached.clear()
        task = asyncio.create_task(log.append(note()))
        await asyncio.to_thread(disk.reached.wait, 30)
        task.cancel()

    asyncio.run(leave())
    disk.running.set()
    asyncio.run(log.close())
    assert verify(tmp_path).records == 1


def test_a_closed_log_takes_no_records_and_closes_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            await log.close()
            with pytest.raises(AuditUnavailable, match="closed"):
                await log.append(note())

    asyncio.run(scenario())


@pytest.mark.skipif(sys.platform == "win32", reason="no fork on Windows")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_must_open_the_log_itself(tmp_path: Path) -> None:
    log = AuditLog.open(tmp_path, mask=MASK)
    child = os.fork()
    if not child:  # pragma: no cover - in the child
        code = 1
        try:
            asyncio.run(log.append(note()))
        except AuditUnavailable:
            code = 0
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    asyncio.run(log.close())
