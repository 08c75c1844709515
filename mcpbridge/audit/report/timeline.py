"""Counts over time when nobody knows beforehand how long that is: columns grow wider as needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_WIDTHS: Final = (60, 300, 900, 3_600, 10_800, 21_600, 86_400, 604_800, 2_592_000, 31_536_000, 315_360_000)
"""Seconds of one column, from a minute to ten years."""
_KEPT: Final = 400
"""Columns that are kept while counting."""
DRAWN: Final = 48
"""Columns that fit on a page."""


class Timeline:
    """POSIX second → counts of some kinds."""

    __slots__ = ("_counts", "_kinds", "_width")

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self._kinds = kinds
        self._width = 0
        self._counts: dict[int, list[int]] = {}

    def add(self, second: float, kind: str) -> None:
        place = int(second // _WIDTHS[self._width])
        row = self._counts.get(place)
        if row is None:
            if len(self._counts) >= _KEPT and self._width + 1 < len(_WIDTHS):
                self._widen()
                self.add(second, kind)
                return
            row = self._counts[place] = [0] * len(self._kinds)
        row[self._kinds.index(kind)] += 1

    def columns(self) -> tuple[tuple[str, ...], dict[str, tuple[int, ...]]]:
        """Labels and values of what is drawn; empty columns between others are there too."""
        while self._counts and self._span() > DRAWN and self._width + 1 < len(_WIDTHS):
            self._widen()
        if not self._counts:
            return (), {kind: () for kind in self._kinds}
        places = range(min(self._counts), max(self._counts) + 1)[-DRAWN:]
        none = [0] * len(self._kinds)
        values = {
            kind: tuple(self._counts.get(place, none)[at] for place in places)
            for at, kind in enumerate(self._kinds)
        }
        return tuple(map(self._label, places)), values

    @property
    def width(self) -> str:
        """What one column stands for."""
        seconds = _WIDTHS[self._width]
        for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
            if seconds >= size:
                return name if seconds == size else f"{seconds // size} {name}s"
        return f"{seconds} seconds"

    def _span(self) -> int:
        return max(self._counts) - min(self._counts) + 1

    def _widen(self) -> None:
        before = _WIDTHS[self._width]
        self._width += 1
        wider: dict[int, list[int]] = {}
        for place, row in self._counts.items():
            into = wider.setdefault(place * before // _WIDTHS[self._width], [0] * len(row))
            for at, count in enumerate(row):
                into[at] += count
        self._counts = wider

    def _label(self, place: int) -> str:
        width = _WIDTHS[self._width]
        start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=place * width)
        return start.strftime("%Y-%m-%d" if width >= 86_400 else "%Y-%m-%d %H:%M")
