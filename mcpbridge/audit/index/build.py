"""Building an index, and bringing it up to date: only lines that it does not know are read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final

from mcpbridge.audit.chain import GENESIS, link_of, parsed
from mcpbridge.audit.disk import SystemDisk, make_directory
from mcpbridge.audit.inclusion import BLOCK
from mcpbridge.audit.index.interned import Interned
from mcpbridge.audit.index.rows import Row, row_of
from mcpbridge.audit.index.schema import ABOUT, COLUMNS, INDEXES, INTERNED, TABLES, VIEWS
from mcpbridge.audit.index.stamps import changed, check_unchanged, stamps_of
from mcpbridge.audit.index.stand import Changed, Index, opened_index
from mcpbridge.audit.lock import ProcessLock
from mcpbridge.audit.merkle import perfect_root
from mcpbridge.audit.read import Entry, check_log, entries
from mcpbridge.audit.words import FIELDS, fields_of
from mcpbridge.errors import AuditCorrupt, AuditUnavailable

INDEX_NAME: Final = "audit.sqlite"
_BATCH: Final = 2_000
"""Rows of one insert: enough to be quick, a few MB at most."""
_WAIT: Final = 600.0
"""Seconds to wait for another process that builds the same index."""
_INSERT: Final = f"INSERT INTO records VALUES ({','.join('?' * len(COLUMNS))})"  # noqa: S608 - only marks
_INSERT_WORDS: Final = (
    f"INSERT INTO records_fts (rowid,{','.join(FIELDS)}) VALUES ({','.join('?' * (len(FIELDS) + 1))})"  # noqa: S608
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What was done."""

    path: Path
    added: int
    """Records that the index did not know."""
    records: int
    anew: bool
    """Whether it was built from the start."""
    why: str = ""
    """Why one that was there could not be used."""
    size: int = 0


def index_path(directory: Path) -> Path:
    """Where the index of a log is, where nobody says otherwise."""
    return (directory if directory.is_dir() else directory.parent) / "index" / INDEX_NAME


def build(directory: Path, file: Path | None = None, *, anew: bool = False) -> Built:
    """Make the index of a log, or bring it up to date. Raises AuditUnavailable, AuditCorrupt; the latter also
    where lines that it knows were changed or lost, unless it is made `anew`."""
    path = file or index_path(directory)
    check_log(directory)
    try:
        make_directory(path.parent, SystemDisk())
        with _alone(path):
            found = "" if anew else opened_index(directory, path)
            if isinstance(found, Index):
                return _extended(directory, path, found)
            if isinstance(found, Changed):
                raise changed(found)
            return _new(directory, path, found)
    except (OSError, sqlite3.Error) as error:
        raise AuditUnavailable(
            f"the index {path} cannot be written: {getattr(error, 'strerror', None) or error}; name another "
            "place with --file"
        ) from error


@contextmanager
def _alone(path: Path) -> Generator[None]:
    lock = ProcessLock(path.with_name(f"{path.name}.lock"))
    try:
        if not lock.acquire_within(_WAIT):
            raise AuditUnavailable(f"another process is building {path}; try again when it is done")
        yield
    finally:
        lock.close()


