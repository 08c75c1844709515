"""What every line says first: when it was made, and what it is about."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

from mcpbridge.audit.plain import encode_plain
from mcpbridge.ports import Clock, Record

_MICROSECONDS: Final = 1_000_000


class Stamps:
    """Tells the time by `clock`, or by the system's."""

    __slots__ = ("_clock", "_second")

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._second = (-1, "")
        """The last second, and how it is written: most records are made in the same one."""

    def of(self, record: Record) -> tuple[str, float]:
        """JSON members without braces, and the POSIX time that they show."""
        shown, at = self._now() if self._clock is None else _of(self._clock.now())
        kind, phase = record.type, record.phase
        name = kind if kind.isascii() and kind.isidentifier() else encode_plain(kind)[0][1:-1]
        if phase:
            return f'"ts":"{shown}Z","type":"{name}","phase":"{phase}"', at
        return f'"ts":"{shown}Z","type":"{name}"', at

    def _now(self) -> tuple[str, float]:
        now = time.time_ns() // 1_000
        second, micro = divmod(now, _MICROSECONDS)
        known, shown = self._second
        if known != second:
            shown = datetime.fromtimestamp(second, UTC).isoformat()[: -len("+00:00")]
            self._second = (second, shown)  # at once: several threads encode
        return f"{shown}.{micro:06d}", now / _MICROSECONDS


def _of(now: datetime) -> tuple[str, float]:
    if now.tzinfo is not UTC:
        now = now.astimezone(UTC)
    return now.isoformat(timespec="microseconds")[: -len("+00:00")], now.timestamp()
