"""What was refused is not written after all, what was cut off is on record, and no error tells a secret."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcpbridge.audit import AuditLog, MemoryAudit
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.errors import AlreadyDecided, AuditUnavailable
from mcpbridge.ports import AuditSink, Record

from .logs import MASK, FaultyDisk, decision, records_of


@contextmanager
def no_more_threads() -> Generator[None]:
    """As with `ulimit -u`: no stack of that size can be had."""
    before = threading.stack_size(1 << 46)
    try:
        yield
    finally:
        threading.stack_size(before)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may promise memory that they do not have")
def test_a_large_record_for_which_there_is_no_thread_is_refused_for_good(tmp_path: Path) -> None:
    def large(name: str) -> Record:
        return decision(name, arguments={"text": "x" * 60_000})

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            with no_more_threads(), pytest.raises(AuditUnavailable, match="new thread") as caught:
                await log.append(large("mcpr_refused"))
            assert not caught.value.maybe_written
            await log.append(large("mcpr_later"))

    asyncio.run(scenario())
    assert [record["request_id"] for record in records_of(tmp_path)] == ["mcpr_later"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may promise memory that they do not have")
def test_a_log_for_which_there_is_no_thread_is_not_opened_and_says_so(tmp_path: Path) -> None:
    with no_more_threads(), pytest.raises(AuditUnavailable, match=r"cannot be opened: .*thread"):
        AuditLog.open(tmp_path, mask=MASK)
    asyncio.run(AuditLog.open(tmp_path, mask=MASK).close())


def test_a_repair_is_on_record_also_where_the_disk_was_full_just_then(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            await log.append(decision("mcpr_1"))
            with (tmp_path / "audit.jsonl").open("ab") as file:
                file.write(b'{"torn')  # by another process, which was killed
            disk.takes = 1
            with pytest.raises(AuditUnavailable, match="took only 1 of"):
                await log.append(decision("mcpr_2"))
            disk.takes = None
            await log.append(decision("mcpr_3"))

    asyncio.run(scenario())
    first, repair, last = records_of(tmp_path)
    assert (first["request_id"], repair["type"], last["request_id"]) == ("mcpr_1", "recovery", "mcpr_3")
    assert repair["removed_bytes"] == len('{"torn')


@pytest.mark.parametrize("kind", ["log", "memory"])
def test_a_second_decision_is_refused_without_telling_a_secret_in_its_key(tmp_path: Path, kind: str) -> None:
    mask = Mask([Secret("hunter2-hunter2")])
    record = Record(type="decision", decision_key="conv_1/hunter2-hunter2", fields={"outcome": "human_deny"})

    async def twice(sink: AuditSink) -> str:
        await sink.append(record)
        with pytest.raises(AlreadyDecided) as caught:
            await sink.append(record)
        return str(caught.value)

    async def scenario() -> str:
        if kind == "memory":
            return await twice(MemoryAudit(mask=mask))
        async with AuditLog.open(tmp_path, mask=mask) as log:
            return await twice(log)

    told = asyncio.run(scenario())
    assert "was already decided (human_deny, audit record 1)" in told
    assert "hunter2" not in told
