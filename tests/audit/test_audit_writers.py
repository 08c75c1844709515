"""What a writer does besides writing: checkpoints, anchors, large records, and callers in several loops."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.audit import AuditLog, Status, read, verify
from mcpbridge.audit.anchors import AnchorFailed, Point
from mcpbridge.audit.chain import GENESIS, chained, leaf_hashes
from mcpbridge.audit.checkpoint import verified
from mcpbridge.audit.keys import verifier_keys
from mcpbridge.audit.merkle import CompactRange
from mcpbridge.audit.seal import Rhythm

from .logs import MASK, FaultyDisk, all_lines, decision, note, records_of, written


def _checkpoints(directory: Path) -> list[dict[str, Any]]:
    return [record for record in read(directory) if record["type"] == "checkpoint"]


def _checked(directory: Path) -> list[int]:
    """The sizes that the log's checkpoints seal, each compared with the lines themselves."""
    lines, sizes = all_lines(directory), list[int]()
    for record in _checkpoints(directory):
        checkpoint = verified(record["note"], *verifier_keys(directory))
        tree = CompactRange()
        tree.extend(leaf_hashes(b"\n".join(lines[: checkpoint.size]) + b"\n"))
        assert checkpoint.size == record["seq"] - 1
        assert (checkpoint.root, [peak.hex() for peak in tree.hashes]) == (tree.root(), record["range"])
        sizes.append(checkpoint.size)
    return sizes


@pytest.mark.promise("audit-sealed-in-time")
def test_closing_seals_every_record_and_a_log_without_new_ones_is_not_sealed_again(tmp_path: Path) -> None:
    written(tmp_path, [note(), note(), note()])
    written(tmp_path, [])
    written(tmp_path, [note()])
    assert _checked(tmp_path) == [3, 5]


@pytest.mark.promise("audit-sealed-in-time")
def test_a_checkpoint_comes_after_so_many_records(tmp_path: Path) -> None:
    async def scenario() -> None:
        rhythm = Rhythm(records=10, seconds=3_600)
        async with AuditLog.open(tmp_path, mask=MASK, rhythm=rhythm) as log:
            for _ in range(25):
                await log.append(note())

    asyncio.run(scenario())
    assert _checked(tmp_path) == [10, 21, 27]


@pytest.mark.promise("audit-sealed-in-time")
def test_a_record_that_nothing_follows_is_sealed_all_the_same(tmp_path: Path) -> None:
    anchor = Remembers()

    async def scenario() -> None:
        rhythm = Rhythm(seconds=0.01)
        async with AuditLog.open(tmp_path, mask=MASK, rhythm=rhythm, anchors=[anchor]) as log:
            await log.append(note())
            await asyncio.to_thread(anchor.reached.wait, 30)
            assert _checked(tmp_path) == [1]

    asyncio.run(scenario())


def test_several_logs_seal_one_file_together_and_none_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        rhythm = Rhythm(records=20, seconds=3_600)
        async with (
            AuditLog.open(tmp_path, mask=MASK, rhythm=rhythm) as one,
            AuditLog.open(tmp_path, mask=MASK, rhythm=rhythm) as two,
        ):
            await asyncio.gather(*(log.append(note()) for log in (one, two) * 60))

    asyncio.run(scenario())
    sizes = _checked(tmp_path)
    assert sizes == sorted(set(sizes))
    assert len(sizes) <= 120 / 20 + 2
    assert not verify(tmp_path).flaws


@pytest.mark.promise("audit-sealed-in-time")
def test_a_checkpoint_seals_its_writers_lines_in_their_order_among_those_of_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        rhythm = Rhythm(seconds=3_600)
        async with (
            AuditLog.open(tmp_path, mask=MASK, rhythm=rhythm) as one,
            AuditLog.open(tmp_path, mask=MASK, rhythm=rhythm) as two,
        ):
            for log in (two, one, one, two, one, two, two):
                await log.append(note())

    asyncio.run(scenario())
    assert _checked(tmp_path) == [7]


