"""`15m`, `1h30m`, `500ms` → seconds. A bare number is refused: nobody can see its unit."""

from __future__ import annotations

import re
from typing import Final

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[smhd])", re.ASCII)
DURATION: Final = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
DAY: Final = 86_400.0
_LONGEST: Final = 366 * DAY
"""A year: longer waits are typing errors, and timers overflow somewhere above it."""

LONGEST_RETENTION: Final = 36_500 * DAY
"""A hundred years: what is longer is a typing error."""


def parse_duration(text: str, *, longest: float = _LONGEST) -> float:
    """Seconds, more than 0 and at most `longest` (a year). Raises ValueError with what to write."""
    if not DURATION.fullmatch(text):
        raise ValueError("write a number with its unit: 500ms, 60s, 15m, 1h30m or 7d")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if not 0 < seconds <= longest:
        raise ValueError(f"it must be longer than nothing and at most {longest / DAY:.0f}d")
    return seconds
