"""What the terminal can do, how large it is, and whether it echoes what is typed."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TextIO

_SIZE: Final = (80, 24)
"""Where nobody says how large it is."""
_NARROWEST: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """The two ends. `interactive`: a person sits at both; `moves`: the cursor can be moved and text erased;
    `styled`: it also wants colour (https://no-color.org)."""

    stdin: TextIO
    stdout: TextIO
    interactive: bool
    moves: bool
    styled: bool

    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now; at least so many that something can be shown."""
        try:
            columns, rows = os.get_terminal_size(self.stdout.fileno())
        except (OSError, ValueError):
            columns, rows = _SIZE
        return max(columns or _SIZE[0], _NARROWEST), max(rows or _SIZE[1], 4)

    @property
    def width(self) -> int:
        """Columns to write in: many terminals break a line that fills the last one."""
        return self.size()[0] - 1

    @contextmanager
    def echo(self, on: bool) -> Generator[None]:
        """Show what is typed, or (while the model works) not: it would stand in the middle of the answer."""
        if not self.interactive or sys.platform == "win32":
            yield
            return
        import termios

        descriptor = self.stdin.fileno()
        try:
            before = termios.tcgetattr(descriptor)
            flags = before[3] | termios.ECHO if on else before[3] & ~termios.ECHO
            termios.tcsetattr(descriptor, termios.TCSANOW, [*before[:3], flags, *before[4:]])
        except termios.error:  # it hung up; whoever reads next is told
            yield
            return
        try:
            yield
        finally:
            with suppress(termios.error):
                termios.tcsetattr(descriptor, termios.TCSANOW, before)


def terminal_of(stdin: TextIO, stdout: TextIO, environ: Mapping[str, str] = os.environ) -> Terminal:
    """What these two streams are."""
    interactive = stdin.isatty() and stdout.isatty()
    moves = interactive and environ.get("TERM", "dumb" if os.name != "nt" else "") != "dumb"
    return Terminal(
        stdin=stdin,
        stdout=stdout,
        interactive=interactive,
        moves=moves,
        styled=moves and not environ.get("NO_COLOR"),
    )
