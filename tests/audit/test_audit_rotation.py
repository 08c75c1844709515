"""Segments: a full file is closed and the next one begun, whoever is writing and wherever a crash comes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import pytest

from mcpbridge.audit import AuditLog, SystemDisk, read, verify
from mcpbridge.audit.seal import Rhythm
from mcpbridge.audit.segments import closed_segments, opened, segments
from mcpbridge.errors import AlreadyDecided, AuditUnavailable
from mcpbridge.ports import Record

from .logs import MASK, decision, keyed, note, records_of, written

SMALL = Rhythm(segment_bytes=4_096)


async def _append(directory: Path, records: Sequence[Record]) -> None:
    async with AuditLog.open(directory, mask=MASK, rhythm=SMALL) as log:
        for record in records:
            await log.append(record)


def _write(directory: Path, count: int, first: int = 0) -> None:
    asyncio.run(_append(directory, [keyed(f"mcpr_{number}") for number in range(first, first + count)]))


def _first_lines(directory: Path) -> list[bytes]:
    return [path.read_bytes().split(b"\n", 1)[0] for path in segments(directory)]


def test_a_full_segment_is_closed_and_the_next_begins_with_a_checkpoint(tmp_path: Path) -> None:
    _write(tmp_path, 40)
    paths = segments(tmp_path)
    assert len(paths) > 3
    assert [path.name for path in paths][:1] == ["audit-000000000001.jsonl"]
    assert paths[-1].name == "audit.jsonl"
    for path, line in list(zip(paths, _first_lines(tmp_path), strict=True))[1:]:
        assert b'"type":"checkpoint","note":"mcpbridge/' in line
        if path != paths[-1]:
            assert f'"seq":{int(path.stem.removeprefix("audit-"))},'.encode() in line
    assert not verify(tmp_path).flaws
    assert [record["request_id"] for record in records_of(tmp_path)] == [f"mcpr_{n}" for n in range(40)]


def test_a_decision_in_a_closed_segment_still_stands(tmp_path: Path) -> None:
    _write(tmp_path, 40)

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, rhythm=SMALL) as log:
            for request_id in ("mcpr_0", "mcpr_20", "mcpr_39"):
                with pytest.raises(AlreadyDecided) as refused:
                    await log.append(keyed(request_id))
                found = next(r for r in read(tmp_path) if r.get("request_id") == request_id)
                assert refused.value.seq == found["seq"]
            for number in range(40, 60):
                await log.append(keyed(f"mcpr_{number}"))
            with pytest.raises(AlreadyDecided):
                await log.append(keyed("mcpr_41"))

    asyncio.run(scenario())


def test_two_logs_follow_each_other_through_rotations(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            AuditLog.open(tmp_path, mask=MASK, rhythm=SMALL) as one,
            AuditLog.open(tmp_path, mask=MASK, rhythm=SMALL) as two,
        ):
            for number in range(60):
                await (one, two, two)[number % 3].append(keyed(f"mcpr_{number}"))
            for number in range(60, 80):  # several segments that `one` has not seen
                await two.append(keyed(f"mcpr_{number}"))
            with pytest.raises(AlreadyDecided):
                await one.append(keyed("mcpr_61"))

    asyncio.run(scenario())
    assert not verify(tmp_path).flaws
    assert len({record["request_id"] for record in records_of(tmp_path)}) == 80


def _crowd(directory: Path, name: int) -> None:
    async def scenario() -> None:
        async with AuditLog.open(directory, mask=MASK, rhythm=SMALL) as log:
            await asyncio.gather(*(log.append(decision(f"mcpr_{name}_{number}")) for number in range(60)))

    asyncio.run(scenario())


@pytest.mark.promise("audit-rotation")
def test_processes_that_rotate_one_log_together_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_crowd, args=(tmp_path, name)) for name in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 3
    assert not verify(tmp_path).flaws
    assert len({record["request_id"] for record in records_of(tmp_path)}) == 180
    assert len(segments(tmp_path)) > 1


class _Crash(SystemDisk):
    """Ends the process before its `after`-th call to the disk, in the middle of a write."""

    def __init__(self, after: int) -> None:
        self.left = after

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            os._exit(9)

    def write(self, fd: int, data: bytes, /) -> int:
        if self.left == 0:
            super().write(fd, data[: len(data) // 2])
        self._step()
        return super().write(fd, data)

    def sync(self, fd: int, /) -> None:
        self._step()
        super().sync(fd)

    def sync_directory(self, path: Path, /) -> None:
        self._step()
        super().sync_directory(path)


def _crashing(directory: Path, after: int, told: Path) -> None:
    async def scenario(acknowledged: TextIO) -> None:
        async with AuditLog.open(directory, mask=MASK, rhythm=SMALL, disk=_Crash(after)) as log:
            for number in range(9):
                await log.append(keyed(f"mcpr_x{number}"))
                print(f"mcpr_x{number}", file=acknowledged, flush=True)

    with told.open("a") as acknowledged:
        asyncio.run(scenario(acknowledged))


@pytest.mark.promise("audit-rotation")
def test_a_crash_at_any_call_of_a_rotation_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    _write(tmp_path / "log", 5)
    fork = sys.platform == "linux"  # four times as fast, and nothing runs yet that must not be forked
    context = multiprocessing.get_context("fork") if fork else multiprocessing.get_context("spawn")
    for after in range(20):
        copy, told = tmp_path / f"crash-{after}", tmp_path / f"told-{after}"
        shutil.copytree(tmp_path / "log", copy)
        process = context.Process(target=_crashing, args=(copy, after, told))
        process.start()
        process.join()
        _write(copy, 1, first=1_000)
        assert not verify(copy).flaws, after
        found = [record["request_id"] for record in records_of(copy) if "request_id" in record]
        acknowledged = told.read_text().split() if told.exists() else []
        assert found[: 5 + len(acknowledged)] == [f"mcpr_{n}" for n in range(5)] + acknowledged
        assert len(set(found)) == len(found)


@pytest.mark.parametrize("renamed", [False, True])
def test_a_rotation_that_was_cut_off_between_its_renames_is_finished(tmp_path: Path, renamed: bool) -> None:
    _write(tmp_path, 3)
    (tmp_path / ".audit.jsonl.next").write_bytes(b"")
    if renamed:
        (tmp_path / "audit.jsonl").rename(tmp_path / "audit-000000000001.jsonl")
        assert len(records_of(tmp_path)) == 3, "a log without an active file is read like any other"
    _write(tmp_path, 1, first=3)
    assert not verify(tmp_path).flaws
    assert len(records_of(tmp_path)) == 4


def test_a_log_whose_other_writer_died_between_the_renames_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            await log.append(note())
            (tmp_path / "audit.jsonl").rename(tmp_path / "audit-000000000001.jsonl")
            await log.append(note())
            (tmp_path / "audit.jsonl").unlink()
            with pytest.raises(AuditUnavailable, match="moved or deleted"):
                await log.append(note())

    asyncio.run(scenario())


def test_a_reader_that_a_rotation_or_two_overtook_reads_up_to_where_it_began(tmp_path: Path) -> None:
    """It has opened the active file; before it looks for the closed ones, that is closed, and a later one."""
    for sitting in range(4):
        written(
            tmp_path,
            [decision(f"mcpr_{sitting}_{at}") for at in range(6)],
            rhythm=Rhythm(segment_bytes=2_000),
        )
    closed = closed_segments(tmp_path)
    assert len(closed) > 3
    active = tmp_path / "audit.jsonl"
    active.unlink()
    active.hardlink_to(closed[-3])  # the file that it has open
    assert [path.name for path, _ in opened(tmp_path)] == [*(path.name for path in closed[:-3]), active.name]
    assert verify(tmp_path).exit_code == 3
