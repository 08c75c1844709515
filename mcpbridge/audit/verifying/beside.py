"""A second process that judges parts of a segment: one thread of Python cannot hash and compare as fast as a
disk reads.

It only ever saves work. What it does not answer, or answers with anything but "as it should be", the first
process does itself, with the same function: a second process that dies, hangs, lags, or cannot be started
makes a verification slower and changes nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Final

from mcpbridge.audit.verifying import ranges
from mcpbridge.audit.verifying.ranges import ASKED, PART, Judged, answered

_AHEAD: Final = 4
"""Parts that are asked for at a time, so that it is never idle. Their answers fit into a pipe of 64 KB."""
_TAKEN: Final = 1 << 18
"""Bytes of answers that are taken from the pipe at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondProcess:
    """When there is one, and what it runs."""

    least: int = 32 << 20
    """Bytes of a segment from which on it pays: to start takes as long as to judge some two megabytes."""
    command: Sequence[str] = ()
    """Run with the number of the segment's descriptor as its last argument. Empty: this Python, where there
    is one, and a second processor for it."""

    part: int = PART
    """Bytes that are judged at a time, also where there is none."""
    never: bool = False

    def started(self, fd: int) -> Second | None:
        """For the segment behind a descriptor; None where there is no second process."""
        if self.never or sys.platform == "win32" or os.fstat(fd).st_size < self.least:
            return None
        command = self.command or usual_command()
        if not command:
            return None
        try:
            return Second(command, fd)
        except (OSError, ValueError):
            return None

    @contextmanager
    def beside(self, fd: int) -> Generator[Beside]:
        """Parts of that segment may be asked for; there may be nobody who answers."""
        process = self.started(fd)
        try:
            yield Beside(process)
        finally:
            if process:
                process.end()


def usual_command() -> Sequence[str]:
    """This Python without its packages, told where the parser is; empty where one of them cannot be found, or
    there is no second processor."""
    file, parser = Path(ranges.__file__ or ""), find_spec("pydantic_core")
    # In a frozen or embedding application, sys.executable is that application and no Python.
    if getattr(sys, "frozen", False) or "python" not in Path(sys.executable or "").name or not file.is_file():
        return ()
    folders = list(parser.submodule_search_locations or ()) if parser else []
    if len(folders) != 1 or _processors() < 2:
        return ()
    return sys.executable, "-I", "-S", str(file), folders[0]


def _processors() -> int:
    """That this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Second:
    """A process that was started for one segment."""

    def __init__(self, command: Sequence[str], fd: int) -> None:
        """Raises OSError, ValueError."""
        pipe, none = subprocess.PIPE, subprocess.DEVNULL
        self._process = subprocess.Popen(  # noqa: S603 - this Python, or what the caller named
            [*command, str(fd)], stdin=pipe, stdout=pipe, stderr=none, pass_fds=[fd], bufsize=0
        )
        questions, answers = self._process.stdin, self._process.stdout
        assert questions is not None
        assert answers is not None
        self.questions: IO[bytes] = questions
        self.answers: IO[bytes] = answers
        os.set_blocking(answers.fileno(), False)

    def end(self) -> None:
        self.questions.close()
        self.answers.close()
        self._process.kill()
        self._process.wait()


class Beside:
    """What was asked of the second process, and what it answered. Never waits for it."""

    def __init__(self, process: Second | None) -> None:
        self._process = process
        self._taken = bytearray()
        self._asked: set[int] = set()

    @property
    def has_room(self) -> bool:
        return self._process is not None and len(self._asked) < _AHEAD

    def ask(self, start: int, stop: int) -> None:
        """Judge the lines that begin in this part."""
        if self._process is not None:
            self._asked.add(start)
            with suppress(OSError):  # it ended; its answers, or their end, are still to be read
                self._process.questions.write(ASKED.pack(start, stop))

    def answers(self) -> list[tuple[int, Judged | None]]:
        """What has come since, by where the part begins; None: look yourself."""
        found: list[tuple[int, Judged | None]] = []
        try:
            more = self._more()
            while more and (answer := answered(self._taken)):
                start, judged, length = answer
                self._asked.remove(start)
                found.append((start, judged))
                del self._taken[:length]
        except (OSError, ValueError, KeyError):
            more = False
        if not more:  # it ended, or speaks of something else
            found += [(start, None) for start in self._asked]
            self._process = None
            self._asked.clear()
        return found

    def _more(self) -> bool:
        """Take what is in the pipe; False where nothing will ever come again. Raises OSError."""
        if self._process is None:
            return False
        with suppress(BlockingIOError):  # there is nothing more in it yet
            while piece := os.read(self._process.answers.fileno(), _TAKEN):
                self._taken += piece
            return False
        return True
