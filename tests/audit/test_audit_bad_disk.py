"""A disk that refuses, takes a part, hangs or fails to sync: nothing is acknowledged, and work goes on."""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mcpbridge.audit import AuditLog, Status, read, verify
from mcpbridge.errors import AuditUnavailable

from .logs import (
    MASK,
    FaultyDisk,
    HangingDisk,
    decision,
    note,
    records_of,
)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EIO])
def test_a_failed_write_refuses_the_whole_batch_and_later_appends_work_again(
    tmp_path: Path, code: int
) -> None:
    disk = FaultyDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            await log.append(note())
            disk.write_error = OSError(code, os.strerror(code))
            failed = await asyncio.gather(*(log.append(decision()) for _ in range(3)), return_exceptions=True)
            assert [type(error) for error in failed] == [AuditUnavailable] * 3
            assert len({id(error) for error in failed}) == 3, "each caller has an error of its own"
            assert os.strerror(code) in str(failed[0])
            disk.write_error = None
            assert await log.append(note()) == 2

    asyncio.run(scenario())
    assert verify(tmp_path).status is Status.UNSEALED


def test_a_short_write_is_cut_off_again(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            await log.append(note())
            size = log.path.joinpath("audit.jsonl").stat().st_size
            disk.takes = 40
            with pytest.raises(AuditUnavailable, match="took only 40 of"):
                await log.append(note())
            assert log.path.joinpath("audit.jsonl").stat().st_size == size
            disk.takes = None
            assert await log.append(note()) == 2

    asyncio.run(scenario())
    assert verify(tmp_path).status is Status.UNSEALED


def test_a_short_write_that_cannot_be_cut_off_is_cut_off_by_the_next_append(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            disk.takes, disk.truncate_error = 40, OSError(errno.EIO, "broken")
            for _ in range(2):
                with pytest.raises(AuditUnavailable):
                    await log.append(note())
            disk.takes, disk.truncate_error = None, None
            assert await log.append(note()) == 2

    asyncio.run(scenario())
    assert [record["type"] for record in read(tmp_path)] == ["recovery", "run_started", "checkpoint"]
    assert next(read(tmp_path))["removed_bytes"] == 40


@pytest.mark.promise("audit-goes-on")
def test_after_a_failed_sync_the_file_is_replaced_by_a_durable_copy_and_work_goes_on(tmp_path: Path) -> None:
    disk = FaultyDisk()
    path = tmp_path / "audit.jsonl"

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            disk.sync_error = OSError(errno.EIO, os.strerror(errno.EIO))
            with pytest.raises(AuditUnavailable, match=r"did not keep what was written.*Input/output error"):
                await log.append(note())
            with pytest.raises(AuditUnavailable, match="Input/output error") as refused:
                await log.append(note())
            assert not refused.value.maybe_written, "nothing is written to a file that a sync has failed on"
            poisoned = path.stat().st_ino
            disk.sync_error = None
            assert await log.append(note()) == 2
            assert path.stat().st_ino != poisoned, "its pages are not trusted again"

    asyncio.run(scenario())
    assert [record["seq"] for record in records_of(tmp_path)] == [1, 2]
    assert not verify(tmp_path).flaws


def test_a_text_that_cannot_be_stored_refuses_the_record(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            record = replace(decision(), blobs=("policy text",))
            disk.write_error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            with pytest.raises(AuditUnavailable, match="cannot be stored: No space"):
                await log.append(record)
            disk.write_error = None
            assert await log.append(record) == 1

    asyncio.run(scenario())
    assert len(list((tmp_path / "blobs").iterdir())) == 1, "no half-written file stays behind"


def test_a_hanging_disk_becomes_a_refusal_and_what_waited_meanwhile_is_dropped(tmp_path: Path) -> None:
    disk = HangingDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk, write_deadline=0.5) as log:
            disk.running.clear()
            for text in ("hangs", "queued"):
                with pytest.raises(AuditUnavailable, match=r"not durable after 0\.5 s"):
                    await log.append(note(text))
            disk.running.set()
            assert await log.append(note("later")) == 2

    asyncio.run(scenario())
    assert [record["note"] for record in records_of(tmp_path)] == ["hangs", "later"]


def test_closing_a_log_whose_disk_hangs_says_so(tmp_path: Path) -> None:
    disk = HangingDisk()

    async def scenario() -> None:
        log = AuditLog.open(tmp_path, mask=MASK, disk=disk, write_deadline=0.05)
        disk.running.clear()
        with pytest.raises(AuditUnavailable):
            await log.append(note())
        with pytest.raises(AuditUnavailable, match="did not close within"):
            await log.close()
        disk.running.set()

    asyncio.run(scenario())


def test_a_writer_that_died_cannot_be_repaired_on_a_disk_that_refuses(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            with (tmp_path / "audit.jsonl").open("ab") as file:
                file.write(b"torn")
            disk.truncate_error = OSError(errno.EROFS, os.strerror(errno.EROFS))
            with pytest.raises(AuditUnavailable, match="cannot be reached: Read-only"):
                await log.append(note())
            disk.truncate_error = None
            assert await log.append(note()) == 2

    asyncio.run(scenario())


def test_a_bug_in_a_disk_denies_instead_of_leaving_callers_waiting(tmp_path: Path) -> None:
    class Broken(FaultyDisk):
        def write(self, fd: int, data: bytes, /) -> int:
            if b"boom" in data:
                raise ZeroDivisionError
            return super().write(fd, data)

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=Broken()) as log:
            with pytest.raises(AuditUnavailable, match="ZeroDivisionError"):
                await log.append(note("boom"))
            assert await log.append(note()) == 1

    asyncio.run(scenario())
