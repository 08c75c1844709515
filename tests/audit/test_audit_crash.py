"""What a crash, a full disk or a crowd of writers leaves behind.

LONG: every byte, bit and combination, and many more kills; minutes instead of seconds.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from mcpbridge.audit import AuditLog, FlawKind, Status, blob_text, read, verify
from mcpbridge.errors import AuditCorrupt, AuditUnavailable
from tests.long import LONG

from .logs import MASK, all_lines, decision, lines_of, note, records_of, written

_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and limits")


def _reopened(directory: Path) -> list[bytes]:
    """The log's lines after it was opened, which repairs, and closed."""
    written(directory, [])
    return lines_of(directory)


def _copy(source: Path, target: Path, data: bytes) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    (target / "audit.jsonl").write_bytes(data)
    return target


@pytest.mark.promise("audit-crash")
def test_cut_at_any_byte_of_its_last_records_the_log_opens_and_keeps_every_whole_line(tmp_path: Path) -> None:
    written(tmp_path / "whole", [note("one"), note("two")])
    data = (tmp_path / "whole" / "audit.jsonl").read_bytes()
    lines = data.split(b"\n")[:-1]
    cut_log = _copy(tmp_path / "whole", tmp_path / "cut", data)
    for size in range(0 if LONG else len(lines[0]) - 2, len(data)):
        (cut_log / "audit.jsonl").write_bytes(data[:size])
        kept = data[:size].count(b"\n")
        torn = size - (data[:size].rfind(b"\n") + 1)
        now = _reopened(cut_log)
        assert now[: min(kept, 2)] == lines[: min(kept, 2)]
        assert len(now) == min(kept, 2) + bool(torn)
        if torn:
            assert f'"type":"recovery","removed_bytes":{torn},'.encode() in now[-1]
            [kept_text] = json.loads(now[-1])["blobs"]
            assert (blob_text(cut_log, kept_text) or "").startswith('{"prev":"'[:torn]), (
                "nothing is destroyed"
            )
        if LONG or not size % 25:
            assert not verify(cut_log).flaws


def _unsynced(tmp_path: Path) -> tuple[bytes, int, int]:
    """A log's bytes, how many of them were sealed, and how many were acknowledged; the rest never was."""
    written(tmp_path / "log", [note("sealed")])
    path = tmp_path / "log" / "audit.jsonl"
    sealed = path.stat().st_size
    written(tmp_path / "log", [decision(f"mcpr_{number}") for number in range(6)])
    lines = path.read_bytes().split(b"\n")[:-2]  # without the last checkpoint: a crash comes before it
    acknowledged = len(b"\n".join(lines[:4])) + 1
    return b"\n".join(lines) + b"\n", sealed, acknowledged


