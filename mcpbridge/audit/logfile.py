"""The log's file: one batch of lines at a time, under the lock, durable when `commit` returns.

    lock · catch up with other processes · chain · one write · unlock · sync

The sync comes after the unlock, so that another process can write while this one waits for the disk. That is
safe: lines of others that ours build on are in the same file, and our sync covers them too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from mcpbridge.audit.blobs import BlobStore
from mcpbridge.audit.chain import chained, line_hash, link_of
from mcpbridge.audit.decided import DecisionIndex, decision_of
from mcpbridge.audit.disk import Disk, open_log, read_at
from mcpbridge.audit.encode import Encoded, Encoder
from mcpbridge.audit.lock import ProcessLock
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.tail import BLOCK, Tail, find_tail, line_at, whole_lines
from mcpbridge.audit.uses import Uses
from mcpbridge.core.quota import QuotaFull
from mcpbridge.errors import AlreadyDecided, AuditCorrupt, AuditUnavailable
from mcpbridge.ports import Record

LOG_NAME: Final = "audit.jsonl"
LOCK_NAME: Final = "audit.lock"

_STEP: Final = 16 * BLOCK
"""Bytes that one step of the search for earlier decisions looks at: some 30 ms."""

Result = int | AlreadyDecided | QuotaFull
"""A record's sequence number, or why it was not written."""


