"""A screen of pyte as an SVG: one text element per run of cells that look alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby

from pyte.screens import Char

CELL, ROW, MARGIN, BAR = 8.43, 19, 14, 30
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_INK, _PAPER, _FAINT = "#d6dae0", "#1b1f27", "#8b93a1"
_COLOURS = {"red": "#ef7b7b", "green": "#7fc98f", "brown": "#e0b866", "yellow": "#e0b866", "blue": "#7aa7ee",
            "magenta": "#c79be8", "cyan": "#6fc3cf"}  # fmt: skip
Rows = Sequence[Sequence[Char]]


def svg(rows: Rows, *, faint: Iterable[tuple[int, int]], title: str) -> str:
    """The picture. `faint` names the cells (row, column) that are dim, which pyte does not keep."""
    dim = set(faint)
    width = max(map(len, rows)) * CELL + 2 * MARGIN
    height = len(rows) * ROW + BAR + MARGIN
    lights = "".join(f'<circle cx="{18 + 16 * n}" cy="15" r="5" fill="#4a5160"/>' for n in range(3))
    body = "\n".join(run for y, row in enumerate(rows) for run in _runs(row, y, dim))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
        f'role="img" aria-label="{escape(title)}">\n'
        f'<rect width="100%" height="100%" rx="8" fill="{_PAPER}"/>{lights}\n'
        f'<g font-family="{_FONT}" font-size="14" fill="{_INK}" xml:space="preserve">\n{body}\n</g>\n</svg>\n'
    )


def _runs(row: Sequence[Char], y: int, dim: set[tuple[int, int]]) -> Iterator[str]:
    cells = [(x, char, (_colour(char, (y, x) in dim), char.bold, char.italics)) for x, char in enumerate(row)]
    for (colour, bold, italic), group in groupby(cells, key=lambda cell: cell[2]):
        run = list(group)
        text = "".join(char.data for _, char, _ in run)
        if not text.strip():
            continue
        start = run[0][0] + len(text) - len(text.lstrip())
        shown = text.strip()
        style = ' font-weight="bold"' * bold + ' font-style="italic"' * italic
        yield (
            f'<text x="{MARGIN + start * CELL:.1f}" y="{BAR + (y + 0.75) * ROW:.1f}" fill="{colour}"{style} '
            f'textLength="{len(shown) * CELL:.1f}" lengthAdjust="spacingAndGlyphs">{escape(shown)}</text>'
        )


def _colour(char: Char, dim: bool) -> str:
    return _FAINT if dim else _COLOURS.get(char.fg, _INK)
