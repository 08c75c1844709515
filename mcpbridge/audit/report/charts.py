"""Small charts as inline SVG: no script, no style of their own, every text escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from mcpbridge.audit.report.document import Chart
from mcpbridge.audit.report.text import shown

_WIDTH: Final = 440
"""So narrow that its text can be read when all of it fits on a phone."""
_LEFT: Final = 36
_RIGHT: Final = 8
_BASE: Final = 150
_TOP: Final = 12
_LETTER: Final = 7.4
"""Room for a character of a label, in any sans-serif typeface."""
_APART: Final = 24
"""Between labels of which some are left out, where there is not room for all."""
_LINE: Final = 16
_LABELS: Final = 172
"""Width of the names beside lying bars."""
_ROW: Final = 24
_NAME: Final = 22
"""Characters of a name beside a bar; all of it is in the table and when pointed at."""


def svg(chart: Chart) -> str:
    """The picture; empty where there is nothing to draw."""
    totals = _totals(chart)
    if not any(totals):
        return ""
    body, height = (_lying if chart.lying else _standing)(chart, totals)
    described = escape(f"{chart.title}: {_in_words(chart, totals)}", quote=True)
    opening = f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{described}">'
    return f"{opening}{''.join(body)}</svg>"


def _totals(chart: Chart) -> list[int]:
    return [sum(series.values[at] for series in chart.series) for at in range(len(chart.labels))]


def _in_words(chart: Chart, totals: Sequence[int]) -> str:
    pairs = [f"{shown(label)} {total}{chart.unit}" for label, total in zip(chart.labels, totals, strict=True)]
    return ", ".join(pairs[:60])


def _standing(chart: Chart, totals: Sequence[int]) -> tuple[list[str], int]:
    most = _round_up(max(totals))
    left = max(_LEFT, round(len(f"{most:,}{chart.unit}") * _LETTER) + 8)
    step = (_WIDTH - left - _RIGHT) / len(totals)
    parts = list(_scale(most, chart.unit, left))
    for at, total in enumerate(totals):
        x, y = left + at * step + step * 0.1, float(_BASE)
        for series in chart.series:
            tall = (_BASE - _TOP) * series.values[at] / most
            if tall:
                y -= tall
                parts.append(_rect(series.tone, x, y, step * 0.8, tall))
        parts.append(_tip(chart, at, total, (x, _TOP, step * 0.8, _BASE - _TOP)))
    names, lines = _axis(chart.labels, left, step)
    return [*parts, *names], _BASE + 14 + lines * _LINE


def _scale(most: int, unit: str, left: int) -> Iterator[str]:
    for part in (0, 0.5, 1):
        y = _BASE - (_BASE - _TOP) * part
        value = most * part
        if value == int(value):
            yield f'<line class="grid" x1="{left}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text class="end" x="{left - 6}" y="{y + 4:.1f}">{int(value):,}{unit}</text>'


def _axis(labels: Sequence[str], left: int, step: float) -> tuple[list[str], int]:
    """Every label, by turns on two lines where one is too short; of a row too long for that, such as many
    days, as many as there is room for. And how many lines these are."""
    wide = max(len(shown(label)) for label in labels) * _LETTER
    lines = 2 if step < wide <= 2 * step else 1
    every = 1 if wide <= lines * step else -(-round(wide + _APART) // max(int(step), 1))
    names: list[str] = []
    for at in range(0, len(labels), every):
        label = shown(labels[at])
        half, x = len(label) * _LETTER / 2, left + at * step + step / 2
        if every > 1 and x + half > _WIDTH + _APART / 2:
            continue  # pushed into the picture it would lie over the one before
        x = min(max(x, half), _WIDTH - half)
        y = _BASE + 18 + at % lines * _LINE
        names.append(f'<text class="mid" x="{x:.1f}" y="{y}">{escape(label)}</text>')
    return names, lines


def _lying(chart: Chart, totals: Sequence[int]) -> tuple[list[str], int]:
    most = 100 if chart.unit == "%" else max(totals)
    room = _WIDTH - _LABELS - round(len(f"{max(totals):,}{chart.unit}") * _LETTER) - 12
    parts: list[str] = []
    for at, total in enumerate(totals):
        top, x = 4 + at * _ROW, float(_LABELS)
        name = shown(chart.labels[at])
        short = name if len(name) <= _NAME else name[: _NAME - 1] + "…"
        parts.append(f'<text class="end" x="{_LABELS - 8}" y="{top + 14}">{escape(short)}</text>')
        for series in chart.series:
            wide = room * series.values[at] / most
            if wide:
                parts.append(_rect(series.tone, x, top + 2, wide, _ROW - 8))
                x += wide
        parts.append(f'<text x="{x + 6:.1f}" y="{top + 14}">{total:,}{chart.unit}</text>')
        parts.append(_tip(chart, at, total, (0.0, top, _WIDTH, _ROW)))
    return parts, 8 + len(totals) * _ROW


def _rect(tone: str, x: float, y: float, wide: float, tall: float) -> str:
    return f'<rect class="{tone}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}"/>'


def _tip(chart: Chart, at: int, total: int, box: tuple[float, float, float, float]) -> str:
    """What is said when somebody points there."""
    parts = [
        f"{series.name} {series.values[at]:,}{chart.unit}" for series in chart.series if series.values[at]
    ]
    x, y, wide, tall = box
    text = f"{shown(chart.labels[at])}: " + (", ".join(parts) if parts else f"{total}")
    return (
        f'<rect class="tip" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}">'
        f"<title>{escape(text)}</title></rect>"
    )


def _round_up(most: int) -> int:
    """A top of the scale that is easy to read, and can be halved where it is more than one."""
    size = 1
    while size * 10 < most:
        size *= 10
    return next((size * digit for digit in (1, 2, 4, 6, 8) if size * digit >= most), size * 10)
