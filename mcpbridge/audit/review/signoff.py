"""A reviewer's word about a part of the log, written into it: who, which records, and their Merkle root."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from mcpbridge.audit.chain import link_of
from mcpbridge.audit.filters import ALLOWED, sieve, word
from mcpbridge.audit.merkle import CompactRange
from mcpbridge.audit.read import entries, read, record_of
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.verifying.start import start_of
from mcpbridge.errors import UsageError
from mcpbridge.ports import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What is signed off: records `first_seq` to `last_seq`, and the root over all lines up to the last."""

    first_seq: int
    last_seq: int
    root: str
    """Hex."""
    decisions: int
    denied: int


class SignOff(NamedTuple):
    """A sign-off of the log, and whether its root is what the lines give now."""

    record: dict[str, Any]
    holds: bool | None
    """None: those lines were removed by retention since."""


def reviewed(directory: Path, *, first: int | None, last: int | None) -> Reviewed:
    """The part from `first` (default: after the last sign-off) to `last` (default: the last record there is).

    Raises UsageError for a part that is not there, AuditUnavailable where there is no log.
    """
    start = start_of(directory)
    begin = first if first is not None else max(_next(directory), start.lines + 1)
    passed = sieve({"types": [RecordType.DECISION]})
    tree = start.tree.copy()
    seq = decisions = denied = 0
    for entry in entries(directory):
        link = link_of(entry.line)
        if link is None or (last is not None and link[1] > last):
            break
        seq = link[1]
        tree.append(sha256(b"\0" + entry.line).digest())
        record = record_of(entry, passed) if seq >= begin else None
        if record is not None:
            decisions += 1
            denied += word(record, "outcome") not in ALLOWED
    if last is not None and seq < last:
        raise UsageError(f"--until {last}: the log ends with record {seq}; name one that is there")
    if not 1 <= begin <= seq:
        raise UsageError(
            f"nothing to sign off from record {begin} to {seq}: it is signed off, or not there yet"
        )
    return Reviewed(first_seq=begin, last_seq=seq, root=tree.root().hex(), decisions=decisions, denied=denied)


def _next(directory: Path) -> int:
    """The record after the last that was signed off."""
    last = max((_last(record) for record in read(directory, types=[RecordType.REVIEW_SIGNOFF])), default=0)
    return last + 1


def _last(record: dict[str, Any]) -> int:
    last = record.get("last_seq")
    return last if isinstance(last, int) else 0


def signoff_record(
    found: Reviewed, *, reviewer: str, authenticated: bool, note: str, status: str, findings: int
) -> Record:
    """What is written. `status` is what `verify` said of the log, `findings` what `reconcile` counted."""
    return Record(
        type=RecordType.REVIEW_SIGNOFF,
        fields={
            "reviewer": reviewer,
            "authenticated": authenticated,
            "first_seq": found.first_seq,
            "last_seq": found.last_seq,
            "root": found.root,
            "decisions": found.decisions,
            "denied": found.denied,
            "status": status,
            "findings": findings,
            "reason": note,
        },
    )


def signoffs(directory: Path) -> Iterator[SignOff]:
    """Every sign-off, oldest first, held against the lines as they are now."""
    found = list(read(directory, types=[RecordType.REVIEW_SIGNOFF]))
    roots = _roots(directory, {_last(record) for record in found})
    for record in found:
        root = roots.get(_last(record))
        yield SignOff(record, None if root is None else root == record.get("root"))


def _roots(directory: Path, sizes: set[int]) -> dict[int, str]:
    """The root over the first so many lines, for each size, in one pass."""
    tree: CompactRange = start_of(directory).tree.copy()
    found: dict[int, str] = {}
    last = max(sizes, default=0)
    for entry in entries(directory) if last else ():
        tree.append(sha256(b"\0" + entry.line).digest())
        if tree.size in sizes:
            found[tree.size] = tree.root().hex()
        if tree.size >= last:
            break
    return found