class LogFile:
    """Used by one thread at a time; many processes may each have one on the same log."""

    def __init__(self, directory: Path, *, disk: Disk, lock: ProcessLock, encoder: Encoder) -> None:
        """Open the file, find its end and repair it. Call it under `lock`, which then belongs to the file."""
        self._path = directory / LOG_NAME
        self._disk, self._lock, self._encoder = disk, lock, encoder
        self._blobs = BlobStore(directory, disk)
        self._index = DecisionIndex()
        """Has the decisions of all lines after the log's end at its opening, and of those searched so far."""
        self._uses = Uses()
        """The same, of uses."""
        self._searched = 0
        self._refusal: AuditUnavailable | None = None
        self._fd = open_log(self._path, write=True)
        try:
            found = os.fstat(self._fd)
            self._identity = (found.st_dev, found.st_ino)
            self._tail = find_tail(self._fd, found.st_size, str(self._path))
            self._search_end = self._tail.end
            if not found.st_size:
                disk.sync_directory(directory)
            if self._append(self._catch_up())[1]:
                self._sync()
        except BaseException:  # boundary: whatever went wrong, the file is closed
            os.close(self._fd)
            raise

    def close(self) -> None:
        os.close(self._fd)
        self._lock.close()

    def commit(self, batch: Sequence[Encoded]) -> list[Result]:
        """Chain and write a batch; returns once it is durable.

        Raises AuditUnavailable when it is not: then every record of the batch was refused.
        """
        if self._refusal:
            raise type(self._refusal)(str(self._refusal))
        self._store_blobs(batch)
        written = False
        try:
            with self._lock:
                recovery = self._catch_up()
                results, written = self._append([*recovery, *batch])
        except OSError as error:
            unreachable = _unavailable("the audit log cannot be reached", error)
            unreachable.maybe_written = written
            raise unreachable from error
        if written:
            self._sync()
        return results[len(recovery) :]

    def _store_blobs(self, batch: Sequence[Encoded]) -> None:
        try:
            self._blobs.store(blob for entry in batch for blob in entry.blobs)
        except OSError as error:
            raise _unavailable("a text that the record refers to cannot be stored", error) from error

    @property
    def searched(self) -> bool:
        """Whether the decisions of the whole log are known."""
        return self._searched >= self._search_end

    def search(self) -> None:
        """Take one step through the lines that were there at the opening. Raises AuditUnavailable."""
        if self._refusal:
            raise type(self._refusal)(str(self._refusal))
        end = min(self._searched + _STEP, self._search_end)
        before = self._searched
        try:
            for lines in whole_lines(self._fd, self._searched, end):
                self._index.scan(lines, self._searched)
                self._uses.scan(lines, reading=True)
                self._searched += len(lines)
            if self._searched == before:  # a line longer than a step
                line = line_at(self._fd, before, self._search_end) + b"\n"
                self._index.scan(line, before)
                self._uses.scan(line, reading=True)
                self._searched += len(line)
            if self.searched:
                self._uses.whole()
        except OSError as error:
            raise _unavailable("the audit log cannot be read", error) from error

    def _catch_up(self) -> list[Encoded]:
        """Follow what other processes wrote. A torn tail is cut off, and returned as a record to write."""
        self._check_identity()
        size = os.fstat(self._fd).st_size
        if size == self._tail.end:
            return []
        if size < self._tail.end:
            raise self._refuse(AuditCorrupt(f"{self._path} has lost lines that were written before"))
        for lines in whole_lines(self._fd, self._tail.end, size):
            self._follow(lines)
        if size == self._tail.end:
            return []
        torn = read_at(self._fd, self._tail.end, size - self._tail.end)
        self._disk.truncate(self._fd, self._tail.end)
        fields = {"removed_bytes": len(torn), "removed_sha256": hashlib.sha256(torn).hexdigest()}
        return [self._encoder.encode(Record(type=RecordType.RECOVERY, fields=fields))]

    def _check_identity(self) -> None:
        """A log that was moved or deleted while open would swallow records that nobody finds again."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._identity:
            raise self._refuse(
                AuditUnavailable(f"{self._path} was moved or deleted while it was open; open the log again")
            )

    def _follow(self, lines: bytes) -> None:
        """Move the tail behind whole lines that another process wrote."""
        first, last = lines[: lines.find(b"\n")], lines[lines.rfind(b"\n", 0, -1) + 1 : -1]
        begin, finish = link_of(first), link_of(last)
        seq = self._tail.seq + lines.count(b"\n")
        if begin != (self._tail.prev, self._tail.seq + 1) or finish is None or finish[1] != seq:
            raise self._refuse(
                AuditCorrupt(f"something else writes to {self._path}; see what `mcpbridge audit verify` says")
            )
        self._index.scan(lines, self._tail.end)
        self._uses.scan(lines, reading=not self.searched)
        self._tail = Tail(self._tail.end + len(lines), seq, line_hash(last))

    def _append(self, batch: Sequence[Encoded]) -> tuple[list[Result], bool]:
        """Chain and write; the results, and whether anything was written."""
        end, seq, prev = self._tail
        lines: list[bytes] = []
        results: list[Result] = []
        decided: dict[str, tuple[int, str]] = {}
        places: list[tuple[str, int]] = []
        for entry in batch:
            refusal = self._refused(entry, decided)
            if refusal is not None or entry.probe:
                results.append(refusal or seq)
                continue
            self._use(entry)
            seq += 1
            if entry.decision_key is not None:
                decided.update(dict.fromkeys(entry.keys, (seq, entry.outcome)))
                places.append((entry.decision_key, end))
            line = chained(seq, prev, entry.body)
            prev = line_hash(line)
            end += len(line) + 1
            lines.append(line)
            results.append(seq)
        if lines:
            try:
                self._write(b"\n".join(lines) + b"\n", seq, prev)
            except AuditUnavailable:
                self._unuse(
                    entry for entry, result in zip(batch, results, strict=True) if result.__class__ is int
                )
                raise
            for key, offset in places:
                self._index.add(key, offset)
        return results, bool(lines)

    def _refused(
        self, entry: Encoded, batch: dict[str, tuple[int, str]]
    ) -> AlreadyDecided | QuotaFull | None:
        before = self._decided(entry.keys, batch)
        if before:
            return AlreadyDecided(entry.request_id or entry.keys[0], seq=before[0], outcome=before[1])
        return self._uses.against(entry.quotas)

    def _use(self, entry: Encoded) -> None:
        if entry.freed:
            self._uses.free(entry.freed, reading=not self.searched)
        if entry.quotas:
            self._uses.add([quota.key for quota in entry.quotas], entry.use, entry.at)

    def _unuse(self, entries: Iterable[Encoded]) -> None:
        """Their lines do not stand in the log. What they freed stays free: it never had an effect."""
        for entry in entries:
            if entry.quotas and not entry.probe:
                self._uses.free(entry.use)

    def _decided(self, keys: Sequence[str], batch: dict[str, tuple[int, str]]) -> tuple[int, str] | None:
        """The record that carries one of `keys`, in this batch or before."""
        for key in keys:
            if key in batch:
                return batch[key]
            for offset in self._index.offsets(key):
                found, seq, outcome = decision_of(line_at(self._fd, offset, self._tail.end))
                if found == key:
                    return seq, outcome
        return None

    def _write(self, data: bytes, seq: int, prev: str) -> None:
        try:
            written = self._disk.write(self._fd, data)
        except OSError as error:
            failed = _unavailable("the audit record cannot be written", error)
            failed.maybe_written = not self._roll_back()
            raise failed from error
        if written != len(data):
            short = AuditUnavailable(
                f"the disk took only {written} of {len(data)} bytes of the audit record (disk full, quota or "
                "file size limit?); free some space and try again"
            )
            short.maybe_written = not self._roll_back()
            raise short
        self._tail = Tail(self._tail.end + len(data), seq, prev)

    def _roll_back(self) -> bool:
        """Cut a partial write off; whether that worked. Else the next opening repairs it, and keeps whole
        lines."""
        try:
            self._disk.truncate(self._fd, self._tail.end)
        except OSError as error:
            self._refuse(_unavailable("a partial write to the audit log cannot be undone", error))
            return False
        return True

    def _sync(self) -> None:
        try:
            self._disk.sync(self._fd)
        except OSError as error:
            # After a failed fsync the kernel may drop the pages and report success next time.
            unsafe = _unavailable(
                "the disk did not keep what was written to the audit log; nothing more is written to it "
                "until the log is opened again",
                error,
            )
            self._refuse(AuditUnavailable(str(unsafe)))
            unsafe.maybe_written = True  # the lines are in the file, and other processes see them
            raise unsafe from error

    def _refuse(self, error: AuditUnavailable) -> AuditUnavailable:
        """Remember why nothing more is written here."""
        self._refusal = error
        return error


def _unavailable(what: str, error: OSError) -> AuditUnavailable:
    return AuditUnavailable(f"{what}: {error.strerror or error}")
