"""Text in rows of a terminal, where wide characters take two columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mcpbridge.core.question import visible

WIDTH: Final = 80
"""Columns of every screen about the log."""


def rows(text: str, first: str = "", more: str | None = None, *, width: int = WIDTH) -> Iterator[str]:
    """A text broken at spaces: `first` begins the first row, `more` (blanks of the same length, if not given)
    all others. Nothing in it moves a cursor."""
    from mcpbridge.cli.chat.wrap import wrapped

    rest = " " * len(first) if more is None else more
    # The first row is taken to be as much indented as the others.
    start = " " * max(0, len(first) - len(rest))
    pieces = wrapped(start + visible(text, newlines=False), width, indent=len(rest)).split("\n")
    yield f"{first}{pieces[0][len(start) :]}"
    yield from (rest + piece.strip() for piece in pieces[1:])


def clean(text: str) -> str:
    """A text of the log in one line, in which nothing moves a cursor or hides."""
    return visible(text, newlines=False)


def one_row(text: str) -> str:
    """A text cut to the screen."""
    from mcpbridge.audit.render import cut

    return cut(visible(text, newlines=False), WIDTH)
