"""What the log finds when it is opened, and what happens to its file while it is open."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from mcpbridge.audit import AuditLog, Status, verify
from mcpbridge.audit.lock import ProcessLock
from mcpbridge.errors import AuditCorrupt, AuditUnavailable, UsageError

from .logs import (
    MASK,
    note,
    records_of,
    written,
)


def test_a_log_that_is_moved_away_while_open_takes_no_more_records(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            await log.append(note())
            (tmp_path / "audit.jsonl").rename(tmp_path / "rotated.jsonl")
            for _ in range(2):
                with pytest.raises(AuditUnavailable, match="moved or deleted"):
                    await log.append(note())

    asyncio.run(scenario())


def test_a_log_that_lost_lines_while_open_takes_no_more_records(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            await log.append(note())
            os.truncate(tmp_path / "audit.jsonl", 0)
            with pytest.raises(AuditCorrupt, match="lost lines"):
                await log.append(note())

    asyncio.run(scenario())


def test_lines_of_a_stranger_stop_the_log(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            await log.append(note())
            with (tmp_path / "audit.jsonl").open("ab") as file:
                file.write(b'{"prev":"forged"}\n')
            with pytest.raises(AuditCorrupt, match="something else writes"):
                await log.append(note())

    asyncio.run(scenario())


def test_a_writer_that_died_in_the_middle_of_a_line_is_repaired_by_the_next_append(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            await log.append(note())
            with (tmp_path / "audit.jsonl").open("ab") as file:
                file.write(b'{"prev":"half')
            assert await log.append(note()) == 3

    asyncio.run(scenario())
    assert [record["type"] for record in records_of(tmp_path)] == ["run_started", "recovery", "run_started"]
    assert verify(tmp_path).status is Status.UNSEALED


def test_opening_refuses_a_level_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="use one of none, metadata, arguments"):
        AuditLog.open(tmp_path, mask=MASK, levels={"docs.*": "everything"})
    assert not list(tmp_path.iterdir())


def test_opening_where_no_directory_can_be_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AuditUnavailable, match="cannot be opened"):
        AuditLog.open(tmp_path / "file" / "audit", mask=MASK)


def test_opening_does_not_wait_for_ever_for_another_process(tmp_path: Path) -> None:
    written(tmp_path, [note()])
    lock = ProcessLock(tmp_path / "audit.lock")
    assert lock.acquire_within(0)
    with pytest.raises(AuditUnavailable, match="another process holds"):
        AuditLog.open(tmp_path, mask=MASK, write_deadline=0.05)
    lock.release()
    lock.close()
    assert written(tmp_path, [note()]) == [3]


def test_a_damaged_key_is_not_replaced_silently(tmp_path: Path) -> None:
    written(tmp_path, [note()])
    (tmp_path / "keys" / "hmac.key").write_bytes(b"short")
    with pytest.raises(AuditUnavailable, match="is not a key of 32 bytes"):
        AuditLog.open(tmp_path, mask=MASK)
