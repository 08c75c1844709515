"""The log on disk: one batch of lines at a time, under the lock, durable when `commit` returns.

    lock · catch up with other processes · chain · one write · unlock · sync

The sync comes after the unlock, so that another process can write while this one waits for the disk. That is
safe: lines of others that ours build on are in the same file, and our sync covers them too. A checkpoint is
written only once everything before it is durable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from mcpbridge.audit.active import ActiveSegment, unavailable
from mcpbridge.audit.blobs import Blob, BlobStore
from mcpbridge.audit.chain import chained, leaf_hash, line_hash, link_of
from mcpbridge.audit.disk import Disk, open_log, read_at
from mcpbridge.audit.encode import Encoder
from mcpbridge.audit.encoded import Encoded
from mcpbridge.audit.history import History
from mcpbridge.audit.keys import LogKeys
from mcpbridge.audit.lock import ProcessLock
from mcpbridge.audit.opening import find_end, last_seal_in, sealed_by
from mcpbridge.audit.places import Places
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.seal import Rhythm, Seal
from mcpbridge.audit.segments import closed_segments, first_of
from mcpbridge.audit.tail import Tail, closing, line_at, whole_lines
from mcpbridge.audit.waking import Result
from mcpbridge.errors import AuditCorrupt, AuditUnavailable
from mcpbridge.ports import Record

LOCK_NAME: Final = "audit.lock"


class LogFile:
    """Used by one thread at a time; many processes may each have one on the same log."""

    def __init__(
        self,
        directory: Path,
        *,
        disk: Disk,
        lock: ProcessLock,
        encoder: Encoder,
        keys: LogKeys,
        rhythm: Rhythm | None = None,
    ) -> None:
        """Open the file, find its end and repair it. Call it under `lock`, which then belongs to the file."""
        self._directory, self._disk, self._lock, self._encoder = directory, disk, lock, encoder
        self._keys, self._rhythm = keys, rhythm or Rhythm()
        self.on_checkpoint: Callable[[str], None] | None = None
        """Told each signed checkpoint of ours once it is durable; it must not block."""
        self._blobs = BlobStore(directory, disk)
        self._refusal: AuditUnavailable | None = None
        self._owed: list[Encoded] = []
        """Records of repairs that are not written yet. What they are about is cut off already."""
        self._unsigned = False
        """Whether the last checkpoint could not be signed: its key is gone."""
        self._rotate_at = self._rhythm.segment_bytes
        self._active = ActiveSegment(directory, disk)
        try:
            self._open()
        except BaseException:  # boundary: whatever went wrong, the file is closed
            self._active.close()
            raise

    def _open(self) -> None:
        closed = closed_segments(self._directory)
        size = self._active.size() or 0
        found = find_end(closed, self._active.fd, size, str(self._active.path))
        self._active.tail = found.tail
        self._places = Places(closed)
        self._history = History(self._places, self._places.active + found.tail.end)
        self._seal = Seal(found.sealed, found.tree, found.tail, self._rhythm)
        if found.damaged:
            self._repair(size)
        if self._append(self._catch_up())[1]:
            self._active.sync()

    def close(self) -> None:
        self._active.close()
        self._lock.close()

    @property
    def tail(self) -> Tail:
        return self._active.tail

    def commit(self, batch: Sequence[Encoded]) -> list[Result]:
        """Chain and write a batch; returns once it is durable.

        Raises AuditUnavailable when it is not: then every record of the batch was refused.
        """
        self._check()
        blobs = self._stored_blobs(batch)
        if any(entry.search for entry in batch):
            self._history.wanted = True  # before the lines of others are followed
        written = False
        try:
            with self._lock:
                recovery = self._catch_up()
                if self._unsigned:  # a log that nobody can seal takes no more records
                    self._keys.signer()
                self._blobs.ensure(blobs)
                self._rotate()
                results, written = self._append([*recovery, *batch])
        except OSError as error:
            unreachable = unavailable("the audit log cannot be reached", error)
            unreachable.maybe_written = written
            raise unreachable from error
        if written:
            self._active.sync()
        return results[len(recovery) :]

    def _stored_blobs(self, batch: Sequence[Encoded]) -> list[Blob]:
        blobs = [blob for entry in batch for blob in entry.blobs]
        try:
            self._blobs.store(blobs)
        except OSError as error:
            raise unavailable("a text that the record refers to cannot be stored", error) from error
        return blobs

    def until_checkpoint(self) -> float | None:
        """Seconds until a checkpoint is due; None while there is nothing to seal."""
        return self._seal.until(self.tail.seq)

    def postpone_checkpoint(self) -> None:
        """The last try failed; try again a little later."""
        self._seal.postpone()

    def checkpoint(self, *, last: bool = False) -> None:
        """Seal every line so far, if that is due, or if this is the `last` call. Raises AuditUnavailable,
        OSError."""
        self._check()
        self._seal.advance(self._active.fd, self.tail.end)
        with self._lock:
            self._append(self._catch_up())
            due = self._seal.until(self.tail.seq)
            if due is None or (due and not last):  # another process was here first
                return
            if self._active.synced < self.tail.end:
                self._active.sync()
            note = self._write_checkpoint()
        self._active.sync()
        if self.on_checkpoint:
            self.on_checkpoint(note)

    def _write_checkpoint(self) -> str:
        self._seal.advance(self._active.fd, self.tail.end)
        self._unsigned = True
        note, body = self._seal.signed(self._keys, self._encoder)
        self._unsigned = False
        seq = self.tail.seq + 1
        line = chained(seq, self.tail.prev, body)
        self._active.write(line + b"\n", seq, line_hash(line))
        if found := sealed_by(line):
            self._seal.follow(found, self.tail.end)
        return note

    @property
    def searched(self) -> bool:
        """Whether the decisions of the whole log are known."""
        return self._history.searched

    def search(self) -> None:
        """Take one step through the lines that were there at the opening. Raises AuditUnavailable."""
        self._check()
        try:
            self._history.search(self._active.fd)
        except OSError as error:
            raise unavailable("the audit log cannot be read", error) from error

    def _check(self) -> None:
        if self._refusal:
            raise type(self._refusal)(str(self._refusal))

    def _rotate(self) -> None:
        """Begin a new segment when this one is full. Its first line is a checkpoint: the head of the one
        before. Where the file cannot be renamed (Windows, while others have it open) the segment grows on."""
        if self.tail.end < self._rotate_at:
            return
        if self._active.synced < self.tail.end:
            self._active.sync()
        self._seal.advance(self._active.fd, self.tail.end)
        size = self.tail.end
        link = link_of(line_at(self._active.fd, 0, size))
        try:
            closed = self._active.rotate(link[1] if link else 1)
        except PermissionError:
            self._rotate_at = size + self._rhythm.segment_bytes // 8
            return
        self._begin_segment(closed, size)
        self._write_checkpoint()

    def _begin_segment(self, closed: Path, size: int) -> None:
        self._places.close(closed, size)
        self._seal.next_segment()
        self._rotate_at = self._rhythm.segment_bytes

    def _catch_up(self) -> list[Encoded]:
        """Follow what other processes wrote. A torn tail is cut off. Returns the records to write of that."""
        size = self._active.size()
        if size is None:
            size = self._reopened()
        if size == self.tail.end:
            pass
        elif size < self.tail.end:
            raise self._refuse(AuditCorrupt(f"{self._active.path} has lost lines that were written before"))
        else:
            for lines in whole_lines(self._active.fd, self.tail.end, size):
                self._follow(lines)
            if size > self.tail.end:
                self._repair(size)
        if self._active.poisoned:
            self._active.renew()
        return list(self._owed)

    def _repair(self, size: int) -> None:
        """Cut off what follows the tail: it was never acknowledged. It is kept as a text of the record."""
        end = self.tail.end
        torn = read_at(self._active.fd, end, size - end)
        fields = {"removed_bytes": len(torn), "removed_sha256": hashlib.sha256(torn).hexdigest()}
        text = torn.decode("utf-8", "backslashreplace")
        entry = self._encoder.encode(Record(type=RecordType.RECOVERY, fields=fields, blobs=(text,)))
        self._blobs.store(entry.blobs)
        self._disk.truncate(self._active.fd, end)
        self._owed.append(entry)

    def _reopened(self) -> int:
        """`audit.jsonl` is another file: a process began a new segment, or replaced one whose sync failed.
        One that was moved or deleted would swallow records that nobody finds again. The new file's size."""
        newer = closed_segments(self._directory)
        mine = next((at for at, path in enumerate(newer) if self._active.is_at(path)), None)
        if mine is None:
            if not self._active.path.exists() or not self._active.adopt():
                message = f"{self._active.path} was moved or deleted while it was open; open the log again"
                raise self._refuse(AuditUnavailable(message))
            return self._active.size() or 0
        for path in newer[mine:]:
            if first_of(path) > self.tail.seq:
                self._active.tail = self.tail._replace(end=0)
            with closing(open_log(path, write=False)) as fd:
                size = path.stat().st_size
                for lines in whole_lines(fd, self.tail.end, size):
                    self._follow(lines)
                self._seal.advance(fd, size)
            self._begin_segment(path, size)
        self._active.next_file()
        return self._active.size() or 0

    def _follow(self, lines: bytes) -> None:
        """Move the tail behind whole lines that another process wrote."""
        end, seq, prev = self.tail
        first, last = lines[: lines.find(b"\n")], lines[lines.rfind(b"\n", 0, -1) + 1 : -1]
        begin, finish = link_of(first), link_of(last)
        count = lines.count(b"\n")
        if begin != (prev, seq + 1) or finish is None or finish[1] != seq + count:
            raise self._refuse(
                AuditCorrupt(
                    f"something else writes to {self._active.path}; see what `mcpbridge audit verify` says"
                )
            )
        self._history.follow(lines, self._places.active + end)
        self._active.tail = Tail(end + len(lines), seq + count, line_hash(last))
        if found := last_seal_in(lines):
            self._seal.follow(found[1], end + found[0])

    def _append(self, batch: Sequence[Encoded]) -> tuple[list[Result], bool]:
        """Chain and write; the results, and whether anything was written."""
        begin, seq, prev = self.tail
        first, end = self._places.active, begin
        lines: list[bytes] = []
        leaves: list[bytes] = []
        results: list[Result] = []
        used: list[Encoded] = []
        decided: dict[str, tuple[int, str]] = {}
        places: list[tuple[str, int]] = []
        for entry in batch:
            refusal = self._history.refused(entry, decided, fd=self._active.fd, end=first + begin)
            if refusal is not None or entry.probe:
                results.append(refusal or seq)
                continue
            if entry.quotas or entry.freed:
                self._history.use(entry)
                used.append(entry)
            seq += 1
            if entry.decision_key is not None:
                for key in entry.keys:
                    decided[key] = seq, entry.outcome
                places.append((entry.decision_key, first + end))
            line = chained(seq, prev, entry.body)
            leaf = leaf_hash(line)
            prev = leaf.hex()
            end += len(line) + 1
            lines.append(line)
            leaves.append(leaf)
            results.append(seq)
        if not lines:
            return results, False
        try:
            self._active.write(b"\n".join([*lines, b""]), seq, prev)
        except AuditUnavailable:
            self._history.unuse(used)
            raise
        self._owed.clear()  # they come with every batch
        self._seal.wrote(begin, end, leaves)
        self._history.decided(places)
        return results, True

    def _refuse(self, error: AuditUnavailable) -> AuditUnavailable:
        """Remember why nothing more is written here."""
        self._refusal = error
        return error
