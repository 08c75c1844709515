"""Group commit: many callers wait, one thread writes what has gathered while the disk was busy."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from mcpbridge.audit.encode import Encoded
from mcpbridge.audit.logfile import LogFile, Result
from mcpbridge.errors import AuditUnavailable

_MAX_RECORDS: Final = 1_024
_MAX_BYTES: Final = 8 << 20
"""One batch is one write and stays in memory until it is durable."""


class Pending:
    """A record on its way to the disk, and the caller who waits for it."""

    __slots__ = ("entry", "future", "keep", "loop")

    def __init__(self, entry: Encoded, loop: asyncio.AbstractEventLoop, *, keep: bool) -> None:
        self.entry, self.loop, self.keep = entry, loop, keep
        self.future: asyncio.Future[int] = loop.create_future()

    @property
    def wanted(self) -> bool:
        """A record nobody waits for any more is dropped, unless it says what already happened (`keep`)."""
        return self.keep or not self.future.done()

    def settle(self, result: Result | AuditUnavailable) -> None:
        """In the caller's loop: hand over the result, if the caller is still there."""
        if self.future.done():
            return
        if isinstance(result, int):
            self.future.set_result(result)
        else:
            self.future.set_exception(result)


class Committer:
    """Owns the file from its first record until it is closed."""

    def __init__(self, file: LogFile) -> None:
        self._file = file
        self._queue: SimpleQueue[Pending | None] = SimpleQueue()
        self._stopping = False
        # A daemon, so that a disk that hangs for ever cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="mcpbridge-audit", daemon=True)
        self._thread.start()

    def submit(self, pending: Pending) -> None:
        self._queue.put(pending)

    def stop(self, seconds: float) -> bool:
        """Write what is waiting, close the file; whether that was done in time."""
        self._queue.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping:
            if batch := [pending for pending in self._gather() if pending.wanted]:
                _wake(batch, self._commit([pending.entry for pending in batch]))
        self._file.close()

    def _gather(self) -> list[Pending]:
        batch: list[Pending] = []
        size = 0
        pending = self._queue.get()
        while pending is not None:
            batch.append(pending)
            size += len(pending.entry.body)
            if len(batch) >= _MAX_RECORDS or size >= _MAX_BYTES:
                return batch
            try:
                pending = self._queue.get_nowait()
            except Empty:
                return batch
        self._stopping = True
        return batch

    def _commit(self, entries: Sequence[Encoded]) -> Sequence[Result | AuditUnavailable]:
        try:
            return self._file.commit(entries)
        except AuditUnavailable as error:
            failure = error
        except Exception as error:  # noqa: BLE001 # boundary: a bug in here must deny, not leave callers waiting
            failure = AuditUnavailable(f"writing the audit log failed: {type(error).__name__}")
            failure.__cause__ = error
        return [_copy(failure) for _ in entries]


def _copy(error: AuditUnavailable) -> AuditUnavailable:
    """Each caller gets an error of its own: the engine hangs the caller's conversation on it."""
    copy = type(error)(str(error))
    copy.__cause__ = error.__cause__
    return copy


def _wake(batch: Sequence[Pending], results: Sequence[Result | AuditUnavailable]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Pending, Result | AuditUnavailable]]] = {}
    for pending, result in zip(batch, results, strict=True):
        by_loop.setdefault(pending.loop, []).append((pending, result))
    for loop, settled in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits there
            loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: Sequence[tuple[Pending, Result | AuditUnavailable]]) -> None:
    for pending, result in settled:
        pending.settle(result)
