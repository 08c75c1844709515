"""The log on disk: durable before it is acknowledged, chained, and closed to everything that is neither."""

from __future__ import annotations

import asyncio
import errno
import json
import multiprocessing
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mcpbridge.audit import AuditLog, Status, read, verify
from mcpbridge.audit.lock import ProcessLock
from mcpbridge.errors import AlreadyDecided, AuditCorrupt, AuditUnavailable, UsageError

from .logs import (
    MASK,
    FaultyDisk,
    FixedClock,
    HangingDisk,
    decision,
    keyed,
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


def test_two_logs_on_one_directory_continue_each_other(tmp_path: Path) -> None:
    async def scenario() -> list[int]:
        async with AuditLog.open(tmp_path, mask=MASK) as one, AuditLog.open(tmp_path, mask=MASK) as two:
            return [await log.append(note()) for log in (one, two, two, one, two)]

    assert asyncio.run(scenario()) == [1, 2, 3, 4, 5]
    assert len(records_of(tmp_path)) == 5


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


def test_more_bytes_than_fit_into_one_batch_are_written_in_several(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            await asyncio.gather(*(log.append(note("x" * 900_000)) for _ in range(12)))

    asyncio.run(scenario())
    assert verify(tmp_path).records == 12


def test_a_broken_line_before_the_tail_stops_the_search_for_decisions(tmp_path: Path) -> None:
    written(tmp_path, [keyed("mcpr_1"), note(), note()])
    path = tmp_path / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"tool":"search"', b'"tool":"search ', 1))
    with pytest.raises(AuditCorrupt, match="audit verify"):
        written(tmp_path, [keyed("mcpr_1")])


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


def test_values_hidden_in_one_session_compare_equal_in_the_next(tmp_path: Path) -> None:
    for _ in range(2):
        written(tmp_path, [decision(arguments={"password": "hunter22"})])
    first, second = records_of(tmp_path)
    assert first["arguments"] == second["arguments"]
    assert first["arguments_hmac"] == second["arguments_hmac"]
