"""Long logs are verified by two processes: what the second does, and that nothing gets less strict by it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pydantic_core
import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.audit import Status, Verification, verify
from mcpbridge.audit.verifying import ranges
from mcpbridge.audit.verifying.beside import Beside, Second, SecondProcess
from mcpbridge.audit.verifying.parts import Parts
from mcpbridge.audit.verifying.ranges import Judged, part_of

from .logs import all_lines, decision, written
from .tampering import SeenLog, edits, forgeries

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no second process on Windows")
_PART: Final = 1_000
"""Bytes: some three lines, so that lines begin in one part and end in the next."""
_COMMAND: Final = (sys.executable, "-I", "-S", str(ranges.__file__), str(Path(pydantic_core.__file__).parent))
_ALONE: Final = SecondProcess(never=True, part=_PART)


class _Awaited(Beside):
    """Waits for each answer. Otherwise, in a log as short as these, the first process would do it all."""

    def __init__(self, process: Second | None) -> None:
        super().__init__(process)
        self.judged = 0

    def answers(self) -> list[tuple[int, Judged | None]]:
        found = super().answers()
        while self._asked and self._process:
            select.select([self._process.answers], [], [], 30)
            found += super().answers()
        self.judged += sum(judged is not None for _, judged in found)
        return found


class _Prompt(SecondProcess):
    """A second process whose answers are all waited for."""

    last: list[_Awaited] = []  # noqa: RUF012 - what the last verification used

    @contextmanager
    def beside(self, fd: int) -> Generator[Beside]:
        process = self.started(fd)
        awaited = _Awaited(process)
        self.last[:] = [awaited]
        try:
            yield awaited
        finally:
            if process:
                process.end()


_BESIDE: Final = _Prompt(least=0, command=_COMMAND, part=_PART)


def _same(one: Verification, other: Verification) -> bool:
    return one.as_json() == other.as_json()


@pytest.mark.promise("audit-second-process")
def test_two_processes_find_what_one_finds(tmp_path: Path, httpserver: HTTPServer) -> None:
    log = SeenLog(tmp_path, httpserver)
    whole = verify(log.folder, second=_BESIDE)
    assert _BESIDE.last[0].judged > 2
    assert _same(whole, verify(log.folder, second=_ALONE))
    assert whole.status is Status.UNSEALED
    for what, lines in (*edits(log.lines), *forgeries(log)):
        log.put(lines)
        against = log.against(log.witness)
        assert verify(log.folder, against, second=_BESIDE).status is Status.TAMPERED, what
        found = verify(log.folder, second=_BESIDE)
        assert found.status in (Status.TAMPERED, Status.UNSEALED), what
        assert _same(found, verify(log.folder, second=_ALONE)), what
    log.put(log.lines)
    assert verify(log.folder, log.against(log.witness), second=_BESIDE).status is Status.SEALED


@pytest.mark.promise("audit-second-process")
def test_two_processes_find_a_flipped_bit(tmp_path: Path) -> None:
    written(tmp_path, [decision(f"mcpr_{number}") for number in range(9)])
    path = tmp_path / "audit.jsonl"
    whole = path.read_bytes()
    for at in range(3, len(whole), 61):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        found = verify(tmp_path, second=_BESIDE)
        assert found.exit_code == 1, at
        assert _same(found, verify(tmp_path, second=_ALONE)), at


@pytest.mark.parametrize("cut", [1, 100, 700])
def test_a_torn_tail_is_unfinished_with_two_processes_too(tmp_path: Path, cut: int) -> None:
    written(tmp_path, [decision(f"mcpr_{number}") for number in range(9)])
    os.truncate(tmp_path / "audit.jsonl", (tmp_path / "audit.jsonl").stat().st_size - cut)
    found = verify(tmp_path, second=_BESIDE)
    assert _same(found, verify(tmp_path, second=_ALONE))
    assert found.unfinished > 0


_BAD: Final = {
    "ends at once": "pass",
    "ends in the middle of an answer": "import os; os.read(0, 16); os.write(1, b'x' * 20)",
    "answers with something else": "import os; os.read(0, 16); os.write(1, bytes(range(256)) * 40)",
    "answers what was not asked": "import os; os.read(0, 16); os.write(1, b'\\x07' * 8 + bytes(91))",
}


@pytest.mark.promise("audit-second-process")
@pytest.mark.parametrize("does", _BAD)
def test_a_second_process_that_fails_changes_nothing(tmp_path: Path, does: str) -> None:
    written(tmp_path, [decision(f"mcpr_{number}") for number in range(9)])
    second = _Prompt(least=0, command=(sys.executable, "-I", "-S", "-c", _BAD[does]), part=_PART)
    assert _same(verify(tmp_path, second=second), verify(tmp_path, second=_ALONE))
    (tmp_path / "audit.jsonl").write_bytes(b"\n".join([*all_lines(tmp_path)[1:], b""]))
    assert verify(tmp_path, second=second).exit_code == 1


@pytest.mark.parametrize("command", [("sleep", "3600"), ("/nowhere/python",), ("\0",)])
def test_a_second_process_that_hangs_or_cannot_be_started_is_not_waited_for(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    written(tmp_path, [decision(f"mcpr_{number}") for number in range(99)])
    second = SecondProcess(least=0, command=command, part=_PART)
    assert _same(verify(tmp_path, second=second), verify(tmp_path, second=_ALONE))


def test_lines_that_changed_after_they_were_judged_are_not_looked_into(tmp_path: Path) -> None:
    written(tmp_path, [decision(f"mcpr_{number}") for number in range(9)])
    path = tmp_path / "audit.jsonl"
    with path.open("rb+") as file, _BESIDE.beside(file.fileno()) as beside:
        parts = [*Parts(file.fileno(), beside, size=_PART).up_to(path.stat().st_size)]
        part = next(part for part in parts if part.read is None)
        assert part.same(part.lines()[0], 0)
        os.pwrite(file.fileno(), b"X", part.begin + 200)
        with pytest.raises(OSError, match="changed while it was read"):
            part.same(part.lines()[0], 0)
        os.pwrite(file.fileno(), b"\n", part.begin + 200)
        with pytest.raises(OSError, match="changed while it was read"):
            part.lines()


def test_each_line_belongs_to_the_part_that_it_begins_in(tmp_path: Path) -> None:
    written(tmp_path, [decision(f"mcpr_{number}", note="x" * 97 * number) for number in range(9)])
    path = tmp_path / "audit.jsonl"
    size = path.stat().st_size
    with path.open("rb") as file:
        for part in (1, 64, 500, 5_000, size):
            found = [part_of(file.fileno(), at, min(at + part, size)) for at in range(0, size, part)]
            good = [one for one in found if one is not None]
            assert [one.begin for one in good] == [0, *(one.end for one in good[:-1])]
            assert good[-1].end == size
            assert sum(len(one.digests) for one in good) == len(all_lines(tmp_path))


_STARTS: Final = """
import sys
from mcpbridge.audit.verifying.beside import SecondProcess
started = SecondProcess(least=0, command=sys.argv[2:]).started(int(sys.argv[1]))
print("started" if started else "", flush=True)
sys.stdin.read()
"""


def test_the_second_process_ends_when_the_first_is_killed() -> None:
    read, write = os.pipe()  # stands for the segment: it is open as long as the second process is there
    first = subprocess.Popen(
        [sys.executable, "-c", _STARTS, str(write), *_COMMAND],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[write], text=True,
    )  # fmt: skip
    os.close(write)
    with first, os.fdopen(read, "rb") as gone:
        assert first.stdout is not None
        assert first.stdout.readline() == "started\n"
        first.send_signal(signal.SIGKILL)
        assert gone.read() == b""


def test_lines_that_were_cut_off_again_while_they_were_read_are_no_flaw(tmp_path: Path) -> None:
    """A disk that took a part of a batch: its whole lines are there for a moment."""
    written(tmp_path, [decision(f"mcpr_{number}") for number in range(9)])
    path = tmp_path / "audit.jsonl"
    whole = path.read_bytes()
    cut = len(b"".join(line + b"\n" for line in all_lines(tmp_path)[:4]))
    for then in (whole[:cut], whole[:cut] + b"x" * 9_000 + b"\n"):  # cut off, and something else written
        path.write_bytes(whole)
        with path.open("rb+") as file:
            parts = Parts(file.fileno(), Beside(None), size=_PART)
            assert list(parts.up_to(len(whole)))
            path.write_bytes(then)
            with pytest.raises(OSError, match="changed while it was read"):
                list(parts.up_to(len(then)))
            if len(then) < len(whole):
                with pytest.raises(OSError, match="changed while it was read"):
                    parts.rest(len(then))
