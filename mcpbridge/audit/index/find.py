"""Finding records: by an index where one fits, and by reading what it does not know."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from mcpbridge.audit.filters import (
    ALLOWED,
    EXACT,
    HUMAN,
    RESOLVED,
    NotJson,
    Wanted,
    outcomes,
    sieve,
    stamp,
    storable,
)
from mcpbridge.audit.index.schema import INTERNED
from mcpbridge.audit.index.stand import Index
from mcpbridge.audit.read import entries, latest, record_of
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.words import match_of
from mcpbridge.errors import AuditCorrupt

_PLAIN_GLOB: Final = frozenset("[]\0")
"""Where a pattern has these, SQLite and fnmatch may not agree, and the sieve alone decides."""
_TOOL: Final = "coalesce(server_label, '') || '.' || tool"
"""GLOB reads no further than a zero, which `instr` finds."""
Clause = tuple[str, list[Any]]


def find(
    directory: Path, wanted: Wanted, index: Index | None = None, *, last: int | None = None
) -> Iterator[dict[str, Any]]:
    """Records that pass every filter, oldest first; with `last`, the last so many of them only.

    Without an index the whole log is read, with one only what it does not know yet: the answer is the same.
    """
    if last is not None and index is None:
        yield from latest(directory, last, wanted)
        return
    if last is None:
        if index is not None:
            yield from indexed(index, wanted)
        yield from _unknown(directory, wanted, index)
        return
    kept = deque(_unknown(directory, wanted, index), maxlen=last)
    if index is not None and len(kept) < last:
        older = islice(indexed(index, wanted, newest_first=True), last - len(kept))
        kept.extendleft(older)
    yield from kept


def _unknown(directory: Path, wanted: Wanted, index: Index | None) -> Iterator[dict[str, Any]]:
    """From lines that no index knows."""
    passed = sieve(wanted)
    for entry in entries(directory, after=index.read if index else None):
        record = record_of(entry, passed)
        if record is not None:
            yield record


def indexed(index: Index, wanted: Wanted, *, newest_first: bool = False) -> Iterator[dict[str, Any]]:
    """Records that the index finds, each read from the log and put to the test again."""
    passed = sieve(wanted)
    clauses = list(_clauses(wanted))
    where = " AND ".join(f"({text})" for text, _ in clauses) or "1"
    values = [value for _, found in clauses for value in found]
    order = "DESC" if newest_first else "ASC"
    if not bindable(values):
        return
    rows = index.base.execute(
        f"SELECT seq, segment, offset, length FROM records WHERE {where} ORDER BY seq {order}",  # noqa: S608 - texts of this file
        values,
    )
    for row in rows:
        try:
            record = passed(index.line(*row))
        except NotJson:
            raise AuditCorrupt(
                f"the line of record {row[0]} is not JSON; run `mcpbridge audit verify`"
            ) from None
        if record is not None:
            yield record


def bindable(values: Iterable[object]) -> bool:
    """Whether all texts among them are UTF-8. No index has what an argument of a command may have else."""
    return all(not isinstance(value, str) or storable(value) == value for value in values)


def _clauses(wanted: Wanted) -> Iterator[Clause]:
    """What a record must fulfil in the tables. It may let too much pass, never too little."""
    for name, column in EXACT.items():
        if (value := wanted.get(name)) is not None:
            yield _same(column, value)
    if (types := wanted.get("types")) is not None:
        yield _among("type", types)
    if (without := wanted.get("without")) is not None:
        text, values = _among("type", without)
        yield f"type IS NULL OR NOT ({text})", values
    if wanted.get("denied"):
        text, values = _among("outcome", sorted(ALLOWED))
        yield f"type = 'decision' AND (outcome IS NULL OR NOT ({text}))", values
    if wanted.get("human"):
        yield _among("type", [RecordType.DECISION, RecordType.RECOVERY])
        yield _among("outcome", sorted(HUMAN | RESOLVED))
    if (outcome := wanted.get("outcome")) is not None:
        yield _any(
            clause for name in outcomes(outcome) for clause in (_same("outcome", name), _same("status", name))
        )
    yield from _patterns(wanted)
    yield from _times(wanted)


def _any(clauses: Iterable[Clause]) -> Clause:
    of = list(clauses)
    return " OR ".join(text for text, _ in of) or "0", [value for _, values in of for value in values]


def _same(column: str, value: object) -> Clause:
    table = INTERNED.get(column)
    key = column if table is None else column.removesuffix("_id")
    if value == "":  # kept as if it were not there
        return f"{key} IS NULL", []
    if table is None:
        return f"{key} = ?", [value]
    return f"{key} = (SELECT id FROM {table} WHERE {column} = ?)", [value]  # noqa: S608 - names of this package


def _times(wanted: Wanted) -> Iterator[Clause]:
    if (since := wanted.get("since")) is not None:
        yield "ts >= ?", [stamp(since)]
    if (until := wanted.get("until")) is not None:
        yield "ts < ?", [stamp(until)]


def _patterns(wanted: Wanted) -> Iterator[Clause]:
    tool = wanted.get("tool")
    if tool is not None and _PLAIN_GLOB.isdisjoint(tool):
        yield f"tool GLOB ? OR {_TOOL} GLOB ? OR instr({_TOOL}, char(0))", [tool, tool]
    if (rule := wanted.get("rule")) is not None and "\0" not in rule:
        yield "EXISTS (SELECT 1 FROM json_each(coalesce(rule_ids, '[]')) WHERE value = ?)", [rule]
    if (text := wanted.get("text")) is not None:
        yield "seq IN (SELECT rowid FROM records_fts WHERE records_fts MATCH ?)", [match_of(text)]


def _among(column: str, values: Collection[str]) -> Clause:
    return f"{column} IN ({','.join('?' * len(values))})", [str(value) for value in values]