def _new(directory: Path, path: Path, why: str) -> Built:
    """Beside the old one, which it then replaces: nobody ever sees half an index."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None)) as base:
            base.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16000;")
            base.executescript(TABLES + VIEWS)
            base.executemany("INSERT INTO about VALUES (?,?)", ABOUT.items())
            added = _fill(base, directory, None)
            base.executescript(INDEXES + "ANALYZE;")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return Built(path=path, added=added, records=added, anew=True, why=why, size=path.stat().st_size)


def _extended(directory: Path, path: Path, index: Index) -> Built:
    with index, closing(sqlite3.connect(path, isolation_level=None)) as base:
        check_unchanged(directory, index)
        added = _fill(base, directory, index)
    return Built(path=path, added=added, records=index.last_seq + added, anew=False, size=path.stat().st_size)


def _fill(base: sqlite3.Connection, directory: Path, index: Index | None) -> int:
    """Take in every line that is not in the index, in one transaction."""
    filling = _Filling(base, index)
    stamps = stamps_of(directory)  # before anything is read: what is changed meanwhile has another one
    lines = entries(directory, after=index.read if index else None)
    base.execute("BEGIN")
    try:
        while batch := list(islice(lines, _BATCH)):
            filling.take(batch)
        filling.end()
        stamped = [(stamp, first) for first, stamp in stamps.items()]
        base.executemany("UPDATE segments SET stamp = ? WHERE first_seq = ?", stamped)
        base.execute("COMMIT")
    except BaseException:  # boundary: whatever went wrong, nothing of it stays
        with suppress(sqlite3.Error):
            base.execute("ROLLBACK")
        raise
    return filling.added


class _Filling:
    """One pass over new lines."""

    def __init__(self, base: sqlite3.Connection, index: Index | None) -> None:
        self._base = base
        self._seq = index.last_seq if index else 0
        self._prev = index.last_hash if index else GENESIS
        self._leaves = list(index.loose_leaves()) if index and index.first_seq == 1 else []
        self._tile = self._seq // BLOCK
        self._whole = index is not None and index.first_seq == 1
        """Whether the log's first line is there, so that subtrees begin where BLOCK lines do."""
        self._segment = index.last_segment if index else 0
        self._ids = {name: Interned(base, table, name) for name, table in INTERNED.items()}
        self._last: Entry | None = None
        self.added = 0

    def take(self, batch: list[Entry]) -> None:
        rows: list[Row] = []
        words: list[tuple[object, ...]] = []
        for entry in batch:
            self._follow(entry)
            record = parsed(entry.line)
            if record is None:
                raise _broken(entry, "is not JSON")
            row = row_of(
                record, seq=self._seq, segment=self._segment, offset=entry.offset, length=len(entry.line)
            )
            rows.append(row + tuple(self._ids[name].of(record.get(name)) for name in INTERNED))
            words.append((self._seq, *fields_of(record)))
        self._base.executemany(_INSERT, rows)
        self._base.executemany(_INSERT_WORDS, words)
        self.added += len(rows)

    def _follow(self, entry: Entry) -> None:
        """The next line must be the next record; what it means for segments and tiles."""
        link = link_of(entry.line)
        # A log whose oldest segments were removed begins later.
        if link is None or (self._seq and link != (self._prev, self._seq + 1)):
            raise _broken(entry, f"is not record {self._seq + 1}")
        if not self._seq:
            self._whole = link[1] == 1
        if entry.offset == 0:
            self._close()
            self._segment = link[1]
        self._seq, self._last = link[1], entry
        digest = sha256(b"\0" + entry.line)
        self._prev = digest.hexdigest()
        if self._whole:
            self._leaf(digest.digest())

    def _leaf(self, leaf: bytes) -> None:
        self._leaves.append(leaf)
        if len(self._leaves) == BLOCK:
            self._base.execute("INSERT INTO tiles VALUES (?,?)", (self._tile, perfect_root(self._leaves)))
            self._tile += 1
            self._leaves.clear()

    def _close(self) -> None:
        """Note how far the segment is read."""
        if self._last is None:
            return
        entry = self._last
        end = entry.offset + len(entry.line) + 1
        self._base.execute(
            "INSERT OR REPLACE INTO segments VALUES (?,?,?,?,?,'')",
            (self._segment, end, entry.offset, self._seq, self._prev),
        )

    def end(self) -> None:
        self._close()


def _broken(entry: Entry, what: str) -> AuditCorrupt:
    return AuditCorrupt(
        f"{entry.place} {what}, and no index is made of a broken log; run `mcpbridge audit verify`"
    )
