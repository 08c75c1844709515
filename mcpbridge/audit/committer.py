"""Group commit: many callers wait, one thread writes what has gathered while the disk was busy."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Final

from mcpbridge.audit.encoded import Encoded
from mcpbridge.audit.logfile import LogFile
from mcpbridge.audit.waking import Pending, Result, wake
from mcpbridge.errors import AuditUnavailable

_MAX_RECORDS: Final = 1_024
_MAX_BYTES: Final = 8 << 20
"""One batch is one write and stays in memory until it is durable."""
_MAX_BLOBS: Final = 256
"""Each may cost a sync, and all callers of a batch wait for all of them."""


class Committer:
    """Owns the file from its first record until it is closed."""

    def __init__(self, file: LogFile) -> None:
        self._file = file
        self._queue: SimpleQueue[Sequence[Pending] | None] = SimpleQueue()
        self._next: deque[Pending] = deque()
        """Taken from the queue, and too much for one batch."""
        self._stopping = False
        self._held: list[Pending] = []
        self._progress = 0
        # A daemon, so that a disk that hangs for ever cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="mcpbridge-audit", daemon=True)
        self._thread.start()

    def submit(self, several: Sequence[Pending]) -> None:
        self._queue.put(several)

    def stop(self, seconds: float) -> bool:
        """Write what is waiting, seal and close the file; whether that was done, with never more than
        `seconds` of standstill."""
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
                wake(batch, self._commit([pending.entry for pending in batch]))
            if self._held:
                self._search()
            if self._file.until_checkpoint() == 0:
                self._seal()
        self._seal(last=True)
        self._file.close()

    def _seal(self, *, last: bool = False) -> None:
        """Write a checkpoint. One that cannot be written is due again in a moment; until then the log's end
        is unsealed, which `audit verify` says."""
        try:
            self._file.checkpoint(last=last)
        except Exception:  # noqa: BLE001 # boundary: nobody waits for it, and the next record says what is wrong
            self._file.postpone_checkpoint()

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
            wake(self._held, [_copy(failure) for _ in self._held])
            self._held = []

    def _gather(self) -> list[Pending]:
        """What waits, at least one record; none when a checkpoint is due before one comes."""
        batch: list[Pending] = []
        if self._held and not self._next and (self._stopping or self._queue.empty()):
            return batch
        size = blobs = 0
        while self._next or self._more(wait=not batch):
            pending = self._next.popleft()
            batch.append(pending)
            size += len(pending.entry.body)
            for blob in pending.entry.blobs:
                size += len(blob.data)
                blobs += 1
            if len(batch) >= _MAX_RECORDS or size >= _MAX_BYTES or blobs >= _MAX_BLOBS:
                break
        return batch

    def _more(self, *, wait: bool) -> bool:
        """Whether there is more in the queue."""
        try:
            several = (
                self._queue.get(timeout=self._file.until_checkpoint()) if wait else self._queue.get_nowait()
            )
        except Empty:
            return False
        if several is None:
            self._stopping = True
            return False
        self._next.extend(several)
        return True

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
