"""Somebody at a real pseudo-terminal: types keys, and sees what pyte makes of what the chat writes."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pexpect
import pyte
from pyte.screens import HistoryScreen

from tests.cli_run.shell import PATIENCE, Shell

COLUMNS, ROWS = 80, 24
PROMPT = "> "
ENTER, ESCAPE, CTRL_C, CTRL_D, UP, TAB = "\r", "\x1b", "\x03", "\x04", "\x1b[A", "\t"
ASKED = "Allow? [y]es / [n]o (default) / [a]lways for this conversation: "


class Answering(HistoryScreen):
    """A terminal that also answers, when it is asked where its cursor is."""

    def __init__(self, columns: int, lines: int, child: pexpect.spawn[bytes]) -> None:
        super().__init__(columns, lines, history=10_000, ratio=1)
        self._child = child

    def write_process_input(self, data: str) -> None:
        self._child.send(data)


@dataclass(kw_only=True)
class Person:
    """`screen` is what stands there now; `raw` all that was ever written to the terminal."""

    child: pexpect.spawn[bytes]
    screen: Answering
    raw: str = ""
    _stream: pyte.ByteStream = field(init=False)

    def __post_init__(self) -> None:
        self._stream = pyte.ByteStream(self.screen)

    @property
    def display(self) -> list[str]:
        """The rows of the screen, top to bottom."""
        return [row.rstrip() for row in self.screen.display]

    @property
    def everything(self) -> str:
        """What has scrolled away, and the screen."""
        width = self.screen.columns
        above = ["".join(row[x].data for x in range(width)).rstrip() for row in self.screen.history.top]
        return "\n".join([*above, *self.display])

    @property
    def flat(self) -> str:
        """`everything` without line breaks, for what is longer than a row."""
        return " ".join(self.everything.split())

    def sees(self, awaited: str, *, times: int = 1) -> None:
        """Wait until the text stands there (however it is broken into rows)."""
        wanted = " ".join(awaited.split())
        while self.flat.count(wanted) < times:
            try:
                self._take()
            except (pexpect.TIMEOUT, pexpect.EOF):
                raise AssertionError(f"never shown: {awaited!r}; shown:\n{self.everything}") from None

    def prompted(self, times: int) -> None:
        """Wait for the prompt of the n-th message: an empty one, with the cursor behind it."""
        while self.rows_that_begin(PROMPT.rstrip()) < times or not self._at_prompt():
            try:
                self._take()
            except (pexpect.TIMEOUT, pexpect.EOF):
                raise AssertionError(f"no prompt {times}; shown:\n{self.everything}") from None

    def rows_that_begin(self, with_what: str) -> int:
        return sum(row.startswith(with_what) for row in self.everything.split("\n"))

    def types(self, keys: str) -> None:
        self.child.send(keys)

    def says(self, line: str) -> None:
        self.types(line + ENTER)

    def ends(self) -> int:
        """Read to the end; the exit code, or minus the signal's number."""
        while True:
            try:
                self._take()
            except pexpect.EOF:
                break
        self.child.close()
        return -(self.child.signalstatus or 0) if self.child.exitstatus is None else self.child.exitstatus

    def _at_prompt(self) -> bool:
        row = self.display[self.screen.cursor.y]
        return row == PROMPT.rstrip() and self.screen.cursor.x == len(PROMPT)

    def _take(self) -> None:
        piece = self.child.read_nonblocking(65536, timeout=PATIENCE)
        self.raw += piece.decode(errors="replace")
        self._stream.feed(piece)


@contextmanager
def chatting(
    shell: Shell,
    *words: str,
    columns: int = COLUMNS,
    rows: int = ROWS,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Generator[Person]:
    """A chat in a process of its own; ended here if it still runs."""
    env: dict[str, Any] = {
        **shell.environment,
        "TERM": "xterm-256color",
        "XDG_STATE_HOME": str(shell.folder / "home"),
    }
    env.pop("NO_COLOR", None)
    child: pexpect.spawn[bytes] = pexpect.spawn(
        sys.executable,
        ["-m", "mcpbridge", "chat", *words],
        cwd=str(shell.folder),
        env={**env, **environ},
        dimensions=(rows, columns),
        echo=True,
        timeout=PATIENCE,
    )
    child.delaybeforesend = None
    try:
        yield Person(child=child, screen=Answering(columns, rows, child))
    finally:
        child.close(force=True)
