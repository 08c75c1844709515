"""What is in the log once `append` has returned, and who can read it."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.audit import AuditLog, Mask, MemoryAudit, Secret, Status, read, verify
from mcpbridge.errors import UsageError
from mcpbridge.ports import Record

from .logs import (
    MASK,
    FaultyDisk,
    FixedClock,
    HangingDisk,
    all_lines,
    decision,
    lines_of,
    note,
    records_of,
    written,
)


def test_a_line_starts_with_its_link_and_carries_the_fields_in_order(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with AuditLog.open(tmp_path, mask=MASK, clock=FixedClock()) as log:
            return await log.append(decision("mcpr_9"))

    assert asyncio.run(scenario()) == 1
    [line] = lines_of(tmp_path)
    assert line.startswith(
        b'{"prev":"'
        + b"0" * 64
        + b'","seq":1,"ts":"2025-11-21T12:01:00.000000Z","type":"decision","phase":"pre",'
        b'"run_id":"run_1","conversation_id":"conv_1","request_id":"mcpr_9"'
    )
    assert json.loads(line)["arguments"] == {"query": "rotate a certificate"}


def test_the_log_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "audit"
    written(directory, [decision()])
    if sys.platform != "win32":
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        for file in (directory / "audit.jsonl", directory / "keys" / "hmac.key"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_record_is_written_and_synced_before_append_returns(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            disk.calls.clear()
            await log.append(decision())
            assert disk.calls == ["write", "sync"]

    asyncio.run(scenario())


def test_nothing_is_acknowledged_while_the_sync_is_under_way(tmp_path: Path) -> None:
    disk = HangingDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            disk.running.clear()
            disk.reached.clear()
            waiting = asyncio.create_task(log.append(decision()))
            await asyncio.to_thread(disk.reached.wait, 30)
            assert not waiting.done()
            disk.running.set()
            assert await waiting == 1

    asyncio.run(scenario())


@pytest.mark.promise("audit-close-seals")
def test_closing_that_is_cancelled_seals_first_and_goes_on_then(tmp_path: Path) -> None:
    disk = HangingDisk()

    async def scenario() -> None:
        log = AuditLog.open(tmp_path, mask=MASK, disk=disk)
        await log.append(decision())
        disk.running.clear()
        disk.reached.clear()
        closing = asyncio.create_task(log.close())
        assert await asyncio.to_thread(disk.reached.wait, 30)
        closing.cancel()
        await asyncio.sleep(0)
        assert not closing.done()
        disk.running.set()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert b'"type":"checkpoint"' in all_lines(tmp_path)[-1]
        await log.close()

    asyncio.run(scenario())


@pytest.mark.promise("audit-close-seals")
def test_closing_that_is_cancelled_twice_leaves_at_once_and_seals_all_the_same(tmp_path: Path) -> None:
    disk = HangingDisk()

    async def scenario() -> None:
        log = AuditLog.open(tmp_path, mask=MASK, disk=disk)
        await log.append(decision())
        disk.running.clear()
        disk.reached.clear()
        closing = asyncio.create_task(log.close())
        assert await asyncio.to_thread(disk.reached.wait, 30)
        for _ in range(2):
            closing.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await closing
        again = asyncio.create_task(log.close())
        await asyncio.sleep(0)
        assert not again.done()  # it waits for the same end
        disk.running.set()
        await again
        assert b'"type":"checkpoint"' in all_lines(tmp_path)[-1]

    asyncio.run(scenario())


def test_texts_are_durable_before_the_line_that_names_them(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            disk.calls.clear()
            record = replace(decision(), blobs=("policy text",))
            await log.append(record)
            assert disk.calls == ["write", "sync", "sync blobs", "write", "sync"]
            await log.append(record)
            assert disk.calls[5:] == ["write", "sync"], "known texts are not written again"

    asyncio.run(scenario())


def test_callers_that_wait_together_share_a_write(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def scenario() -> list[int]:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            disk.calls.clear()
            return await asyncio.gather(*(log.append(note(str(n))) for n in range(3_000)))

    numbers = asyncio.run(scenario())
    assert len(set(numbers)) == 3_000
    assert disk.calls.count("write") < 300
    assert sorted(numbers) == [record["seq"] for record in records_of(tmp_path)]


def test_more_bytes_than_fit_into_one_batch_are_written_in_several(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            await asyncio.gather(*(log.append(note("x" * 900_000)) for _ in range(12)))

    asyncio.run(scenario())
    assert verify(tmp_path).records == 12


def test_values_hidden_in_one_session_compare_equal_in_the_next(tmp_path: Path) -> None:
    for _ in range(2):
        written(tmp_path, [decision(arguments={"password": "hunter22"})])
    first, second = records_of(tmp_path)
    assert first["arguments"] == second["arguments"]
    assert first["arguments_hmac"] == second["arguments_hmac"]


def test_a_checkpoint_is_the_logs_own_and_nobody_appends_one(tmp_path: Path) -> None:
    async def story() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            with pytest.raises(UsageError, match="writes its checkpoints itself"):
                await log.append(Record(type="checkpoint"))

    asyncio.run(story())
    assert verify(tmp_path).status is not Status.TAMPERED


def test_two_logs_on_one_directory_continue_each_other(tmp_path: Path) -> None:
    async def scenario() -> list[int]:
        async with AuditLog.open(tmp_path, mask=MASK) as one, AuditLog.open(tmp_path, mask=MASK) as two:
            return [await log.append(note()) for log in (one, two, two, one, two)]

    assert asyncio.run(scenario()) == [1, 2, 3, 4, 5]
    assert len(records_of(tmp_path)) == 5


def test_a_log_is_opened_without_a_mask_and_not_with_something_else_in_its_place(tmp_path: Path) -> None:
    wrong: Any = str.upper
    with pytest.raises(
        UsageError, match=r"mask is a mcpbridge\.audit\.Mask, not a method_descriptor; write Mask\("
    ):
        AuditLog.open(tmp_path / "log", mask=wrong)
    with pytest.raises(UsageError, match="not a method_descriptor"):
        MemoryAudit(mask=wrong)
    assert list(tmp_path.iterdir()) == []

    async def scenario() -> None:
        async with AuditLog.open(tmp_path / "log") as log:
            await log.append(decision())
        async with AuditLog.open(tmp_path / "log", mask=Mask([Secret("hunter2Secret99")])) as log:
            await log.append(decision(arguments={"query": "hunter2Secret99"}))

    asyncio.run(scenario())
    kept = [record["arguments"]["query"] for record in read(tmp_path / "log", types=["decision"])]
    assert kept == ["rotate a certificate", "[secret]"]
