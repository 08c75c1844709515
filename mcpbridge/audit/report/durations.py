"""How long something took, many times: a histogram with few, fixed columns, and an approximate median."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Final

QUICK: Final = 2.0
"""Seconds in which nobody reads a screen (AUDIT: approval fatigue)."""
_BOUNDS: Final = (QUICK, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 86_400.0)
LABELS: Final = ("< 2 s", "< 10 s", "< 30 s", "< 1 min", "< 5 min", "< 15 min", "< 1 h", "< 1 day", "longer")
_FINE: Final = 8
"""Steps of the median for each doubling: it is right to about 5 %."""


class Durations:
    """Counts of durations in seconds."""

    __slots__ = ("_fine", "counts")

    def __init__(self) -> None:
        self.counts = [0] * len(LABELS)
        self._fine: dict[int, int] = {}

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def quick(self) -> int:
        """How many took less than two seconds."""
        return self.counts[0]

    def add(self, seconds: float) -> None:
        place = next((at for at, bound in enumerate(_BOUNDS) if seconds < bound), len(_BOUNDS))
        self.counts[place] += 1
        step = round(math.log2(max(seconds, 0.001)) * _FINE)
        self._fine[step] = self._fine.get(step, 0) + 1

    @property
    def middle(self) -> float:
        """The median in seconds, to about 5 %: of an even number, what lies between the two in the middle; 0
        where nothing was counted."""
        return (self._nth((self.total + 1) // 2) + self._nth(self.total // 2 + 1)) / 2

    def _nth(self, place: int) -> float:
        """The shortest is the first."""
        left = place
        for step in sorted(self._fine):
            left -= self._fine[step]
            if left <= 0:
                return float(2 ** (step / _FINE))
        return 0.0

    def median(self) -> str:
        """The median in words; empty where nothing was counted."""
        return in_words(self.middle) if self.total else ""


def in_words(seconds: float) -> str:
    """Two figures and a unit."""
    for size, unit in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= size * 1.5:
            return f"{seconds / size:.2g} {unit}" if seconds / size < 100 else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.2g} s" if seconds < 100 else f"{seconds:.0f} s"


def moment(value: Any) -> float | None:
    """A record's time as POSIX time; None where it is none."""
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
