"""`always`, as people type it: `a`, `a 1h`, `a 5x`, `a 1h 5x`; on a command line `always:1h:5x`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mcpbridge.core.duration import seconds

_TIMES: Final = re.compile(r"([1-9][0-9]{0,5})x")


@dataclass(frozen=True, slots=True, kw_only=True)
class Always:
    """How much somebody gives; None: as much as the policy permits."""

    ttl: float | None = None
    """Seconds."""
    uses: int | None = None


def read_always(words: list[str]) -> Always | None:
    """A duration and a number of calls, in any order and each at most once; None for anything else."""
    durations = [found for word in words if (found := seconds(word)) is not None]
    times = [int(counted[1]) for word in words if (counted := _TIMES.fullmatch(word))]
    if len(durations) > 1 or len(times) > 1 or len(durations) + len(times) != len(words):
        return None
    return Always(ttl=durations[0] if durations else None, uses=times[0] if times else None)