def _images(data: bytes, synced: int) -> Iterator[bytes]:
    """What a power failure may leave of bytes whose sync did not return: sectors of them, in any combination.
    A sector that reached the disk partly has what was synced before, and zeros."""
    sectors = [
        (max(synced, start), min(start + 512, len(data)))
        for start in range(synced // 512 * 512, len(data), 512)
    ]
    yield from (data[:end] for _, end in sectors)
    for count in range(1, len(sectors) + 1):
        for lost in combinations(sectors, count) if LONG or count < 3 else [sectors[-count:]]:
            image = bytearray(data)
            for start, end in lost:
                image[start:end] = bytes(end - start)
            yield bytes(image)


@pytest.mark.promise("audit-crash")
def test_lost_sectors_of_what_was_not_acknowledged_are_repaired_and_nothing_else_is_touched(
    tmp_path: Path,
) -> None:
    data, _, acknowledged = _unsynced(tmp_path)
    lines = data.split(b"\n")[:-1]
    for number, image in enumerate(_images(data, acknowledged)):
        log = _copy(tmp_path / "log", tmp_path / "image", image)
        now = all_lines(log) if not written(log, []) else []
        assert now[:4] == lines[:4], "acknowledged"
        whole = next(at for at in range(len(lines) + 1) if at == len(lines) or now[at] != lines[at])
        assert now[:whole] == lines[:whole]
        assert (
            b'"type":"recovery"' in now[whole]
            or whole == len(lines)
            or not image[len(b"\n".join(lines[:whole])) + 1 :]
        )
        if LONG or not number % 5:
            assert not verify(log).flaws


def test_what_no_crash_explains_is_not_repaired(tmp_path: Path) -> None:
    data, sealed, acknowledged = _unsynced(tmp_path)
    lines = data[sealed:].split(b"\n")[:-1]
    images = {
        "edited": data[:acknowledged] + data[acknowledged:].replace(b"search", b"secure", 1),
        "deleted": data[:sealed] + b"\n".join([*lines[:2], *lines[3:]]) + b"\n",
        "swapped": data[:sealed] + b"\n".join([*lines[:2], lines[3], lines[2], *lines[4:]]) + b"\n",
        "blanks for a sector": data[:acknowledged] + b" " * 512 + data[acknowledged + 512 :],
    }
    for case, image in images.items():
        log = _copy(tmp_path / "log", tmp_path / "image", image)
        with pytest.raises(AuditCorrupt, match=r"the line of record 5 in .* is broken") as refused:
            AuditLog.open(log, mask=MASK)
        assert "start a new log in another" in str(refused.value), case
        assert (log / "audit.jsonl").read_bytes() == image, "the evidence is left as it is"


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


@pytest.mark.promise("audit-fast-open")
def test_opening_a_long_log_reads_only_its_end(tmp_path: Path) -> None:
    written(tmp_path, [note("x" * 200_000), note("y" * 200_000), note("z")])
    path = tmp_path / "audit.jsonl"
    data = bytearray(path.read_bytes())
    data[150_000] ^= 1  # in the first line, which opening has no reason to read
    path.write_bytes(data)
    assert written(tmp_path, [note()]) == [5]
    assert verify(tmp_path).flaws[0].line == 1


_WRITER = """
import asyncio, os, sys
from mcpbridge.audit import AuditLog
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Record

async def main():
    log = AuditLog.open(sys.argv[1], mask=Mask())
    async def writer(name):
        for number in range(100_000):
            run = f"{os.getpid()}-{name}"
            seq = await log.append(Record(type="run_started", fields={"run_id": run, "turn": number}))
            print(f"{seq} {os.getpid()} {name} {number}", flush=True)
    await asyncio.gather(*(writer(name) for name in range(int(sys.argv[2]))))

asyncio.run(main())
"""


_KILLED = [(1, 1), (1, 16), (1, 64), (4, 16), *([(4, 64)] if LONG else [])]


@_posix
@pytest.mark.parametrize(("processes", "writers"), _KILLED)
@pytest.mark.promise("audit-crash")
def test_what_was_acknowledged_before_a_kill_is_in_the_log(
    tmp_path: Path, processes: int, writers: int
) -> None:
    command = [sys.executable, "-c", _WRITER, str(tmp_path), str(writers)]
    for round_ in range(25 if LONG else 1):
        running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
        said: list[bytes] = []
        for process in running:
            assert process.stdout
            said += [process.stdout.readline() for _ in range(20 + 37 * round_)]
        for process in running:
            process.send_signal(signal.SIGKILL)
        for process in running:
            said += process.communicate()[0].splitlines(keepends=True)
        written(tmp_path, [note()])
        found = {record["seq"]: record for record in read(tmp_path)}
        assert not verify(tmp_path).flaws
        for line in (line for line in said if line.endswith(b"\n")):
            seq, pid, name, number = map(int, line.split())
            assert (found[seq]["run_id"], found[seq]["turn"]) == (f"{pid}-{name}", number)


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
    assert not verify(tmp_path).flaws
    assert len({record["request_id"] for record in records_of(tmp_path)}) == 800


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
    assert (result.records, result.unfinished > 7) == (2, True)
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
    assert (len(result.flaws), result.flaw_count) == (20, 31), "the checkpoint does not fit them either"
    assert "and 11 more" in str(result)
