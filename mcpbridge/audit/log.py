"""The audit log on disk: an `AuditSink` whose records are durable when `append` returns."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mcpbridge.audit.anchors import Anchor, Anchoring, outside
from mcpbridge.audit.bulk import large
from mcpbridge.audit.callers import Callers
from mcpbridge.audit.committer import Committer
from mcpbridge.audit.deadlines import Deadlines
from mcpbridge.audit.declared import DeclaredSecrets
from mcpbridge.audit.disk import Disk, SystemDisk, make_directory
from mcpbridge.audit.encode import Encoder
from mcpbridge.audit.encoded import Encoded
from mcpbridge.audit.keeping import Keeping
from mcpbridge.audit.keys import KeySources, open_keys
from mcpbridge.audit.lock import ProcessLock
from mcpbridge.audit.logfile import LOCK_NAME, LogFile
from mcpbridge.audit.masked import mask_of
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.redact import Redactor
from mcpbridge.audit.seal import Rhythm
from mcpbridge.audit.waking import NOTHING, Pending, wake
from mcpbridge.core.quota import Quota, QuotaFull
from mcpbridge.core.secret import Mask
from mcpbridge.errors import AuditUnavailable, UsageError
from mcpbridge.ports import Clock, Record

_LAST_ANCHORS: Final = 5.0
"""Seconds that closing waits for anchors."""


class AuditLog:
    """Fails closed: whatever goes wrong, `append` raises AuditUnavailable and nothing takes effect.

    Several processes may have one log open. A record is complete and durable in the file, or it is not
    there. One exception, which a crash makes as well: a caller that stopped waiting (deadline, cancellation)
    while its record was being written may find it in the log. A record still in the queue at that moment is
    dropped, unless its phase is `post`: what happened is written down even late.
    """

    def __init__(
        self,
        file: LogFile,
        encoder: Encoder,
        *,
        path: Path,
        write_deadline: float,
        anchors: Sequence[Anchor] = (),
    ) -> None:
        """Use `open`."""
        self.path = path
        self._encoder, self._deadline = encoder, write_deadline
        self._anchoring = Anchoring(anchors, path, tell=self._anchor_told)
        file.on_checkpoint = self._anchoring.offer
        self._committer = Committer(file)
        self._encoding = ThreadPoolExecutor(1, thread_name_prefix="mcpbridge-audit-encode")
        """For large records; its thread is started by the first."""
        self._process = os.getpid()
        self._closed = False
        self._ending: Future[bool] | None = None
        self._callers: dict[asyncio.AbstractEventLoop, Callers] = {}

    @classmethod
    def open(
        cls,
        directory: str | Path,
        *,
        mask: Mask | None = None,
        levels: Mapping[str, str] | None = None,
        allow_full: bool = False,
        secrets: Iterable[DeclaredSecrets] = (),
        recipients: Iterable[str] = (),
        clock: Clock | None = None,
        write_deadline: float = 10.0,
        disk: Disk | None = None,
        keys: KeySources | None = None,
        rhythm: Rhythm | None = None,
        anchors: Sequence[Anchor] = (),
    ) -> Self:
        """Open or create the log in `directory`; blocks for a few syncs, whatever the log's length.

        `levels` maps `label.tool` patterns to `none`, `metadata`, `arguments` (the default), `sealed` (needs
        `recipients`, age public keys, and the extra of that name) or `full` (needs `allow_full`); the first
        that fits wins. `mask` hides credentials that you know, `secrets` are fields of arguments that are
        never kept in clear. `write_deadline` is in seconds, also for the lock here. `rhythm` says how often
        the log is sealed and how large its files grow; no caller waits for the `anchors`.

        What a crash left after the last checkpoint is repaired and recorded. Raises AuditCorrupt where no
        crash explains what is there, AuditUnavailable when the log or one of its keys cannot be had, and
        UsageError for a mask, level or recipient that is none or not allowed, or an anchor in the log.
        """
        port, path = disk or SystemDisk(), Path(directory)
        anchors, mask = outside(anchors, path), mask_of(mask)
        keeping = Keeping.of(levels=levels, allow_full=allow_full, secrets=secrets, recipients=recipients)
        try:
            make_directory(path, port)
            lock = ProcessLock(path / LOCK_NAME)
            try:
                with _locked(lock, path, write_deadline):
                    own = open_keys(path, port, keys)
                    redactor = Redactor(own.hmac_key)
                    encoder = Encoder(mask=mask, keeping=keeping, redactor=redactor, clock=clock)
                    file = LogFile(path, disk=port, lock=lock, encoder=encoder, keys=own, rhythm=rhythm)
            except BaseException:  # boundary: whatever went wrong, the lock is let go
                lock.close()
                raise
        except OSError as error:
            raise _unopened(path, error.strerror or error) from error
        try:
            return cls(file, encoder, path=path, write_deadline=write_deadline, anchors=anchors)
        except RuntimeError as error:  # no more threads to be had
            file.close()
            raise _unopened(path, error) from error

    def keeps_results(self, tool: str) -> bool:
        """Whether results of `label.tool` are kept whole (level `full`)."""
        return self._encoder.keeps_results(tool)

    async def append(self, record: Record) -> int:
        """Write one record; returns its sequence number once it is durable.

        Raises AuditUnavailable (after `write_deadline` seconds without progress at the latest), or
        AlreadyDecided when some record of the log carries the same `decision_key`, or QuotaFull when one of
        its `quotas` permits no further use. The first key that may be older than this process (and the first
        quota) has the whole log searched, step by step; other records do not wait for that. Raises UsageError
        for a checkpoint: those are the log's own.
        """
        if record.type == RecordType.CHECKPOINT:
            raise UsageError("an audit log writes its checkpoints itself; append a record of another type")
        keep = record.phase == "post"
        if large(record):
            return await self._submit(record, keep=keep)
        return await self._submit(self._encoder.encode(record), keep=keep)

    async def _submit(self, given: Encoded | Record, *, keep: bool) -> int:
        if self._closed or os.getpid() != self._process:
            state = "closed" if self._closed else "open in the parent process only"
            raise AuditUnavailable(f"the audit log in {self.path} is {state}; open it again")
        loop = asyncio.get_running_loop()
        callers = self._callers.get(loop) or self._enter(loop)
        if isinstance(given, Encoded):
            pending = Pending(given, callers, keep=keep)
            callers.gather(pending)
        else:  # a megabyte of odd values takes a third of a second: nobody else waits for that
            pending = Pending(NOTHING, callers, keep=keep)
            self._start_encoding(pending, given)
            callers.deadlines.add(pending)
        assert pending.future is not None  # it has callers
        try:
            return await pending.future
        except asyncio.CancelledError:
            callers.deadlines.remove(pending)
            callers.hand_over()  # the loop may end with this pass, and what happened is written down even so
            raise

    def _start_encoding(self, pending: Pending, record: Record) -> None:
        try:
            self._encoding.submit(self._encode, pending, record)
        except RuntimeError as error:  # closed meanwhile by another thread, or no more threads to be had
            assert pending.future is not None
            pending.future.cancel()  # it is in the queue all the same, and the next one may start the thread
            refused = AuditUnavailable(f"the audit record cannot be encoded: {error}")
            refused.maybe_written = pending.keep
            raise refused from error

    def _encode(self, pending: Pending, record: Record) -> None:
        """In a thread of its own."""
        try:
            pending.entry = self._encoder.encode(record)
        except Exception as error:  # noqa: BLE001 # boundary: a bug in here must deny, not leave the caller waiting
            failed = AuditUnavailable(f"encoding the audit record failed: {type(error).__name__}")
            wake([pending], [failed])
            return
        self._committer.submit([pending])

    async def against(self, quotas: Sequence[Quota]) -> QuotaFull | None:
        """What stands against one more use of `quotas`, by all that any process wrote here until now."""
        if not quotas:
            return None
        probe = self._encoder.encode(Record(type="probe", quotas=tuple(quotas)))._replace(probe=True)
        try:
            await self._submit(probe, keep=False)
        except QuotaFull as refusal:
            return refusal
        return None

    def _enter(self, loop: asyncio.AbstractEventLoop) -> Callers:
        """The first caller of a loop; loops that are gone are forgotten."""
        callers = Callers(loop, Deadlines(loop, self._deadline, self._late), self._committer.submit)
        self._callers = {
            **{old: each for old, each in self._callers.items() if not old.is_closed()},
            loop: callers,
        }
        return callers

    def _late(self) -> AuditUnavailable:
        late = AuditUnavailable(
            f"the audit record was not durable after {self._deadline:g} s (disk or file lock hangs)"
        )
        late.maybe_written = True
        return late

    def _anchor_told(self, anchor: str, problem: str) -> None:
        """In an anchor's thread: it began to fail, or works again."""
        kind = RecordType.ANCHOR_FAILED if problem else RecordType.ANCHOR_RESTORED
        fields = {"anchor": anchor, **({"reason": problem} if problem else {})}
        entry = self._encoder.encode(Record(type=kind, fields=fields))
        self._committer.submit([Pending(entry, None, keep=True)])

    async def close(self) -> None:
        """Wait until what was appended is durable and sealed, then let go of the file. Twice is fine.

        Anchors have a moment to take the last checkpoint; one that does not is behind, which `verify` says.
        A cancellation waits for the end, and then goes on; a second one does not wait, and closing goes on.
        """
        if self._ending is None:
            self._closed = True
            for callers in self._callers.values():
                callers.hand_over()
            self._ending = self._end_in_a_thread()
        try:
            stopped = await _to_its_end(self._ending)
        finally:
            if own := self._callers.get(asyncio.get_running_loop()):
                own.deadlines.stop()
        if not stopped:
            raise AuditUnavailable(
                f"the audit log in {self.path} did not close within {self._deadline:g} s (disk or file lock "
                "hangs); its last records may be missing"
            )

    def _end_in_a_thread(self) -> Future[bool]:
        """Of no event loop, which may end first; the process waits for it before it ends."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="mcpbridge-audit-close")
        try:
            return thread.submit(self._end)
        finally:
            thread.shutdown(wait=False)

    def _end(self) -> bool:
        """Whether all was written, sealed and let go of in time."""
        self._encoding.shutdown()
        stopped = self._committer.stop(self._deadline)
        self._anchoring.close(min(self._deadline, _LAST_ANCHORS))
        return stopped

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _unopened(path: Path, why: object) -> AuditUnavailable:
    return AuditUnavailable(f"the audit log in {path} cannot be opened: {why}")


async def _to_its_end(ending: Future[bool]) -> bool:
    waiting = asyncio.wrap_future(ending)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        await waiting
        raise


@contextmanager
def _locked(lock: ProcessLock, path: Path, seconds: float) -> Generator[None]:
    if not lock.acquire_within(seconds):
        raise AuditUnavailable(f"another process holds the audit log in {path} for more than {seconds:g} s")
    try:
        yield
    finally:
        lock.release()
