"""Checking a whole log, in one pass and in little memory. Only reads.

An intact chain proves that nothing inside it was changed, not that nothing is missing at its end: without
a checkpoint the last records could have been cut off. Such a log is therefore `unsealed`, never simply fine.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from mcpbridge.audit.blobs import BUNDLE, read_blob
from mcpbridge.audit.chain import GENESIS, Flaw, FlawKind, flaw_of, intact, line_hash, link_of, parsed
from mcpbridge.audit.disk import open_log, read_at
from mcpbridge.audit.logfile import LOG_NAME
from mcpbridge.audit.tail import whole_lines

_MAX_FLAWS: Final = 20
"""Flaws that are kept; the rest is counted. One cut can break every line after it."""
_BLOBS: Final = b'"blobs":["'
_MARKS: Final = (b'{"prev":"', b',"crc":"')
"""What a line of ours begins or ends with; one that was altered still has the other."""
NO_LOG: Final = "a log begins with the first run; name its folder, or the configuration with -c FILE"
_UNFINISHED: Final = "unfinished last record (a crash, or a writer at work)"


class Status(StrEnum):
    """What a log is worth as evidence. (`sealed`, exit code 0, needs checkpoints.)"""

    UNSEALED = "unsealed"
    """Intact; its end is not anchored anywhere."""
    TAMPERED = "tampered"
    UNUSABLE = "unusable"
    """There is nothing to check."""

    @property
    def exit_code(self) -> int:
        """For `mcpbridge audit verify`; 0 is left to `sealed`."""
        return _EXIT[self]


_EXIT: Final = {Status.UNSEALED: 3, Status.TAMPERED: 1, Status.UNUSABLE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result; `str()` is for people."""

    path: Path
    status: Status
    records: int = 0
    head: str = GENESIS
    """Hash of the last whole line: write it down elsewhere, and a cut tail shows later."""
    flaws: tuple[Flaw, ...] = ()
    """The first of what is wrong, by line."""
    flaw_count: int = 0
    unfinished: int = 0
    """Bytes after the last whole line: a writer was stopped, or is writing right now. No record is in them,
    and the next opening cuts them off and records that."""
    problem: str = ""
    """Why there is nothing to check."""

    @property
    def exit_code(self) -> int:
        return self.status.exit_code

    def __str__(self) -> str:
        if self.status is Status.UNUSABLE:
            return f"{self.path}: unusable: {self.problem}"
        if self.status is Status.UNSEALED:
            return (
                f"{self.path}: the chain is intact, {self.records} records unsealed "
                f"(no checkpoint says where the log ends), head {self.head[:16]}"
                + (f"\n  {_UNFINISHED}: {self.unfinished} bytes" if self.unfinished else "")
            )
        more = self.flaw_count - len(self.flaws)
        lines = [f"{self.path}: tampered", *(f"  {flaw}" for flaw in self.flaws)]
        return "\n".join(lines + ([f"  and {more} more"] if more else []))


def log_path(directory_or_file: str | Path) -> Path:
    """The log's file, for a directory or the file itself."""
    path = Path(directory_or_file)
    return path / LOG_NAME if path.is_dir() else path


def verify(directory_or_file: str | Path) -> Verification:
    """Check every line, the chain, and every text that the lines refer to."""
    path = log_path(directory_or_file)
    try:
        fd = open_log(path, write=False)
        try:
            return _verify(path, fd)
        finally:
            os.close(fd)
    except FileNotFoundError as error:
        return Verification(path=path, status=Status.UNUSABLE, problem=f"{error.strerror}; {NO_LOG}")
    except OSError as error:
        return Verification(path=path, status=Status.UNUSABLE, problem=error.strerror or str(error))


