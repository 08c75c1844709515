"""Servers that nobody here wrote, in a real conversation: pinned, called, gated, killed and started again."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from mcpbridge import Approve, Deny
from mcpbridge.engine.events import CallProgress, CallStarted, Event
from mcpbridge.service.running import running_in_thread
from mcpbridge.testing import assert_allowed
from tests.long import long
from tests.mcp_servers.conversing import Call, Talk, script
from tests.mcp_servers.real import Served, kill, node_server, python_server, started_with

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(sys.platform != "linux", reason="programs are found and held up as Linux has it"),
]
EVERYTHING: Final = ("everything http", "everything sse", "everything stdio")
NAMES: Final = (*EVERYTHING, "filesystem", "memory", "git", "time", "sqlite")
HELD: Final = (
    "everything http",
    "everything stdio",
    "git",
    *(pytest.param(name, marks=long) for name in ("everything sse", "filesystem", "memory", "sqlite")),
)
"""Killed in the middle of a call: one of a kind, and LONG all; the calls of `time` cannot be held up."""


@dataclass(kw_only=True)
class Real:
    """One server as it is declared, the calls that are made of it, and how it is killed."""

    declared: str
    reads: Call
    answers: str
    """Words of the answer to `reads`."""
    gated: Call
    protocol: str = "2025-11-25"
    begin: Callable[[], object] = lambda: None
    """Starts it, where we do."""
    kill: Callable[[], None]
    holds: Call | None = None
    """A call that is held up until it is killed."""
    hold: Callable[[], object] = lambda: None
    """From now on it is held up."""
    begun: Callable[[Sequence[Event]], bool] = lambda seen: any(isinstance(one, CallProgress) for one in seen)
    let_go: Callable[[], object] = lambda: None
    """From now on it is answered."""
    done: str = ""
    """Words of its answer then."""


@dataclass(slots=True)
class Pipe:
    """A file that turns into a named pipe: whoever reads it waits for words that never come."""

    path: Path
    _writing: int | None = field(default=None)

    def make(self) -> None:
        self.path.unlink(missing_ok=True)
        os.mkfifo(self.path)

    def is_read(self, _: Sequence[Event]) -> bool:
        """Whether somebody waits for it now."""
        if self._writing is None:
            with suppress(OSError):  # ENXIO: nobody
                self._writing = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        return self._writing is not None

    def become(self, text: str) -> None:
        """A plain file with these words from now on."""
        if self._writing is not None:
            os.close(self._writing)
            self._writing = None
        self.path.unlink()
        self.path.write_text(text, encoding="utf-8")


def program(command: Sequence[str], variables: str = "", **more: Any) -> Real:
    """A server that mcpbridge starts."""
    return Real(
        declared=f"command: {json.dumps(list(command))}{variables}", kill=lambda: kill(command), **more
    )


def everything(shared: Path, how: str) -> Real:
    calls: dict[str, Any] = {
        "reads": ("echo", {"message": "hi"}),
        "answers": "Echo: hi",
        "gated": ("get-env", {}),
        "holds": ("trigger-long-running-operation", {"duration": 60, "steps": 60}),
    }
    command = node_server(shared, "everything")
    if how == "stdio":
        return program((*command, "stdio"), **calls)
    path, transport = ("sse", "sse") if how == "sse" else ("mcp", "streamable-http")
    served = Served((*command, "sse" if how == "sse" else "streamableHttp"))
    url = f"http://127.0.0.1:{served.port}/{path}"
    return Real(
        declared=f'url: "{url}", transport: {transport}', begin=served.again, kill=served.kill, **calls
    )


def filesystem(shared: Path, folder: Path) -> Real:
    (folder / "a.txt").write_text("inside", encoding="utf-8")
    pipe = Pipe(folder / "pipe")
    return program(
        (*node_server(shared, "filesystem"), str(folder)),
        reads=("read_text_file", {"path": str(folder / "a.txt")}),
        answers="inside",
        gated=("write_file", {"path": str(folder / "new.txt"), "content": "x"}),
        holds=("read_text_file", {"path": str(pipe.path)}),
        hold=pipe.make,
        begun=pipe.is_read,
        let_go=lambda: pipe.become("from the pipe"),
        done="from the pipe",
    )


def memory(shared: Path, folder: Path) -> Real:
    pipe = Pipe(folder / "memory.json")
    entity = {"type": "entity", "name": "Ada", "entityType": "person", "observations": ["writes programs"]}
    pipe.path.write_text(json.dumps(entity), encoding="utf-8")
    return program(
        node_server(shared, "memory"),
        f', env: {{MEMORY_FILE_PATH: "{pipe.path}"}}',
        reads=("read_graph", {}),
        answers="writes programs",
        gated=("delete_entities", {"entityNames": ["Ada"]}),
        holds=("search_nodes", {"query": "Ada"}),
        hold=pipe.make,
        begun=pipe.is_read,
        let_go=lambda: pipe.become(json.dumps(entity)),
        done="writes programs",
    )


def git(shared: Path, folder: Path) -> Real:
    """A commit is held up by its hook."""
    (folder / "a.txt").write_text("inside", encoding="utf-8")
    for words in (
        ["init", "-q"],
        ["config", "user.name", "Ada"],
        ["config", "user.email", "a@b"],
        ["add", "."],
    ):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    pipe, hook = Pipe(folder / ".git" / "pipe"), folder / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nexec cat {pipe.path}\n")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    return program(
        (python_server(shared, "mcp-server-git"),),
        protocol="2026-07-28",
        reads=("git_status", {"repo_path": str(folder)}),
        answers="a.txt",
        gated=("git_reset", {"repo_path": str(folder)}),
        holds=("git_commit", {"repo_path": str(folder), "message": "one"}),
        hold=pipe.make,
        begun=pipe.is_read,
        let_go=lambda: pipe.become(""),
        done="committed",
    )


def clock(shared: Path, folder: Path) -> Real:
    return program(
        (python_server(shared, "mcp-server-time"), "--local-timezone", "UTC"),
        protocol="2026-07-28",
        reads=("get_current_time", {"timezone": "UTC"}),
        answers="UTC",
        gated=("convert_time", {"source_timezone": "UTC", "time": "12:00", "target_timezone": "UTC"}),
    )


def sqlite(shared: Path, folder: Path) -> Real:
    """A query that never ends is known by the work that it makes."""
    command = (python_server(shared, "mcp-server-sqlite"), "--db-path", str(folder / "x.db"))
    numbers = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c"
    endless = f"SELECT count(*) FROM ({numbers})"
    work: list[int] = []

    def busy(seen: Sequence[Event]) -> bool:
        if any(isinstance(one, CallStarted) for one in seen):
            work.extend(_ticks(pid) for pid in started_with(command))
        return bool(work) and work[-1] > work[0] + 30

    return program(
        command,
        reads=("read_query", {"query": "SELECT 6 * 7 AS n"}),
        answers="42",
        gated=("write_query", {"query": "DELETE FROM x"}),
        holds=("read_query", {"query": endless}),
        begun=busy,
    )


def _ticks(pid: int) -> int:
    """What a process has worked so far; 0 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(fields[11]) + int(fields[12])


