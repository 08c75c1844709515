"""The log's file: one batch of lines at a time, under the lock, durable when `commit` returns.

    lock · catch up with other processes · chain · one write · unlock · sync

The sync comes after the unlock, so that another process can write while this one waits for the disk. That is
safe: lines of others that ours build on are in the same file, and our sync covers them too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mcpbridge.audit.blobs import BlobStore
from mcpbridge.audit.chain import chained, line_hash, link_of
from mcpbridge.audit.decided import DecisionIndex
from mcpbridge.audit.disk import Disk, open_log, read_at
from mcpbridge.audit.encode import Encoded, Encoder
from mcpbridge.audit.lock import ProcessLock
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.tail import Tail, find_tail, whole_lines
from mcpbridge.errors import AlreadyDecided, AuditCorrupt, AuditUnavailable
from mcpbridge.ports import Record

LOG_NAME: Final = "audit.jsonl"
LOCK_NAME: Final = "audit.lock"

Result = int | AlreadyDecided
"""A record's sequence number, or why it was not written."""


class LogFile:
    """Used by one thread at a time; many processes may each have one on the same log."""

    def __init__(self, directory: Path, *, disk: Disk, lock: ProcessLock, encoder: Encoder) -> None:
        """Open the file, find its end and repair it. Call it under `lock`, which then belongs to the file."""
        self._path = directory / LOG_NAME
        self._disk, self._lock, self._encoder = disk, lock, encoder
        self._blobs = BlobStore(directory, disk)
        self._index: DecisionIndex | None = None
        self._refusal: AuditUnavailable | None = None
        self._fd = open_log(self._path, write=True)
        try:
            found = os.fstat(self._fd)
            self._identity = (found.st_dev, found.st_ino)
            self._tail = find_tail(self._fd, found.st_size, str(self._path))
            if not found.st_size:
                disk.sync_directory(directory)
            if self._append(self._catch_up())[1]:
                self._sync()
        except BaseException:
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
        self._read_ahead(batch)
        try:
            with self._lock:
                recovery = self._catch_up()
                results, written = self._append([*recovery, *batch])
        except OSError as error:
            raise _unavailable("the audit log cannot be reached", error) from error
        if written:
            self._sync()
        return results[len(recovery) :]

    def _store_blobs(self, batch: Sequence[Encoded]) -> None:
        try:
            self._blobs.store(blob for entry in batch for blob in entry.blobs)
        except OSError as error:
            raise _unavailable("a text that the record refers to cannot be stored", error) from error

    def _read_ahead(self, batch: Sequence[Encoded]) -> None:
        """Build the index of decisions when it is first needed, before the lock is taken."""
        if self._index is not None or all(entry.decision_key is None for entry in batch):
            return
        index = DecisionIndex()
        try:
            for lines in whole_lines(self._fd, 0, self._tail.end):
                index.scan(lines)
        except OSError as error:
            raise _unavailable("the audit log cannot be read", error) from error
        self._index = index

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
        if self._index:
            self._index.scan(lines)
        self._tail = Tail(self._tail.end + len(lines), seq, line_hash(last))

    def _append(self, batch: Sequence[Encoded]) -> tuple[list[Result], bool]:
        """Chain and write; the results, and whether anything was written."""
        _, seq, prev = self._tail
        lines: list[bytes] = []
        results: list[Result] = []
        decided = DecisionIndex()
        for entry in batch:
            key = entry.decision_key
            before = (decided.get(key) or self._decided(key)) if key is not None else None
            if before:
                results.append(AlreadyDecided(entry.request_id or str(key), seq=before[0], outcome=before[1]))
                continue
            seq += 1
            if key is not None:
                decided.add(key, seq, entry.outcome)
            line = chained(seq, prev, entry.body)
            prev = line_hash(line)
            lines.append(line)
            results.append(seq)
        if lines:
            self._write(b"\n".join(lines) + b"\n", seq, prev)
            if self._index:
                self._index.update(decided)
        return results, bool(lines)

    def _decided(self, key: str) -> tuple[int, str] | None:
        return self._index.get(key) if self._index else None

    def _write(self, data: bytes, seq: int, prev: str) -> None:
        try:
            written = self._disk.write(self._fd, data)
        except OSError as error:
            self._roll_back()
            raise _unavailable("the audit record cannot be written", error) from error
        if written != len(data):
            self._roll_back()
            raise AuditUnavailable(
                f"the disk took only {written} of {len(data)} bytes of the audit record (disk full, quota or "
                "file size limit?); free some space and try again"
            )
        self._tail = Tail(self._tail.end + len(data), seq, prev)

    def _roll_back(self) -> None:
        """Cut a partial write off. Where even that fails, the next opening repairs it."""
        try:
            self._disk.truncate(self._fd, self._tail.end)
        except OSError as error:
            self._refuse(_unavailable("a partial write to the audit log cannot be undone", error))

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
            raise self._refuse(unsafe) from error

    def _refuse(self, error: AuditUnavailable) -> AuditUnavailable:
        """Remember why nothing more is written here."""
        self._refusal = error
        return error


def _unavailable(what: str, error: OSError) -> AuditUnavailable:
    return AuditUnavailable(f"{what}: {error.strerror or error}")
