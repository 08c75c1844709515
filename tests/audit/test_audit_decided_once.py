"""A question is decided once, whoever asks and wherever the log was written."""

from __future__ import annotations

import asyncio
import errno
import multiprocessing
from pathlib import Path

import pytest

from mcpbridge.audit import AuditLog
from mcpbridge.errors import AlreadyDecided, AuditCorrupt, AuditUnavailable

from .logs import (
    MASK,
    FaultyDisk,
    decision,
    keyed,
    note,
    records_of,
    written,
)


def test_a_question_is_decided_once_in_all_logs_and_processes(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=written, args=(tmp_path, [note(), keyed("mcpr_other", "human_deny")])
    )
    process.start()
    process.join()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as one, AuditLog.open(tmp_path, mask=MASK) as two:
            with pytest.raises(AlreadyDecided) as refused:
                await one.append(keyed("mcpr_other"))
            assert (refused.value.outcome, refused.value.seq) == ("human_deny", 2)
            assert refused.value.request_id == "mcpr_other"
            assert await two.append(keyed("mcpr_new")) == 4  # a checkpoint closed the first log
            with pytest.raises(AlreadyDecided):
                await one.append(keyed("mcpr_new"))
            assert await one.append(keyed("mcpr_third")) == 5
            with pytest.raises(AlreadyDecided):
                await two.append(keyed("mcpr_third"))

    asyncio.run(scenario())
    assert len(records_of(tmp_path)) == 4


def test_of_two_decisions_in_one_batch_the_first_stands(tmp_path: Path) -> None:
    async def scenario() -> list[object]:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            appends = (log.append(keyed("mcpr_1", outcome)) for outcome in ("human_deny", "human_allow"))
            return await asyncio.gather(*appends, log.append(note()), return_exceptions=True)

    first, second, third = asyncio.run(scenario())
    assert first == 1
    assert isinstance(second, AlreadyDecided)
    assert (second.outcome, second.seq, third) == ("human_deny", 1, 2)


def test_arguments_cannot_pose_as_a_decision(tmp_path: Path) -> None:
    poison = {"decision_key": "mcpr_2", "text": '"decision_key":"mcpr_2"'}
    assert written(tmp_path, [decision(arguments=poison), keyed("mcpr_2")]) == [1, 2]


def test_a_decision_that_could_not_be_written_leaves_the_question_open(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            disk.write_error = OSError(errno.ENOSPC, "full")
            with pytest.raises(AuditUnavailable):
                await log.append(keyed("mcpr_1"))
            disk.write_error = None
            assert await log.append(keyed("mcpr_1")) == 1

    asyncio.run(scenario())


def test_a_broken_line_before_the_tail_stops_the_search_for_decisions(tmp_path: Path) -> None:
    written(tmp_path, [keyed("mcpr_1"), note(), note()])
    path = tmp_path / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"tool":"search"', b'"tool":"search ', 1))
    with pytest.raises(AuditCorrupt, match="audit verify"):
        written(tmp_path, [keyed("mcpr_1")])
