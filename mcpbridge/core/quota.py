"""How many calls may count under one name, in a window of time or for ever.

A quota is checked and used up in one step, by the log that writes the decision (see ports.Record): calls that
run side by side, in other conversations or in other processes, cannot both take the last place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """At most `calls` uses under `key`."""

    key: str
    """SHA-256, hex, of what is counted together: the limit's own words and whom it concerns."""
    calls: int
    what: str
    """For people and the model: `mail.send: at most 5 calls per 1h`."""
    window: float | None = None
    """Seconds; None counts for as long as the log lasts."""
    since: float | None = None
    """With a window: the POSIX time after which uses count."""


class QuotaFull(Exception):
    """A use that would be one too many; nothing was written."""

    def __init__(self, quota: Quota, frees: float | None) -> None:
        super().__init__(quota.what)
        self.quota, self.frees = quota, frees
        """POSIX time at which the next use is possible; None: no time helps."""

    def sentence(self) -> str:
        """For the model."""
        if self.frees is None:
            return f"The limit is used up ({self.quota.what}); no further such call is possible."
        when = datetime.fromtimestamp(ceil(self.frees), UTC)
        return f"The limit is used up ({self.quota.what}); the next is possible at {when:%Y-%m-%dT%H:%M:%SZ}."


def full(quota: Quota, uses: Sequence[float]) -> QuotaFull | None:
    """What stands against one more use. `uses` are the POSIX times of those on record, oldest first."""
    first = 0 if quota.since is None else bisect_right(uses, quota.since)
    if len(uses) - first < quota.calls:
        return None
    if quota.window is None:
        return QuotaFull(quota, None)
    return QuotaFull(quota, uses[-quota.calls] + quota.window)
