"""Group commit: many callers wait, one thread writes what has gathered while the disk was busy."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
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
_MAX_BLOBS: Final = 256
"""Each may cost a sync, and all callers of a batch wait for all of them."""


class Pending:
    """A record on its way to the disk, and the caller who waits for it."""

    __slots__ = ("entry", "future", "keep", "loop", "progress", "timer")

    def __init__(self, entry: Encoded, loop: asyncio.AbstractEventLoop, *, keep: bool) -> None:
        self.entry, self.loop, self.keep = entry, loop, keep
        self.future: asyncio.Future[int] = loop.create_future()
        self.timer: asyncio.TimerHandle | None = None
        self.progress = 0
        """Grows while the log is searched for its decision key: that may take long, and nothing hangs."""

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
        self._held: list[Pending] = []
        self._progress = 0
        # A daemon, so that a disk that hangs for ever cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="mcpbridge-audit", daemon=True)
        self._thread.start()

    def submit(self, pending: Pending) -> None:
        self._queue.put(pending)

    def stop(self, seconds: float) -> bool:
        """Write what is waiting, close the file; whether that was done, with never more than `seconds` of
        standstill."""
        self._queue.put(None)
        before = -1
        while self._thread.is_alive() and self._progress != before:
            before = self._progress
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping or self._held:
            waiting = [pending for pending in (*self._held, *self._gather()) if pending.wanted]
            searched = self._file.searched
            self._held = [pending for pending in waiting if pending.entry.search and not searched]
            if batch := [pending for pending in waiting if searched or not pending.entry.search]:
                _wake(batch, self._commit([pending.entry for pending in batch]))
            if self._held:
                self._search()
        self._file.close()

    def _search(self) -> None:
        """One step of the search for earlier decisions. Other records go on between the steps."""
        failure: AuditUnavailable | None = None
        try:
            self._file.search()
        except AuditUnavailable as error:
            failure = error
        except Exception as error:  # noqa: BLE001 # boundary: a bug in here must deny, not leave callers waiting
            failure = _failed("searching", error)
        self._progress += 1
        for pending in self._held:
            pending.progress += 1
        if failure:
            _wake(self._held, [_copy(failure) for _ in self._held])
            self._held = []

    def _gather(self) -> list[Pending]:
        batch: list[Pending] = []
        size = blobs = 0
        if self._held and (self._stopping or self._queue.empty()):
            return batch
        pending = self._queue.get()
        while pending is not None:
            batch.append(pending)
            size += pending.entry.size
            blobs += len(pending.entry.blobs)
            if len(batch) >= _MAX_RECORDS or size >= _MAX_BYTES or blobs >= _MAX_BLOBS:
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
            failure = _failed("writing", error)
            failure.maybe_written = True
        return [_copy(failure) for _ in entries]


def _failed(what: str, error: Exception) -> AuditUnavailable:
    failure = AuditUnavailable(f"{what} the audit log failed: {type(error).__name__}")
    failure.__cause__ = error
    return failure


def _copy(error: AuditUnavailable) -> AuditUnavailable:
    """Each caller gets an error of its own: the engine hangs the caller's conversation on it."""
    copy = type(error)(str(error))
    copy.__cause__ = error.__cause__
    copy.maybe_written = error.maybe_written
    return copy


def _wake(batch: Sequence[Pending], results: Sequence[Result | AuditUnavailable]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Pending, Result | AuditUnavailable]]] = {}
    for pending, result in zip(batch, results, strict=True):
        by_loop.setdefault(pending.loop, []).append((pending, result))
    for loop, settled in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits there
            loop.call_soon_threadsafe(_settle, loop, deque(settled))


def _settle(
    loop: asyncio.AbstractEventLoop, settled: deque[tuple[Pending, Result | AuditUnavailable]]
) -> None:
    """One caller a pass of the loop: they go on computing, and others must have their turn between."""
    pending, result = settled.popleft()
    pending.settle(result)
    if settled:
        loop.call_soon(_settle, loop, settled)
