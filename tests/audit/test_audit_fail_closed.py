"""No durable line: no approval leaves, no tool runs, the reason is clear; and once mended, work goes on.

A real Bridge against the local service and a real MCP server. The log breaks at the worst moment: a person
has just said yes.
"""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mcpbridge import Approve, Bridge, CallbackApprover, Question
from mcpbridge.audit import AuditLog, Disk, SystemDisk, verify
from mcpbridge.audit.seal import Rhythm
from mcpbridge.demo.server import Tracker, running_in_thread
from mcpbridge.errors import AuditUnavailable
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.running import running_in_thread as service_in_thread
from tests.wire.stack import Stack, sources

from .logs import MASK, FaultyDisk, HangingDisk, note, written

SCRIPT = """
rules:
  - when: {user: "hosted"}
    then: [{mcp: {server: tracker, tool: create_issue, arguments: {title: t}}}]
  - when: {user: "function"}
    then: [{call: {name: act, arguments: {}}}]
  - when: {mcp_result: "tracker.*"}
    then: [{say: "done"}]
  - when: {function_output: "*"}
    then: [{say: "done"}]
"""
ASK = "version: 1\ndefaults: {decision: ask}\nrules: []\n"


@dataclass
class World:
    """The stack, and what has had an effect in it."""

    stack: Stack
    endpoint: LocalEndpoint
    tracker: Tracker
    ran: list[str]

    def approvals(self) -> int:
        """Approvals that reached the provider."""
        sent: list[Any] = [
            item for request in self.endpoint.requests for item in (request.body or {})["input"]
        ]
        return sum(
            isinstance(item, dict)
            and {"type": "mcp_approval_response", "approve": True}.items() <= item.items()
            for item in sent
        )

    def effects(self) -> tuple[int, int, int]:
        return self.approvals(), len(self.tracker.effects), len(self.ran)

    def bridge(self, disk: Disk, answer: Callable[[Question], Approve]) -> Bridge:
        def act() -> str:
            """Act."""
            self.ran.append("act")
            return "acted"

        config = self.stack.config()
        audit = AuditLog.open(config.audit.path, mask=MASK, disk=disk, write_deadline=1.0)
        return Bridge.from_yaml(
            config,
            tools=[act],
            approver=CallbackApprover(answer),
            sources=sources(self.stack.env),
            audit=audit,
        )


@pytest.fixture
def world(tmp_path: Path) -> Generator[World, None, None]:
    with service_in_thread(SCRIPT) as endpoint, running_in_thread(token="tracker-token") as tracker:
        stack = Stack(folder=tmp_path, endpoint=endpoint, tracker=tracker, policy=ASK)
        yield World(stack, endpoint, tracker, [])


def _broken_then_mended(
    world: World,
    prompt: str,
    disk: Disk,
    *,
    breaks: Callable[[], None],
    mends: Callable[[], None],
    reason: str,
) -> None:
    moment = [breaks]

    def answer(_: Question) -> Approve:
        moment.pop()()
        moment.append(lambda: None)
        return Approve()

    async def scenario() -> None:
        async with world.bridge(disk, answer) as bridge:
            with pytest.raises(AuditUnavailable, match=reason):
                await bridge.run(prompt)
            assert world.effects() == (0, 0, 0), "nothing happened that is not on record"
            mends()
            result = await bridge.run(prompt)
            assert result.text == "done"

    asyncio.run(scenario())
    assert world.effects() in ((1, 1, 0), (0, 0, 1))
    assert not verify(world.stack.folder / "audit").flaws


@pytest.mark.parametrize("prompt", ["hosted", "function"])
@pytest.mark.parametrize(
    ("call", "code"),
    [("write", errno.ENOSPC), ("write", errno.EROFS), ("write", errno.EDQUOT), ("sync", errno.EIO)],
)
@pytest.mark.promise("record-first")
def test_a_disk_that_refuses_stops_what_was_just_approved(
    world: World, prompt: str, call: str, code: int
) -> None:
    disk = FaultyDisk()

    def breaks() -> None:
        setattr(disk, f"{call}_error", OSError(code, os.strerror(code)))

    def mends() -> None:
        setattr(disk, f"{call}_error", None)

    _broken_then_mended(world, prompt, disk, breaks=breaks, mends=mends, reason=os.strerror(code))


@pytest.mark.parametrize("prompt", ["hosted", "function"])
def test_a_disk_that_hangs_becomes_a_denial(world: World, prompt: str) -> None:
    disk = HangingDisk()
    _broken_then_mended(
        world, prompt, disk, breaks=disk.running.clear, mends=disk.running.set, reason="not durable after 1 s"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
@pytest.mark.parametrize("prompt", ["hosted", "function"])
def test_a_file_size_limit_stops_what_was_just_approved(world: World, prompt: str) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = world.stack.folder / "audit" / "audit.jsonl"

    def breaks() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, before[1]))

    def mends() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    try:
        _broken_then_mended(
            world,
            prompt,
            SystemDisk(),
            breaks=breaks,
            mends=mends,
            reason="disk full, quota or file size limit",
        )
    finally:
        mends()


@contextmanager
def _mounted(folder: Path) -> Generator[None, None, None]:
    """A file system of 256 KiB, where this account may make one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "mcpbridge-test", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this account may not mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs")
@pytest.mark.parametrize("prompt", ["hosted", "function"])
def test_a_full_file_system_stops_what_was_just_approved(world: World, prompt: str) -> None:
    folder = world.stack.folder / "audit"
    with _mounted(folder):
        ballast = folder / "ballast"

        def breaks() -> None:
            with ballast.open("wb", buffering=0) as file:
                try:
                    while file.write(b"x" * 512):
                        pass
                except OSError:
                    pass

        _broken_then_mended(
            world, prompt, SystemDisk(), breaks=breaks, mends=ballast.unlink, reason="No space left|disk full"
        )


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs")
def test_a_read_only_folder_is_not_written_to_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    with _mounted(folder):
        written(folder, [note()])
        before = (folder / "audit.jsonl").read_bytes()
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        with pytest.raises(AuditUnavailable, match="cannot be opened: Read-only file system"):
            AuditLog.open(folder, mask=MASK)
        assert (folder / "audit.jsonl").read_bytes() == before
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        written(folder, [note()])


@pytest.mark.parametrize("key", ["signing.key", "hmac.key"])
@pytest.mark.promise("record-first")
def test_a_log_whose_key_is_missing_is_not_opened_and_so_nothing_runs(world: World, key: str) -> None:
    folder = world.stack.folder / "audit"
    written(folder, [note()])
    path = folder / "keys" / key
    path.rename(folder.parent / key)

    with pytest.raises(AuditUnavailable, match=key):
        world.stack.run("hosted", approver=CallbackApprover(lambda _: Approve()))
    assert world.effects() == (0, 0, 0)
    assert world.endpoint.posts == 0

    (folder.parent / key).rename(path)
    assert world.stack.run("hosted", approver=CallbackApprover(lambda _: Approve())).text == "done"
    assert world.effects() == (1, 1, 0)


def test_a_log_that_cannot_be_sealed_any_more_takes_no_records_until_the_key_is_back(tmp_path: Path) -> None:
    key, away = tmp_path / "keys" / "signing.key", tmp_path / "away"

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, rhythm=Rhythm(records=2)) as log:
            await log.append(note())
            key.rename(away)
            await log.append(note())  # the checkpoint that is due after it cannot be signed
            with pytest.raises(AuditUnavailable, match=r"signing\.key"):
                await log.append(note())
            away.rename(key)
            await log.append(note())

    asyncio.run(scenario())
    assert not verify(tmp_path).flaws