def _verify(path: Path, fd: int) -> Verification:
    run = _Run(path.parent / "blobs")
    end = 0
    # A log at work grows: go on until its end stands still, then what follows the last newline is torn.
    while (size := os.fstat(fd).st_size) > end:
        before = end
        for block in whole_lines(fd, end, size):
            end += len(block)
            run.block(block)
        if end == before and os.fstat(fd).st_size == size:
            run.torn(read_at(fd, end, size - end))
            break
    run.finish()
    if not run.ours or not (run.records or run.count):
        return Verification(path=path, status=Status.UNUSABLE, problem=_nothing(run))
    return Verification(
        path=path,
        status=Status.TAMPERED if run.count else Status.UNSEALED,
        records=run.records,
        head=run.prev,
        flaws=tuple(run.flaws),
        flaw_count=run.count,
        unfinished=run.unfinished,
    )


def _nothing(run: _Run) -> str:
    if run.ours:
        return f"no whole record, only an {_UNFINISHED}"
    return (
        "this is no audit log: no line of it is a record"
        if run.records or run.unfinished
        else "the log is empty"
    )


class _Run:
    """What one pass over the lines has seen."""

    def __init__(self, blobs: Path) -> None:
        self.records = 0
        self.prev = GENESIS
        self.flaws: list[Flaw] = []
        self.count = 0
        self._seq = 1
        self._folder = blobs
        self._good: set[str] = set()
        self._bad: dict[str, list[int]] = {}
        self.unfinished = 0
        self.ours = False
        """Whether anything in the file looks like a record."""

    def block(self, block: bytes) -> None:
        for line in block[:-1].split(b"\n"):
            self._line(line)

    def torn(self, tail: bytes) -> None:
        """What follows the last newline. A whole record with something behind it was never written so: the
        newline was altered."""
        if not tail:
            return
        self._recognise(tail)
        if intact(tail[:-1]):
            message = "this line was altered after it was written: it does not end in a line break"
            self._note(Flaw(line=self.records + 1, kind=FlawKind.ALTERED, message=message))
        else:
            self.unfinished = len(tail)

    def finish(self) -> None:
        """Say of each bad text how many records refer to it."""
        for at, flaw in enumerate(self.flaws):
            more = len(self._bad.get(flaw.blob, ())) - 1
            if more > 0:
                others = "1 other record refers" if more == 1 else f"{more} other records refer"
                self.flaws[at] = replace(flaw, message=f"{flaw.message} ({others} to it too)")

    def _recognise(self, line: bytes) -> None:
        self.ours = self.ours or any(mark in line for mark in _MARKS)

    def _line(self, line: bytes) -> None:
        self.records += 1
        self._recognise(line)
        flaw = flaw_of(line, number=self.records, seq=self._seq, prev=self.prev)
        if flaw:
            self._note(flaw)
        elif _BLOBS in line:
            self._blobs(line)
        link = link_of(line)
        # After a gap go on from what stands there, so that one cut is one flaw.
        self._seq = (link[1] if link else self._seq) + 1
        self.prev = line_hash(line)

    def _blobs(self, line: bytes) -> None:
        for name in _names(parsed(line)):
            if name in self._good:
                continue
            if name in self._bad:
                self._bad[name].append(self.records)
                continue
            flaw = self._blob_flaw(name)
            if flaw:
                self._bad[name] = [self.records]
                self._note(flaw)
            else:
                self._good.add(name)

    def _blob_flaw(self, name: str) -> Flaw | None:
        data = read_blob(self._folder, name)
        if data is None:
            message = f"the text {name} that this record refers to is missing from blobs/"
            return Flaw(line=self.records, kind=FlawKind.BLOB_MISSING, message=message, blob=name)
        if hashlib.sha256(data).hexdigest() != name.removesuffix(BUNDLE):
            message = f"the text {name} that this record refers to was altered"
            return Flaw(line=self.records, kind=FlawKind.BLOB_ALTERED, message=message, blob=name)
        return None

    def _note(self, flaw: Flaw) -> None:
        self.count += 1
        if len(self.flaws) < _MAX_FLAWS:
            self.flaws.append(flaw)


def _names(record: dict[str, Any] | None) -> Iterator[str]:
    found = record or {}
    names: list[Any] = found.get("blobs") or []  # a record with a bundle has these too
    yield from (name for name in names if isinstance(name, str))
    if isinstance(bundle := found.get("blobs_bundle"), str):
        yield bundle + BUNDLE
