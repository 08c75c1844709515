"""Markdown for a terminal: which blocks are complete, and how they look.

Nothing in it may be hidden, and no control character may come out of it: HTML and link definitions are
shown as they are written, addresses stand beside their links, and entities such as `&#27;` are not decoded.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import ClassVar, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console
from rich.markdown import Heading, Markdown, MarkdownElement
from rich.theme import Theme

from mcpbridge.core.question import visible

_WIDEST: Final = 100
"""Longer lines are hard to read."""
_THEME: Final = {
    "markdown.code": "cyan",
    "markdown.code_block": "cyan",
    "markdown.h1": "bold",
    "markdown.h2": "bold",
    "markdown.link": "underline",
    "markdown.link_url": "dim",
}
"""Readable on dark and on light: rich paints code on black."""
_STYLE: Final = re.compile(r"\x1b\[[0-9;]*m")
_PADDING: Final = re.compile(r" +((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)


def complete(text: str) -> tuple[str, str]:
    """The blocks that no further text can change, and the rest. An unfinished line may become anything."""
    whole, newline, unfinished = text.rpartition("\n")
    found = _blocks(whole + newline)
    return "".join(found[:-1]), "".join(found[-1:]) + unfinished


def rendered(text: str, width: int) -> str:
    """Blocks as styled rows, without a line end at the end."""
    shown = (_rendered(block, min(width, _WIDEST)) for block in _blocks(text))
    return "\n\n".join(one for one in shown if one)


def _rendered(block: str, width: int) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        force_terminal=True,
        width=width,
        theme=Theme(_THEME),
        legacy_windows=False,
        emoji=False,
        markup=False,
        highlight=False,
    )
    console.print(_Shown(block))
    rows = _PADDING.sub(r"\1", out.getvalue()).split("\n")
    full = [number for number, row in enumerate(rows) if _STYLE.sub("", row).strip()]
    return "\n".join(rows[full[0] : full[-1] + 1]) if full else ""


def _blocks(text: str) -> list[str]:
    """The text, cut where its blocks begin."""
    starts = [token.map[0] for token in _parser().parse(text) if token.map and token.level == 0]
    lines = text.splitlines(keepends=True)
    cuts = [0, *starts[1:], len(lines)]
    return ["".join(lines[begin:end]) for begin, end in pairwise(cuts) if begin < end]


class _LeftHeading(Heading):
    """A heading that is not centred."""

    LEVEL_ALIGN = {f"h{level}": "left" for level in range(1, 7)}  # noqa: RUF012 (declared ClassVar above)


class _Shown(Markdown):
    """rich's Markdown over our parser."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {**Markdown.elements, "heading_open": _LeftHeading}

    def __init__(self, text: str) -> None:
        super().__init__("", code_theme="ansi_dark", hyperlinks=False)
        self.parsed = _parser().parse(text)
        _make_visible(self.parsed)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
    return parser.disable(["entity", "image", "reference"])


def _make_visible(tokens: Iterable[Token]) -> None:
    """Also what the parser made of the text: it decodes addresses."""
    for token in tokens:
        token.content = visible(token.content)
        token.attrs = {
            name: visible(value, newlines=False) if isinstance(value, str) else value
            for name, value in token.attrs.items()
        }
        _make_visible(token.children or ())
