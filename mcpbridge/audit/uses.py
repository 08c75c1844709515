"""How often something was used, by the log's own lines: what quotas are checked against.

A line that uses something up carries `counted`: the keys it counts under, and `use`: by which request. A line
that carries `freed` takes back the latest use of that request, which turned out to have had no effect.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

from mcpbridge.audit.chain import parsed
from mcpbridge.core.quota import Quota, QuotaFull, full

_NEEDLES: Final = (b'"counted":[', b'"freed":"')


class Uses:
    """Key → when it was used; request → its uses."""

    __slots__ = ("_by_request", "_early", "_times")

    def __init__(self) -> None:
        self._times: dict[str, list[float]] = {}
        self._by_request: dict[str, list[tuple[tuple[str, ...], float]]] = {}
        self._early: Counter[str] = Counter()
        """Requests whose use was taken back by a line that was read before the line of the use."""

    def against(self, quotas: Sequence[Quota]) -> QuotaFull | None:
        """What stands against one more use of all of them. Of several the one that frees last."""
        found = [refusal for quota in quotas if (refusal := full(quota, self._times.get(quota.key, ())))]
        return max(found, key=lambda one: float("inf") if one.frees is None else one.frees, default=None)

    def add(self, keys: Sequence[str], use: str, at: float) -> None:
        if self._early[use]:
            self._early[use] -= 1
            return
        self._by_request.setdefault(use, []).append((tuple(keys), at))
        for key in keys:
            insort(self._times.setdefault(key, []), at)

    def free(self, use: str, *, reading: bool = False) -> None:
        """The latest use by this request does not count. `reading`: older lines are still to be read."""
        uses = self._by_request.get(use)
        if not uses:
            self._early[use] += reading
            return
        keys, at = uses.pop()
        for key in keys:
            del self._times[key][bisect_left(self._times[key], at)]

    def whole(self) -> None:
        """All lines were read."""
        self._early.clear()

    def scan(self, lines: bytes, *, reading: bool = False) -> None:
        """Take over the uses in some whole lines."""
        if not any(needle in lines for needle in _NEEDLES):
            return
        for line in lines.splitlines():
            if any(needle in line for needle in _NEEDLES):
                self._follow(parsed(line) or {}, reading=reading)

    def _follow(self, record: dict[str, Any], *, reading: bool) -> None:
        keys, use, freed = record.get("counted"), record.get("use"), record.get("freed")
        if isinstance(freed, str):
            self.free(freed, reading=reading)
        if isinstance(keys, list) and isinstance(use, str):
            at = time_of(str(record.get("ts", "")))
            self.add([str(key) for key in cast("list[object]", keys)], use, at)


def time_of(stamp: str) -> float:
    """A line's time as POSIX time. One that cannot be read counts as long as any."""
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return float("inf")