def made(name: str, shared: Path, folder: Path) -> Real:
    folder.mkdir()
    kind, _, how = name.partition(" ")
    if kind == "everything":
        return everything(shared, how)
    makers = {"filesystem": filesystem, "memory": memory, "git": git, "time": clock, "sqlite": sqlite}
    return makers[kind](shared, folder)


@contextmanager
def talking(real: Real, folder: Path) -> Generator[Talk, None, None]:
    calls = {"read": real.reads, "gated": real.gated} | ({"hold": real.holds} if real.holds else {})
    with running_in_thread(script(**calls)) as service:
        real.begin()
        try:
            talk = Talk(folder=folder, service=service, server=real.declared, gated=real.gated[0])
            assert talk.pin() == 0
            yield talk
        finally:
            real.kill()


@pytest.mark.promise("bridged-real")
@pytest.mark.parametrize("name", NAMES)
def test_it_is_pinned_called_gated_killed_and_started_again_in_one_conversation(
    name: str, shared: Path, tmp_path: Path
) -> None:
    real = made(name, shared, tmp_path / "own")

    def restart() -> None:
        real.kill()
        real.begin()

    with talking(real, tmp_path) as talk:
        result = talk.say("read", "gated", restart, "read")
        assert talk.pin("--check") == 0

    assert real.answers in result.text
    assert_allowed(result, f"real.{real.reads[0]}", outcome="policy_allow")
    decided = [(record["tool"], record["outcome"]) for record in talk.wire.records("decision")]
    assert decided == [
        (real.reads[0], "policy_allow"),
        (real.gated[0], "policy_deny"),
        (real.reads[0], "policy_allow"),
    ]
    [(_, one, first), (_, two, second)] = talk.outcomes()
    assert (one, two, first, second) == ("completed", "completed", 1, 2)
    [listed] = talk.wire.records("tools_listed")
    assert (listed["via"], listed["protocol"], listed["epoch"]) == ("bridge", real.protocol, 1)
    assert {real.reads[0], real.gated[0]} <= set(listed["tools"])


@pytest.mark.promise("bridged-real")
@pytest.mark.parametrize("name", HELD)
def test_killed_in_a_call_its_outcome_is_unknown_and_a_person_decides(
    name: str, shared: Path, tmp_path: Path
) -> None:
    real = made(name, shared, tmp_path / "own")
    real.hold()

    def meanwhile() -> None:
        real.begin()
        real.let_go()

    decision = Approve(by="ana") if real.done else Deny(by="ana", reason="I looked")
    with talking(real, tmp_path) as talk:
        unknown, result = talk.killed_in(
            "hold", real.begun, real.kill, meanwhile=meanwhile, decision=decision
        )

    assert real.holds is not None
    assert f"while {real.holds[0]} ran" in str(unknown) or f"{real.holds[0]} may have run" in str(unknown)
    assert (real.done or "I looked") in result.text
    [lost] = talk.wire.records("outcome_unknown")
    assert lost["epoch"] == 1
    assert talk.outcomes() == ([(real.holds[0], "completed", 2)] if real.done else [])
    recovery = talk.wire.records("recovery")[0]
    assert (recovery["outcome"], recovery["approver"]) == ("repeated" if real.done else "given_up", "ana")
