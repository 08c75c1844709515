"""Breaks text into rows while it arrives."""

from __future__ import annotations

from rich.cells import cell_len


class WordWrap:
    """Rows of at most `width` cells, broken at spaces where there are some. Holds back the last word, which
    may go on. `rows` counts the line ends written."""

    def __init__(self, width: int, *, indent: int = 0) -> None:
        self._width, self._indent = max(width, indent + 1), indent
        self._column = indent
        self._spaces = self._word = ""
        self.rows = 0

    def feed(self, text: str) -> str:
        """What can be written now."""
        return "".join(map(self._take, text))

    def end(self) -> str:
        """The last word."""
        return self._put()

    def _take(self, character: str) -> str:
        if character == "\n":
            out = self._put() + self._break()
            self._spaces = ""
            return out
        if character == " ":
            out = self._put()
            self._spaces += " "
            return out
        full = self._indent + cell_len(self._word + character) > self._width
        out = self._put() if full else ""
        self._word += character
        return out

    def _put(self) -> str:
        word, spaces = self._word, self._spaces
        if not word:
            return ""
        self._word = self._spaces = ""
        size = cell_len(word)
        if self._column + len(spaces) + size <= self._width:
            self._column += len(spaces) + size
            return spaces + word
        out = self._break() if self._column > self._indent else ""
        self._column += size
        return out + word

    def _break(self) -> str:
        self.rows += 1
        self._column = self._indent
        return "\n" + " " * self._indent


def wrapped(text: str, width: int, *, indent: int = 0) -> str:
    """A whole text; the first row is taken to begin at `indent` already."""
    wrap = WordWrap(width, indent=indent)
    return wrap.feed(text) + wrap.end()
