"""Removing what is older than it has to be kept: whole closed segments, oldest first, on record.

The record keeps the hash of the last line removed and the Merkle tree's compact range there, so the rest
still proves that it continues what is gone. Texts and keys that only removed records name go with them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mcpbridge.audit.blobs import BUNDLE, FOLDER, KEY_FOLDER, KEY_SUFFIX
from mcpbridge.audit.chain import line_hash, link_of, parsed
from mcpbridge.audit.disk import Disk, SystemDisk, make_directory, open_log, read_at
from mcpbridge.audit.holds import refuse_if_held
from mcpbridge.audit.lock import ProcessLock
from mcpbridge.audit.logfile import LOCK_NAME
from mcpbridge.audit.marked import records_of
from mcpbridge.audit.merkle import CompactRange
from mcpbridge.audit.read import entries, seq_of
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.sealed import sealed_key
from mcpbridge.audit.segments import LOG_NAME, closed_name, closed_segments, segments
from mcpbridge.audit.tail import line_at, whole_lines
from mcpbridge.audit.verifying.start import Start, start_of
from mcpbridge.errors import AuditCorrupt, AuditUnavailable
from mcpbridge.ports import AuditSink, Record

INDEX: Final = "index"
_LOOK: Final = 1 << 16
"""Bytes read from a segment's end first."""
_NEEDLES: Final = (b'"blobs":["', b'"sealed":{"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Segments that go, and where the log begins then."""

    segments: tuple[Path, ...] = ()
    records: int = 0
    size: int = 0
    """Bytes."""
    last_ts: str = ""
    """Time of the last record that goes."""
    files: tuple[str, ...] = ()
    """Texts and keys, below the log's folder, that no other record names."""


def due(directory: Path, *, before: datetime, closing: bool = False) -> tuple[Path, ...]:
    """Closed segments whose last record is older than `before` (aware), from the oldest on without a gap.
    `closing`: the active segment counts as closed."""
    limit = before.astimezone(UTC).isoformat(timespec="microseconds")[:-6]
    found: list[Path] = []
    for path in segments(directory) if closing else closed_segments(directory):
        line = _last_line(path)
        unfinished = not line and path.name == LOG_NAME
        if unfinished or not str((parsed(line) or {}).get("ts", "")) < limit:
            break
        found.append(path)
    return tuple(found)


def planned(directory: Path, *, before: datetime, closing: bool = False) -> Removal:
    """What `retain` would remove. Changes nothing. `closing`: once the active segment is closed, under the
    name that it has then. Raises UsageError and AuditCorrupt as `retain` does, AuditUnavailable."""
    refuse_if_held(directory, "nothing was removed")
    going = due(directory, before=before, closing=closing)
    if not going:
        return Removal()
    gone, listed = _read(directory, going)
    files = _only_theirs(directory, going, gone.names)
    found = _removal(going, listed, files)
    named = (closed_name(one["first_seq"]) if one["file"] == LOG_NAME else one["file"] for one in listed)
    return replace(found, segments=tuple(directory / name for name in named))


def begins(directory: Path) -> datetime | None:
    """When the first record of the active segment was written; None where there is none."""
    try:
        fd = open_log(directory / LOG_NAME, write=False)
    except FileNotFoundError:
        return None
    try:
        record = parsed(line_at(fd, 0, os.fstat(fd).st_size)) or {}
    finally:
        os.close(fd)
    try:
        return datetime.fromisoformat(str(record.get("ts", "")))
    except ValueError:
        return None


def removal_of(directory: Path, seq: int) -> int | None:
    """The number of the record that says that retention removed record `seq`; None where none does."""
    for record in records_of(directory, RecordType.RETENTION_APPLIED):
        last = record.get("last_seq")
        if isinstance(last, int) and last >= seq:
            return seq_of(record)
    return None


async def looked(log: AuditSink, directory: Path, *, before: datetime, by: str) -> None:
    """On record that nothing was old enough. In a log that closes its segment at the next record, this one is
    closed by it."""
    base = start_of(directory)
    fields: dict[str, Any] = {
        "segments": [],
        "last_seq": base.lines,
        "before": before.astimezone(UTC).isoformat(),
        "approver": by,
        "authenticated": False,
    }
    await log.append(Record(type=RecordType.RETENTION_APPLIED, phase="post", fields=fields))


async def retain(
    log: AuditSink,
    directory: Path,
    *,
    before: datetime,
    by: str,
    reason: str = "",
    archive: Path | None = None,
    disk: Disk | None = None,
) -> Removal:
    """Remove what is older than `before`; to `archive`, where that is given. On record before and after.

    Raises UsageError under a legal hold, AuditCorrupt where the segments do not follow each other (a log that
    was tampered with is evidence, and stays), AuditUnavailable.
    """
    refuse_if_held(directory, "nothing was removed")
    going = due(directory, before=before)
    if not going:
        return Removal()
    gone, listed = _read(directory, going)
    fields = {
        "segments": listed,
        "last_seq": gone.tree.size,
        "head": gone.head,
        "range": [peak.hex() for peak in gone.tree.hashes],
        "before": before.astimezone(UTC).isoformat(),
        "archived": archive is not None,
        "approver": by,
        "authenticated": False,
        "reason": reason,
    }
    seq = await log.append(Record(type=RecordType.RETENTION_APPLIED, phase="pre", fields=fields))
    refuse_if_held(directory, "nothing was removed", before=seq)  # one that came meanwhile
    try:
        files = _remove(directory, going, gone.names, archive, disk or SystemDisk())
    except OSError as error:
        raise AuditUnavailable(
            f"not everything could be removed: {error.strerror or error}; make it possible, and try again"
        ) from error
    done = {"of": seq, "last_seq": gone.tree.size, "files": len(files)}
    await log.append(Record(type=RecordType.RETENTION_APPLIED, phase="post", fields=done))
    return _removal(going, listed, files)


def _read(directory: Path, going: Sequence[Path]) -> tuple[_Pass, list[dict[str, Any]]]:
    gone = _Pass(start_of(directory))
    return gone, [gone.segment(path) for path in going]


def _removal(going: Sequence[Path], listed: Sequence[dict[str, Any]], files: Sequence[str]) -> Removal:
    return Removal(
        segments=tuple(going),
        records=listed[-1]["last_seq"] - listed[0]["first_seq"] + 1,
        size=sum(one["size"] for one in listed),
        last_ts=str(listed[-1]["last_ts"]),
        files=tuple(files),
    )


class _Pass:
    """Reads segments that go: they must follow each other, and the tree grows with each line."""

    def __init__(self, base: Start) -> None:
        self.tree: CompactRange = base.tree.copy()
        self.head = base.prev
        self.names: set[str] = set()

    def segment(self, path: Path) -> dict[str, Any]:
        digest, size, first = hashlib.sha256(), 0, self.tree.size + 1
        line = b""
        fd = open_log(path, write=False)
        try:
            for block in whole_lines(fd, 0, os.fstat(fd).st_size):
                digest.update(block)
                size += len(block)
                for line in block[:-1].split(b"\n"):
                    self._line(path, line)
        finally:
            os.close(fd)
        return {
            "file": path.name,
            "size": size,
            "sha256": digest.hexdigest(),
            "first_seq": first,
            "last_seq": self.tree.size,
            "last_ts": str((parsed(line) or {}).get("ts", "")),
        }

    def _line(self, path: Path, line: bytes) -> None:
        if link_of(line) != (self.head, self.tree.size + 1):
            raise AuditCorrupt(
                f"record {self.tree.size + 1} should stand in {path.name} and does not: nothing was removed; "
                "see what `mcpbridge audit verify` says"
            )
        self.head = line_hash(line)
        self.tree.append(bytes.fromhex(self.head))
        self.names.update(_names(line))


def _names(line: bytes) -> Iterator[str]:
    """Files that a line rests on, below the log's folder."""
    if not any(needle in line for needle in _NEEDLES):
        return
    record = parsed(line) or {}
    blobs: Any = record.get("blobs")
    if isinstance(blobs, list):
        yield from (f"{FOLDER}/{name}" for name in blobs)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(bundle := record.get("blobs_bundle"), str):
        yield f"{FOLDER}/{bundle}{BUNDLE}"
    if key := sealed_key(record):
        yield f"{KEY_FOLDER}/{key}{KEY_SUFFIX}"


def _only_theirs(directory: Path, going: Sequence[Path], names: set[str]) -> tuple[str, ...]:
    """Of these files, those that no segment that stays names."""
    for entry in entries(directory):
        if entry.segment not in going:
            names.difference_update(_names(entry.line))
    return tuple(sorted(name for name in names if (directory / name).exists()))


def _remove(
    directory: Path, going: Sequence[Path], names: set[str], archive: Path | None, disk: Disk
) -> tuple[str, ...]:
    """Under the log's lock: a writer that names one of these texts meanwhile stores it again (`ensure`)."""
    lock = ProcessLock(directory / LOCK_NAME)
    try:
        with lock:
            if archive is not None:  # with the texts that records which stay name too: it is a log of its own
                texts = sorted(name for name in names if (directory / name).exists())
                _keep(directory, [*(path.name for path in going), *texts], archive, disk)
            files = _only_theirs(directory, going, names)
            for path in (*going, *(directory / name for name in files)):
                path.unlink(missing_ok=True)
            # The index is made from the lines: it would keep what was removed, and is made anew at any time.
            shutil.rmtree(directory / INDEX, ignore_errors=True)
            for folder in {directory, *((directory / name).parent for name in files)}:
                disk.sync_directory(folder)
    finally:
        lock.close()
    return files


def _keep(directory: Path, names: Sequence[str], archive: Path, disk: Disk) -> None:
    """Copies, durable before the originals go: a log of its own, without the keys that hide values."""
    make_directory(archive, disk)
    for name in names:
        target = archive / name
        make_directory(target.parent, disk)
        shutil.copyfile(directory / name, target)
        fd = os.open(target, os.O_RDWR)
        try:
            disk.sync(fd)
        finally:
            os.close(fd)
        target.chmod(0o600)
    for folder in {archive, *((archive / name).parent for name in names)}:
        disk.sync_directory(folder)


def _last_line(path: Path) -> bytes:
    """A closed segment ends in a newline; one that does not is being written, and has no last line yet."""
    fd = open_log(path, write=False)
    try:
        size, look = os.fstat(fd).st_size, _LOOK
        if not size or read_at(fd, size - 1, 1) != b"\n":
            return b""
        while True:
            data = read_at(fd, max(0, size - look), min(look, size)).rstrip(b"\n")
            cut = data.rfind(b"\n")
            if cut >= 0 or look >= size:
                return data[cut + 1 :]
            look *= 8
    finally:
        os.close(fd)
