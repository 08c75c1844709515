"""What a crash, a full disk or a crowd of writers leaves behind."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mcpbridge.audit import AuditLog, FlawKind, Status, read, verify
from mcpbridge.errors import AuditCorrupt, AuditUnavailable

from .logs import MASK, decision, lines_of, note, written

_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and limits")


def test_cut_at_any_byte_the_log_opens_again_and_keeps_every_whole_line(tmp_path: Path) -> None:
    written(tmp_path / "whole", [note(), decision(), decision("mcpr_2")])
    data = (tmp_path / "whole" / "audit.jsonl").read_bytes()
    lines = data.split(b"\n")[:-1]
    cut_log = tmp_path / "cut"
    cut_log.mkdir()
    for size in range(len(data)):
        (cut_log / "audit.jsonl").write_bytes(data[:size])
        kept = data[:size].count(b"\n")
        torn = size - (data[:size].rfind(b"\n") + 1)
        written(cut_log, [note("after")])
        now = lines_of(cut_log)
        assert now[:kept] == lines[:kept]
        assert len(now) == kept + 1 + bool(torn)
        if torn:
            assert f'"type":"recovery","removed_bytes":{torn},'.encode() in now[kept]
        assert verify(cut_log).status is Status.UNSEALED


@pytest.mark.parametrize("damage", ["json", "link", "chain", "crc", "first"])
def test_a_log_whose_last_line_is_broken_is_not_written_to(tmp_path: Path, damage: str) -> None:
    written(tmp_path, [note("one"), note("two")])
    path = tmp_path / "audit.jsonl"
    first, second = lines_of(tmp_path)
    broken = {
        "json": [first, second[:-1]],
        "link": [first, b"{}"],
        "chain": [first.replace(b"one", b"eno"), second],
        "crc": [first, second.replace(b"two", b"owt")],
        "first": [second],
    }[damage]
    path.write_bytes(b"\n".join(broken) + b"\n")
    with pytest.raises(AuditCorrupt, match="start a new log in another"):
        AuditLog.open(tmp_path, mask=MASK)
    assert path.read_bytes() == b"\n".join(broken) + b"\n", "the evidence is left as it is"


def test_opening_a_long_log_reads_only_its_end(tmp_path: Path) -> None:
    written(tmp_path, [note("x" * 200_000), note("y" * 200_000), note("z")])
    path = tmp_path / "audit.jsonl"
    data = bytearray(path.read_bytes())
    data[150_000] ^= 1  # in the first line, which opening has no reason to read
    path.write_bytes(data)
    assert written(tmp_path, [note()]) == [4]
    assert verify(tmp_path).flaws[0].line == 1


_WRITER = """
import asyncio, sys
from mcpbridge.audit import AuditLog
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Record

async def main():
    log = AuditLog.open(sys.argv[1], mask=Mask())
    async def writer(name):
        for number in range(100_000):
            seq = await log.append(Record(type="decision", fields={"name": name, "number": number}))
            print(f"{seq} {name} {number}", flush=True)
    await asyncio.gather(*(writer(name) for name in range(4)))

