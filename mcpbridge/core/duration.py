"""Durations as people write them in policies and at a prompt: `30s`, `15m`, `2h`."""

from __future__ import annotations

import re
from typing import Final

_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})([smh])")
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_UNITS: Final = (("h", 3600.0), ("m", 60.0), ("s", 1.0))


def seconds(text: object) -> float | None:
    """The seconds of `15m`; None for everything that is no such text."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    return None if found is None else int(found[1]) * _SECONDS[found[2]]


def spelled(duration: float) -> str:
    """`90m` for 5400.0: the largest unit that says it exactly."""
    for unit, size in _UNITS:
        if duration >= size and duration % size == 0:
            return f"{int(duration // size)}{unit}"
    return f"{duration:g}s"