def test_a_checkpoint_seals_what_was_written_whatever_stands_in_the_file_by_then(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"

    async def scenario() -> bytes:
        async with AuditLog.open(tmp_path, mask=MASK, rhythm=Rhythm(seconds=3_600)) as log:
            await log.append(note("paid"))
            written = path.read_bytes()
            body = written[written.index(b'"ts":"') : written.index(b',"crc":"')]
            path.write_bytes(chained(1, GENESIS, body.replace(b"paid", b"kept")) + b"\n")
            return written

    lines = asyncio.run(scenario())
    tree = CompactRange()
    tree.extend(leaf_hashes(lines))
    [sealed] = _checkpoints(tmp_path)
    assert verified(sealed["note"], *verifier_keys(tmp_path)).root == tree.root()
    assert verify(tmp_path).status is Status.TAMPERED


def test_a_checkpoint_is_written_only_once_what_it_seals_is_durable(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def scenario() -> None:
        rhythm = Rhythm(seconds=3_600)
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk, rhythm=rhythm) as log:
            await log.append(note())
            disk.calls.clear()

    asyncio.run(scenario())
    assert disk.calls == ["write", "sync"], "the record's own write and sync came before"


@dataclass
class Remembers:
    """An anchor that fails where it is told to."""

    name: str = "test"
    every: float = 0.0
    fails: bool = False
    notes: list[str] = field(default_factory=list[str])
    reached: threading.Event = field(default_factory=threading.Event)

    def publish(self, point: Point, /) -> None:
        self.reached.set()
        if self.fails:
            raise AnchorFailed("it is not there")
        self.notes.append(point.note)


@pytest.mark.promise("audit-anchor-told")
def test_an_anchor_gets_the_last_checkpoint_before_the_log_is_closed(tmp_path: Path) -> None:
    anchor = Remembers()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, anchors=[anchor]) as log:
            await log.append(note())

    asyncio.run(scenario())
    assert anchor.notes[-1] == _checkpoints(tmp_path)[-1]["note"]


@pytest.mark.promise("audit-anchor-told")
def test_an_anchor_that_fails_is_on_record_and_holds_nobody_up(tmp_path: Path) -> None:
    anchor = Remembers(fails=True)

    async def scenario() -> None:
        rhythm = Rhythm(seconds=0.01)
        async with AuditLog.open(tmp_path, mask=MASK, rhythm=rhythm, anchors=[anchor]) as log:
            await log.append(note())
            await asyncio.to_thread(anchor.reached.wait, 30)
            await log.append(note())
            while not any(record["type"] == "anchor_failed" for record in read(tmp_path)):
                await log.append(note())

    asyncio.run(scenario())
    [failed] = [record for record in read(tmp_path) if record["type"] == "anchor_failed"]
    assert (failed["anchor"], failed["reason"]) == ("test", "it is not there")
    assert not verify(tmp_path).flaws


def test_a_large_outcome_is_written_even_when_its_caller_is_gone(tmp_path: Path) -> None:
    large = [{"text": "x" * 50, "n": number} for number in range(5_000)]

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            first = asyncio.create_task(log.append(replace(decision(arguments=large), phase="post")))
            await asyncio.sleep(0)
            first.cancel()
            await asyncio.wait([first])
            await log.append(decision("mcpr_2", arguments=large))

    asyncio.run(scenario())
    found = records_of(tmp_path)
    assert [record["request_id"] for record in found] == ["mcpr_1", "mcpr_2"]
    assert found[0]["arguments"] == large


def test_callers_in_several_loops_share_one_log(tmp_path: Path) -> None:
    log = AuditLog.open(tmp_path, mask=MASK)

    async def appends(name: int) -> None:
        await asyncio.gather(*(log.append(decision(f"{name}_{number}")) for number in range(30)))

    def loop(name: int) -> None:
        asyncio.run(appends(name))

    threads = [threading.Thread(target=loop, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(log.close())
    assert len({record["request_id"] for record in records_of(tmp_path)}) == 120
