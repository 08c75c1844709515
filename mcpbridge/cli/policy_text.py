"""Text of the policy commands: plain, and no wider than a screen."""

from __future__ import annotations

import textwrap
from typing import Final

WIDTH: Final = 80
"""Columns."""


def short(text: str, longest: int) -> str:
    """The text, cut where it is too long, and by how much."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def wrapped(text: str, first: str = "", more: str = "") -> list[str]:
    """Lines of at most 80 columns; names are never broken."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=more,
        break_long_words=False,
        break_on_hyphens=False,
    )


def many(count: int, what: str) -> str:
    """`1 rule`, `2 rules`."""
    return f"{count} {what}{'s' * (count != 1)}"
