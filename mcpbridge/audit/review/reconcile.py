"""Whether a whole log adds up. One pass, with what it has to remember in a temporary file, not in memory."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final

from mcpbridge.audit.chain import link_of, parsed
from mcpbridge.audit.filters import ALLOWED, sieve, stamp, word
from mcpbridge.audit.read import entries, record_of, seq_of
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.review.accounts import Event, Hole, Kind, Told, holes

_KEPT: Final = 1_000
"""Findings told one by one; all are counted."""
_BATCH: Final = 2_000
_WAITING: Final = frozenset({"paused", "stopped"})
"""Ends of a run after which its conversation may go on."""
_MENTIONS: Final = frozenset(
    {
        RecordType.QUESTION_ASKED, RecordType.APPROVAL_GIVEN, RecordType.GRANT_USED, RecordType.GRANT_REFUSED,
        RecordType.ARGUMENTS_EDITED,
    }
)  # fmt: skip
_TYPES: Final = _MENTIONS | {
    RecordType.DECISION, RecordType.INTENT, RecordType.OUTCOME, RecordType.OUTCOME_UNKNOWN,
    RecordType.RECOVERY, RecordType.RUN_STARTED, RecordType.RUN_FINISHED, RecordType.SERVER_REGISTERED,
}  # fmt: skip
_TABLES: Final = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000; PRAGMA temp_store=FILE;
CREATE TABLE told (request BLOB, conversation BLOB, seq INTEGER, event INTEGER, attempt INTEGER, detail TEXT);
CREATE TABLE ends (conversation BLOB PRIMARY KEY, status TEXT, whole INTEGER) WITHOUT ROWID;
"""
_END: Final = """
INSERT INTO ends VALUES (?,?,?) ON CONFLICT (conversation)
  DO UPDATE SET status = excluded.status, whole = max(whole, excluded.whole)
"""
_Row = tuple[bytes, bytes, int, int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A hole, and which call it is about."""

    hole: Hole
    tool: str = ""
    request_id: str = ""
    conversation_id: str = ""
    ts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The result. `counts` has every finding, `findings` the first of them with their calls."""

    records: int
    requests: int
    decisions: int
    allowed: int
    outcomes: int
    findings: tuple[Finding, ...] = ()
    counts: Counter[Kind]
    waiting: int = 0
    """Requests that are open because their conversation may still go on."""
    removed: int = 0
    """Findings left out, since what they miss may stand in the part that retention removed."""
    recent: int = 0
    """Requests with something open that were left out, since they are too young to tell."""

    @property
    def clean(self) -> bool:
        return not self.counts


def reconcile(directory: Path, *, until: datetime | None = None) -> Reconciliation:
    """Look at every request of a log. What is open in one with a record after `until` counts as recent.

    Raises AuditUnavailable where there is no log, AuditCorrupt where a line is no record.
    """
    with closing(sqlite3.connect("")) as base:  # a temporary file, which SQLite removes
        base.executescript(_TABLES)
        gathering = _Gathering(base, None if until is None else stamp(until))
        rows = gathering.rows(directory)
        while batch := list(islice(rows, _BATCH)):
            base.executemany("INSERT INTO told VALUES (?,?,?,?,?,?)", batch)
        return _judged(base, directory, gathering)


class _Gathering:
    """One pass over the log."""

    def __init__(self, base: sqlite3.Connection, until: str | None) -> None:
        self._base, self._until = base, until
        self._observing: dict[str, bool] = {}
        self.records = 0
        self.young_from = 0
        """`seq` of the first record that is too young; 0: none is."""
        self.cut = False
        """Whether the log's beginning was removed (retention)."""
        self.seen: Counter[Event] = Counter()

    def rows(self, directory: Path) -> Iterator[_Row]:
        passed = sieve({"types": [str(kind) for kind in _TYPES]})
        for entry in entries(directory):
            self.records += 1
            if self.records == 1:
                link = link_of(entry.line)
                self.cut = link is not None and link[1] > 1
            record = record_of(entry, passed)
            if record is not None:
                yield from self._row(record)

    def _row(self, record: dict[str, Any]) -> Iterator[_Row]:
        seq, kind = seq_of(record), record.get("type")
        if self._until is not None and not self.young_from and str(record.get("ts", "")) >= self._until:
            self.young_from = seq
        conversation = _key(record.get("conversation_id"))
        if kind in (RecordType.RUN_STARTED, RecordType.RUN_FINISHED):
            whole = kind == RecordType.RUN_STARTED and record.get("turn") == 1
            self._base.execute(_END, (conversation, str(record.get("status", "")), whole))
        elif kind == RecordType.SERVER_REGISTERED:
            self._observing[str(record.get("server_label"))] = record.get("observe") is True
        elif (event := self._event(record)) is not None:
            self.seen[event] += 1
            request = _key(record.get("conversation_id"), record.get("request_id") or record.get("item_id"))
            attempt = record.get("attempt")
            number = attempt if isinstance(attempt, int) and abs(attempt) < 2**63 else 0
            yield request, conversation, seq, event, number, _detail(record)

    def _event(self, record: dict[str, Any]) -> Event | None:
        kind, outcome = word(record, "type"), word(record, "outcome")
        if kind in _MENTIONS:
            return Event.MENTIONED
        match kind:
            case RecordType.DECISION:
                denied = Event.WITHDRAWN if "freed" in record else Event.DENIED
                return Event.ALLOWED if outcome in ALLOWED else denied
            case RecordType.INTENT:
                return Event.BEGUN
            case RecordType.OUTCOME:
                return self._outcome(record)
            case RecordType.OUTCOME_UNKNOWN:
                return Event.UNKNOWN
            case _:  # recovery; without an outcome it is the log's own
                return {"not_run": Event.NEVER_BEGUN, "": None}.get(outcome, Event.UNKNOWN)

    def _outcome(self, record: dict[str, Any]) -> Event | None:
        if record.get("status") in ("unknown", "not_run"):
            return Event.UNKNOWN
        if record.get("evidence") != "observed":
            return Event.DONE
        return None if self._observing.get(str(record.get("server_label"))) else Event.OBSERVED


def _judged(base: sqlite3.Connection, directory: Path, gathering: _Gathering) -> Reconciliation:
    base.execute("CREATE INDEX told_order ON told (request, seq)")
    rows: Iterable[_Row] = base.execute(
        "SELECT request, conversation, seq, event, attempt, detail FROM told INDEXED BY told_order "
        "ORDER BY request, seq"
    )
    requests = waiting = recent = removed = 0
    found: list[Hole] = []
    counts: Counter[Kind] = Counter()
    for _, group in groupby(rows, key=lambda row: row[0]):
        told = list(group)
        requests += 1
        for hole in holes(Told(row[2], Event(row[3]), row[4], row[5]) for row in told):
            if gathering.cut and not _whole(base, told[-1][1]) and not _decided(told):
                removed += 1
            elif _may_go_on(hole) and _waits(base, told[-1][1]):
                waiting += 1
            elif _ends_late(hole) and gathering.young_from and told[-1][2] >= gathering.young_from:
                recent += 1
            else:
                counts[hole.kind] += 1
                found = _with(found, hole)
    return Reconciliation(
        records=gathering.records,
        requests=requests,
        decisions=sum(gathering.seen[one] for one in (Event.ALLOWED, Event.DENIED, Event.WITHDRAWN)),
        allowed=gathering.seen[Event.ALLOWED],
        outcomes=gathering.seen[Event.DONE],
        findings=tuple(_named(directory, found)),
        counts=counts,
        waiting=waiting,
        removed=removed,
        recent=recent,
    )


def _with(found: list[Hole], hole: Hole) -> list[Hole]:
    """The first holes by number; the list is cut now and then."""
    found.append(hole)
    return sorted(found, key=lambda one: one.seq)[:_KEPT] if len(found) >= 2 * _KEPT else found


def _ends_late(hole: Hole) -> bool:
    return hole.kind in (Kind.NO_OUTCOME, Kind.NO_DECISION)


def _may_go_on(hole: Hole) -> bool:
    """What a conversation that waits for a person leaves open."""
    return hole.kind is Kind.NO_DECISION or (hole.kind is Kind.NO_OUTCOME and not hole.begun)


def _decided(told: list[_Row]) -> bool:
    return any(row[3] in (Event.ALLOWED, Event.DENIED, Event.WITHDRAWN) for row in told)


def _whole(base: sqlite3.Connection, conversation: bytes) -> bool:
    """Whether the conversation's first turn is in the log."""
    row = base.execute("SELECT whole FROM ends WHERE conversation = ?", (conversation,)).fetchone()
    return row is not None and bool(row[0])


def _waits(base: sqlite3.Connection, conversation: bytes) -> bool:
    row = base.execute("SELECT status FROM ends WHERE conversation = ?", (conversation,)).fetchone()
    return row is not None and row[0] in _WAITING


def _named(directory: Path, found: list[Hole]) -> Iterator[Finding]:
    """Findings with what their records say. One more pass, and only where there are some."""
    ordered = sorted(found, key=lambda hole: hole.seq)[:_KEPT]
    wanted = {hole.seq for hole in ordered}
    records: dict[int, dict[str, Any]] = {}
    for entry in entries(directory) if wanted else ():
        link = link_of(entry.line)
        if link is not None and link[1] in wanted:
            records[link[1]] = parsed(entry.line) or {}
    blank = Finding(hole=Hole(kind=Kind.NO_DECISION, seq=0, why=""))
    for hole in ordered:
        record = records.get(hole.seq, {})
        tool = ".".join(str(part) for part in (record.get("server_label"), record.get("tool")) if part)
        yield replace(
            blank,
            hole=hole,
            tool=tool,
            request_id=str(record.get("request_id") or record.get("item_id") or ""),
            conversation_id=str(record.get("conversation_id") or ""),
            ts=str(record.get("ts") or ""),
        )


def _key(*parts: object) -> bytes:
    text = "\0".join("" if part is None else str(part) for part in parts)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _detail(record: dict[str, Any]) -> str:
    if record.get("type") != RecordType.OUTCOME:
        return ""
    return f"{record.get('status')} {record.get('result_sha256')}"
