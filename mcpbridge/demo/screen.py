"""Lines for a newcomer's terminal: headings, wrapped text, and a column that says who speaks."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mcpbridge.core.question import visible

WIDTH: Final = 79
"""Good at 80 columns: a terminal may break a line that fills its last one."""
_COLUMN: Final = 11
_COMMAND: Final = 30
_HANGING: Final = " " * 13
"""Where the values of a question stand (`mcpbridge.core.question.screen`)."""
_BOLD, _RED, _GREEN, _DIM, _RESET = "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[2m", "\x1b[0m"
_PAINT: Final = {"ALLOWED": _GREEN, "DENIED": _RED, "FOUND": _GREEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Writes lines through `write`, which gets no line end. Controls in the text are made visible."""

    write: Callable[[str], None]
    color: bool = False

    def heading(self, title: str) -> None:
        """A section begins."""
        self.write("")
        self.write(self._painted(title, _BOLD))
        self.write(self._painted("-" * len(title), _DIM))

    def say(self, text: str) -> None:
        """A paragraph of the narrator."""
        for line in _wrapped(text, WIDTH):
            self.write(line)

    def entry(self, who: str, text: str) -> None:
        """What somebody said or did: the name in a column, the text beside it."""
        lead = f"  {who}".ljust(_COLUMN)
        for line in _wrapped(text, WIDTH - _COLUMN):
            self.write(f"{self._painted(lead, _DIM)}{self._verdict(line)}".rstrip())
            lead = " " * _COLUMN

    def record(self, line: str) -> None:
        """A line of the audit trail, broken where the screen ends."""
        for part in textwrap.wrap(visible(line), WIDTH, subsequent_indent=" " * 12, break_on_hyphens=False):
            self.write(part)

    def command(self, line: str, comment: str) -> None:
        """Something to type, and what it does: beside it, or below what is too long for that."""
        if len(line) > _COMMAND - 2:
            self.write(f"  {line}")
            line = ""
        self.write(f"  {line:<{_COMMAND}}{self._painted(comment, _DIM)}".rstrip())

    def _verdict(self, line: str) -> str:
        word, _, rest = line.partition(" ")
        return f"{self._painted(word, _PAINT[word])} {rest}" if word in _PAINT else line

    def _painted(self, text: str, paint: str) -> str:
        return f"{paint}{text}{_RESET}" if self.color and text.strip() else text


def _wrapped(text: str, width: int) -> list[str]:
    """Paragraphs kept, lines broken; a quotation stays one, and an address in one piece."""
    lines: list[str] = []
    for paragraph in visible(text).split("\n"):
        again = "| " if paragraph.startswith("| ") else _HANGING if paragraph.startswith("  ") else ""
        lines += textwrap.wrap(
            paragraph, width, subsequent_indent=again, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return lines