asyncio.run(main())
"""


@_posix
def test_what_was_acknowledged_before_a_kill_is_in_the_log(tmp_path: Path) -> None:
    for round_ in range(4):
        process = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout
        with process.stdout as output:
            said = [output.readline() for _ in range(20 + 37 * round_)]
            process.send_signal(signal.SIGKILL)
            said += output.readlines()
        process.wait()
        found = {record["seq"]: record for record in read(tmp_path)}
        for line in (line for line in said if line.endswith(b"\n")):
            seq, name, number = map(int, line.split())
            assert (found[seq]["name"], found[seq]["number"]) == (name, number)
        written(tmp_path, [note()])
        assert verify(tmp_path).status is Status.UNSEALED


def _crowd(directory: Path, name: int) -> None:
    async def writer(log: AuditLog, task: int) -> None:
        for number in range(25):
            await log.append(decision(f"mcpr_{name}_{task}_{number}"))

    async def scenario() -> None:
        async with AuditLog.open(directory, mask=MASK) as log:
            await asyncio.gather(*(writer(log, task) for task in range(8)))

    asyncio.run(scenario())


def test_four_processes_share_one_log_and_the_chain_holds(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_crowd, args=(tmp_path, name)) for name in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    result = verify(tmp_path)
    assert (result.status, result.records) == (Status.UNSEALED, 800)
    assert len({record["request_id"] for record in read(tmp_path)}) == 800


@_posix
def test_a_full_disk_refuses_and_once_there_is_space_the_log_goes_on(tmp_path: Path) -> None:
    import resource

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            await log.append(note())
            size = (tmp_path / "audit.jsonl").stat().st_size
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            for limit in (size + 100, size):  # a part of the line fits, nothing fits
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
                try:
                    with pytest.raises(AuditUnavailable):
                        await log.append(decision())
                finally:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
                assert (tmp_path / "audit.jsonl").stat().st_size == size
            assert await log.append(decision()) == 2

    asyncio.run(scenario())
    assert verify(tmp_path).status is Status.UNSEALED


def test_every_flipped_bit_of_a_log_is_found(tmp_path: Path) -> None:
    written(tmp_path / "log", [note(), decision(), note("last")])
    data = (tmp_path / "log" / "audit.jsonl").read_bytes()
    copy = tmp_path / "copy.jsonl"
    for position in range(len(data)):
        for bit in (0, 5, 7):
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            copy.write_bytes(flipped)
            result = verify(copy)
            assert result.status is Status.TAMPERED, (position, bit)
            assert result.flaws[0].line == data[:position].count(b"\n") + 1, (position, bit)


def test_a_deleted_swapped_inserted_or_recomputed_line_is_found(tmp_path: Path) -> None:
    from mcpbridge.audit.chain import chained

    written(tmp_path / "log", [note(str(number)) for number in range(5)])
    lines = lines_of(tmp_path / "log")
    forged = chained(3, "0" * 64, b'"ts":"2025-01-01T00:00:00.000000Z","type":"decision"')
    cases = {
        "deleted": (lines[:2] + lines[3:], 3, FlawKind.SEQ_GAP),
        "first deleted": (lines[1:], 1, FlawKind.SEQ_GAP),
        "swapped": ([lines[0], lines[2], lines[1], *lines[3:]], 2, FlawKind.SEQ_GAP),
        "inserted": ([*lines[:2], b'{"a":1}', *lines[2:]], 3, FlawKind.NOT_A_RECORD),
        "not an object": ([*lines[:2], b"1", *lines[2:]], 3, FlawKind.NOT_JSON),
        "nested without end": ([*lines[:2], b"[" * 100_000, *lines[2:]], 3, FlawKind.NOT_JSON),
        "recomputed": ([*lines[:2], forged, *lines[3:]], 3, FlawKind.BAD_PREV),
    }
    for case, (changed, line, kind) in cases.items():
        path = tmp_path / "copy.jsonl"
        path.write_bytes(b"\n".join(changed) + b"\n")
        result = verify(path)
        assert (result.exit_code, result.flaws[0].line, result.flaws[0].kind) == (1, line, kind), case


def test_an_unfinished_last_record_is_no_tampering_and_named_as_such(tmp_path: Path) -> None:
    written(tmp_path, [note(), note()])
    path = tmp_path / "audit.jsonl"
    os.truncate(path, path.stat().st_size - 7)
    result = verify(tmp_path)
    assert (result.status, result.exit_code, result.flaws) == (Status.UNSEALED, 3, ())
    assert (result.records, result.unfinished > 7) == (1, True)
    assert "unfinished last record (a crash, or a writer at work)" in str(result)


def test_a_log_that_is_nothing_but_a_torn_line_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").write_bytes(b'{"prev":"')
    assert verify(tmp_path).status is Status.UNUSABLE
    assert "no whole record, only an unfinished last record" in str(verify(tmp_path))
    (tmp_path / "audit.jsonl").write_bytes(b"")
    result = verify(tmp_path)
    assert (result.status, result.exit_code) == (Status.UNUSABLE, 2)
    shutil.rmtree(tmp_path)
    assert verify(tmp_path).exit_code == 2
    assert "unusable: No such file" in str(verify(tmp_path))


def test_an_unfinished_record_hides_no_change_before_it(tmp_path: Path) -> None:
    written(tmp_path, [note(), note()])
    path = tmp_path / "audit.jsonl"
    data = bytearray(path.read_bytes())[:-7]
    data[150] ^= 1
    path.write_bytes(data)
    result = verify(tmp_path)
    assert (result.status, result.flaws[0].line, result.unfinished > 0) == (Status.TAMPERED, 1, True)


@pytest.mark.parametrize("content", [b"model: {name: x}\npolicy: y\n", b"no newline", b"{}\n[]\n"])
def test_a_file_that_is_no_log_at_all_is_unusable_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes.txt").write_bytes(content)
    result = verify(tmp_path / "notes.txt")
    assert (result.exit_code, result.flaws) == (2, ())
    assert str(result).endswith("notes.txt: unusable: this is no audit log: no line of it is a record")


def test_an_intact_log_is_unsealed_and_says_how_many_records_are(tmp_path: Path) -> None:
    written(tmp_path, [note(), note()])
    result = verify(tmp_path)
    assert (result.exit_code, result.records) == (3, 2)
    assert "2 records unsealed" in str(result)


def test_of_many_flaws_the_first_are_shown_and_the_rest_is_counted(tmp_path: Path) -> None:
    written(tmp_path, [note(str(number)) for number in range(30)])
    path = tmp_path / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b"run_started", b"run_stopped"))
    result = verify(tmp_path)
    assert (len(result.flaws), result.flaw_count) == (20, 30)
    assert str(result).endswith("and 10 more")
