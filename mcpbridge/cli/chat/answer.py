"""An answer on the screen while it arrives."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol

from mcpbridge.cli.chat.markdown import complete, rendered
from mcpbridge.cli.chat.terminal import Terminal
from mcpbridge.cli.chat.wrap import WordWrap

_DIM: Final = "\x1b[2m"
_RESET: Final = "\x1b[0m"
_MORE: Final = "…"
_LEFT_FREE: Final = 3
"""Rows of the screen that an incomplete block leaves free: what has scrolled away cannot be erased."""
_BORDER: Final = re.compile(r"^[ \t]*(?:(?:```|~~~|#|[-*_|]).*)?\n", re.MULTILINE)
"""Whole lines at which a block may end or begin: empty ones, fences, headings, rules, lists, tables."""


class Stream(Protocol):
    """Takes text piece by piece."""

    def feed(self, text: str) -> None: ...

    def end(self) -> None: ...


class PlainStream:
    """Rows, broken at words, written once and never touched again."""

    def __init__(
        self, write: Callable[[str], None], width: int, *, head: str = "", paint: str = "", end: str = "\n"
    ) -> None:
        self._write, self._paint = write, paint
        self._wrap = WordWrap(width, indent=len(head))
        self._head, self._tail = head, end

    def feed(self, text: str) -> None:
        self._put(self._wrap.feed(text))

    def end(self) -> None:
        self._put(self._wrap.end())
        self._write(self._tail)

    def _put(self, text: str) -> None:
        if not text:
            return
        lead, self._head = self._head, ""
        self._write(f"{self._paint}{lead}{text}{_RESET}" if self._paint else lead + text)


class BareStream:
    """For programs: as it comes, and a line end at the end."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._last = "\n"

    def feed(self, text: str) -> None:
        self._write(text)
        self._last = text[-1:] or self._last

    def end(self) -> None:
        if self._last != "\n":
            self._write("\n")


class MarkdownStream:
    """A block is shown as plain text while it grows, and replaced by its rendering once it is complete.

    Only rows that were written here and still stand on the screen are ever erased.
    """

    def __init__(self, write: Callable[[str], None], terminal: Terminal) -> None:
        self._write, self._terminal = write, terminal
        self._open = ""
        self._first = True
        self._seen = 0
        self._begin()

    def feed(self, text: str) -> None:
        self._open += text
        if self._may_be_complete():
            done, rest = complete(self._open)
            if done:
                out = self._erased() + self._block(done)
                self._open = text = rest
                self._begin()
                self._write(out + self._preview(text))
                return
        self._write(self._preview(text))

    def _may_be_complete(self) -> bool:
        """Parsing the open block again at every line would take long where it is a long one."""
        new = self._open[self._seen :]
        found = _BORDER.search(new) is not None
        if found:
            self._seen = self._open.rfind("\n") + 1
        return found

    def end(self) -> None:
        out = self._erased()
        if self._open.strip():
            out += self._block(self._open)
        self._write(out)
        self._open = ""
        self._begin()

    def _begin(self) -> None:
        self._size = self._terminal.size()
        self._wrap = WordWrap(self._size[0] - 1)
        self._shown = self._cut = False
        self._seen = 0

    def _block(self, text: str) -> str:
        gap = "" if self._first else "\n"
        shown = rendered(text, self._terminal.width)
        self._first = self._first and not shown
        return f"{gap}{shown}\n" if shown else ""

    def _preview(self, text: str) -> str:
        """As much of it as the screen can hold."""
        if self._cut:
            return ""
        if not self._shown:
            text = text.lstrip("\n")
        out = self._wrap.feed(text)
        room = self._size[1] - _LEFT_FREE - (not self._first)
        if self._wrap.rows >= room:
            extra = self._wrap.rows - room + 1
            kept = out.split("\n")[:-extra]
            self._wrap.rows -= extra
            self._cut = True
            out = "\n".join(kept) + _MORE
        if not out:
            return ""
        lead = "" if self._shown or self._first else "\n"
        self._shown = True
        return f"{lead}{_DIM}{out}{_RESET}"

    def _erased(self) -> str:
        """Take the preview back. Where the window was resized nobody knows its rows any more: it stays."""
        if not self._shown:
            return ""
        if self._terminal.size() != self._size:
            self._first = True
            return "\n"
        up = self._wrap.rows + (not self._first)
        return f"\r\x1b[{up}A\x1b[J" if up else "\r\x1b[J"
