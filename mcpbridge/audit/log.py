"""The audit log on disk: an `AuditSink` whose records are durable when `append` returns."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from mcpbridge.audit.committer import Committer, Pending
from mcpbridge.audit.disk import Disk, SystemDisk, make_directory
from mcpbridge.audit.encode import Encoded, Encoder
from mcpbridge.audit.keys import load_key
from mcpbridge.audit.levels import Levels
from mcpbridge.audit.lock import ProcessLock
from mcpbridge.audit.logfile import LOCK_NAME, LogFile
from mcpbridge.audit.redact import Redactor
from mcpbridge.core.quota import Quota, QuotaFull
from mcpbridge.core.secret import Mask
from mcpbridge.errors import AuditUnavailable
from mcpbridge.ports import Clock, Record


class AuditLog:
    """Fails closed: whatever goes wrong, `append` raises AuditUnavailable and nothing takes effect.

    Several processes may have one log open. A record is complete and durable in the file, or it is not
    there. One exception, which a crash makes as well: a caller that stopped waiting (deadline, cancellation)
    while its record was being written may find it in the log. A record still in the queue at that moment is
    dropped, unless its phase is `post`: what happened is written down even late.
    """

    def __init__(self, file: LogFile, encoder: Encoder, *, path: Path, write_deadline: float) -> None:
        """Use `open`."""
        self.path = path
        self._encoder, self._deadline = encoder, write_deadline
        self._committer = Committer(file)
        self._process = os.getpid()
        self._closed = False

    @classmethod
    def open(
        cls,
        directory: str | Path,
        *,
        mask: Mask,
        levels: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        write_deadline: float = 10.0,
        disk: Disk | None = None,
    ) -> Self:
        """Open or create the log in `directory`; blocks for a few syncs, whatever the log's length.

        `levels` maps `label.tool` patterns to `none`, `metadata` or `arguments` (the default); the first
        that fits wins. `write_deadline` is in seconds, also for the lock here. A torn tail is cut off and
        recorded. Raises AuditCorrupt when the last whole line is broken, AuditUnavailable when the log
        cannot be had, UsageError for a level that does not exist.
        """
        chosen, port, path = Levels(levels), disk or SystemDisk(), Path(directory)
        try:
            make_directory(path, port)
            lock = ProcessLock(path / LOCK_NAME)
            try:
                with _locked(lock, path, write_deadline):
                    redactor = Redactor(load_key(path, port))
                    encoder = Encoder(mask=mask, levels=chosen, redactor=redactor, clock=clock)
                    file = LogFile(path, disk=port, lock=lock, encoder=encoder)
            except BaseException:  # boundary: whatever went wrong, the lock is let go
                lock.close()
                raise
        except OSError as error:
            raise AuditUnavailable(
                f"the audit log in {path} cannot be opened: {error.strerror or error}"
            ) from error
        return cls(file, encoder, path=path, write_deadline=write_deadline)

    async def append(self, record: Record) -> int:
        """Write one record; returns its sequence number once it is durable.

        Raises AuditUnavailable (after `write_deadline` seconds without progress at the latest), or
        AlreadyDecided when some record of the log carries the same `decision_key`, or QuotaFull when one of
        its `quotas` permits no further use. The first key that may be older than this process (and the first
        quota) has the whole log searched, step by step; other records do not wait for that.
        """
        return await self._submit(self._encoder.encode(record), keep=record.phase == "post")

    async def _submit(self, entry: Encoded, *, keep: bool) -> int:
        if self._closed or os.getpid() != self._process:
            state = "closed" if self._closed else "open in the parent process only"
            raise AuditUnavailable(f"the audit log in {self.path} is {state}; open it again")
        pending = Pending(entry, asyncio.get_running_loop(), keep=keep)
        self._watch(pending)
        self._committer.submit(pending)
        try:
            return await pending.future
        finally:
            if pending.timer:
                pending.timer.cancel()

    async def against(self, quotas: Sequence[Quota]) -> QuotaFull | None:
        """What stands against one more use of `quotas`, by all that any process wrote here until now."""
        if not quotas:
            return None
        probe = replace(self._encoder.encode(Record(type="probe", quotas=tuple(quotas))), probe=True)
        try:
            await self._submit(probe, keep=False)
        except QuotaFull as refusal:
            return refusal
        return None

    def _watch(self, pending: Pending) -> None:
        pending.timer = pending.loop.call_later(self._deadline, self._expire, pending, pending.progress)

    def _expire(self, pending: Pending, progress: int) -> None:
        if pending.progress != progress and not pending.future.done():
            self._watch(pending)  # the search for earlier decisions in a long log gets on
            return
        late = AuditUnavailable(
            f"the audit record was not durable after {self._deadline:g} s (disk or file lock hangs)"
        )
        late.maybe_written = True
        pending.settle(late)

    async def close(self) -> None:
        """Wait until what was appended is durable, then let go of the file. More than once is fine."""
        if self._closed:
            return
        self._closed = True
        if not await asyncio.to_thread(self._committer.stop, self._deadline):
            raise AuditUnavailable(
                f"the audit log in {self.path} did not close within {self._deadline:g} s (disk or file lock "
                "hangs); its last records may be missing"
            )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


@contextmanager
def _locked(lock: ProcessLock, path: Path, seconds: float) -> Generator[None]:
    if not lock.acquire_within(seconds):
        raise AuditUnavailable(f"another process holds the audit log in {path} for more than {seconds:g} s")
    try:
        yield
    finally:
        lock.release()
