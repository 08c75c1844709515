"""Handing results back to those who wait, in their event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mcpbridge.audit.encoded import Encoded
from mcpbridge.core.quota import QuotaFull
from mcpbridge.errors import AlreadyDecided, AuditUnavailable

if TYPE_CHECKING:
    from mcpbridge.audit.callers import Callers

Result = int | AlreadyDecided | QuotaFull
"""A record's sequence number, or why it was not written."""
Settled = tuple["Pending", Result | AuditUnavailable]
NOTHING: Final = Encoded(body=b"")
"""Stands for a record that is still being encoded."""


class Pending:
    """A record on its way to the disk, and the caller who waits for it."""

    __slots__ = ("callers", "entry", "future", "keep", "progress")

    def __init__(self, entry: Encoded, callers: Callers | None, *, keep: bool) -> None:
        """Without `callers` nobody waits: what the log itself has to say."""
        self.entry, self.callers, self.keep = entry, callers, keep
        self.future: asyncio.Future[int] | None = callers.loop.create_future() if callers else None
        self.progress = 0
        """Grows while the log is searched for its decision key: that may take long, and nothing hangs."""

    @property
    def wanted(self) -> bool:
        """A record nobody waits for any more is dropped, unless it says what already happened (`keep`)."""
        return self.keep or self.future is None or not self.future.done()

    def settle(self, result: Result | AuditUnavailable) -> None:
        """In the caller's loop: hand over the result, if the caller is still there."""
        if self.future is None or self.future.done():
            return
        if isinstance(result, int):
            self.future.set_result(result)
        else:
            self.future.set_exception(result)


def wake(batch: Sequence[Pending], results: Sequence[Result | AuditUnavailable]) -> None:
    """From any thread: every caller of a batch gets its result. One wake for each loop."""
    by_loop: dict[Callers, list[Settled]] = {}
    for settled in zip(batch, results, strict=True):
        if (callers := settled[0].callers) is not None:
            by_loop.setdefault(callers, []).append(settled)
    for callers, all_settled in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits there
            callers.loop.call_soon_threadsafe(callers.settle, all_settled)
