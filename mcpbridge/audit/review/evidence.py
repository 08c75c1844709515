"""All that a log holds on one decision: what was asked, shown, decided and done, and under which policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

from mcpbridge.audit.blobs import blob_text
from mcpbridge.audit.chain import link_of, parsed
from mcpbridge.audit.erase import gone_key
from mcpbridge.audit.filters import Wanted, word
from mcpbridge.audit.index import Index, find
from mcpbridge.audit.index.find import bindable
from mcpbridge.audit.plain import encode_again, safe_line
from mcpbridge.audit.read import entries, seq_of
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.retention import removal_of
from mcpbridge.audit.review.coverage import Coverage, coverage_of
from mcpbridge.errors import UsageError

Opened = Callable[[dict[str, Any]], dict[str, Any]]
_SHORTEST: Final = 8
"""Characters of an id that may stand for all of it."""
_MANY: Final = 200
"""Records looked at to tell which request an id means."""
_NAMED: Final = 5
"""Requests named when an id means several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text that a record refers to by its hash."""

    what: str
    """`policy`, `screen` or `definition`."""
    hash: str
    text: str | None
    """None: it is not there."""
    note: str = ""
    """Why it is not there, or that it was masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One decision, or one record that is about no request."""

    record: dict[str, Any]
    """The decision (the last one, where a call was tried again), else the record asked for."""
    story: tuple[dict[str, Any], ...]
    """Every record about the same request, oldest first."""
    texts: tuple[Text, ...]
    coverage: Coverage


def evidence(
    directory: Path, wanted: str, index: Index | None = None, *, opened: Opened | None = None
) -> Evidence:
    """The evidence on a request's id (or the beginning of it), or on the record with that number.

    `opened` makes sealed records readable. Raises UsageError where nothing, or more than one request, is
    meant.
    """
    first = _meant(directory, wanted, index)
    story = _story(directory, first, index)
    decisions = [record for record in story if record.get("type") == RecordType.DECISION]
    if wanted.isdecimal() and first.get("type") == RecordType.DECISION:
        record = first
    else:
        record = decisions[-1] if decisions else first
    shown = opened(record) if opened else record
    why = gone_key(directory if directory.is_dir() else directory.parent, record)
    return Evidence(
        record={**shown, "unreadable": why} if why else shown,
        story=tuple(map(opened, story)) if opened else story,
        texts=tuple(_texts(directory, story, record)),
        coverage=coverage_of(directory, seq_of(record), index),
    )


def _meant(directory: Path, wanted: str, index: Index | None) -> dict[str, Any]:
    """Some record of the request that is meant."""
    if wanted.isdecimal():
        record = record_at(directory, int(wanted), index)
        if record is None:
            raise UsageError(_no_record(directory, int(wanted)))
        return record
    found = _with_id(directory, wanted, index)
    requests: dict[tuple[Any, Any], dict[str, Any]] = {}
    for one in found:
        requests.setdefault(
            (word(one, "conversation_id"), word(one, "request_id") or word(one, "item_id")), one
        )
    if len(requests) > 1:
        exact = {key: one for key, one in requests.items() if key[1] == wanted}
        requests = exact or requests
    if not requests:
        raise UsageError(
            f"no request of the log is {wanted!r}; write a record's number, a request's id (mcpr_…, call_…) "
            f"or at least {_SHORTEST} characters of its beginning"
        )
    if len(requests) > 1:
        named = ", ".join(
            f"#{seq_of(one)} {one.get('tool', '')}" for one in islice(requests.values(), _NAMED)
        )
        raise UsageError(
            f"{wanted!r} means {len(requests)} requests or more ({named}); write a record's number"
        )
    return next(iter(requests.values()))


def _no_record(directory: Path, seq: int) -> str:
    by = removal_of(directory, seq)
    if by is None:
        return f"the log has no record {seq}; `mcpbridge audit show` lists them with their numbers"
    return f"the log has no record {seq} any more: retention removed it (record {by}); an archive may have it"


def record_at(directory: Path, seq: int, index: Index | None = None) -> dict[str, Any] | None:
    """The record with that number."""
    if index is not None and index.first_seq <= seq <= index.last_seq:
        return parsed(next(index.lines(seq, seq), b""))
    for entry in entries(directory, after=index.read if index else None):
        link = link_of(entry.line)
        if link is not None and link[1] == seq:
            return parsed(entry.line)
    return None


def _with_id(directory: Path, wanted: str, index: Index | None) -> list[dict[str, Any]]:
    """Records about requests or calls whose id is, or begins with, that."""
    found = list(_indexed(wanted, index)) if index is not None else []
    begin = safe_line(encode_again(wanted))[:-1].encode("utf-8", "surrogatepass")
    needles = (b'"request_id":' + begin, b'"item_id":' + begin)
    for entry in entries(directory, after=index.read if index else None):
        if len(found) >= _MANY:
            break
        if any(needle in entry.line for needle in needles):
            record = parsed(entry.line)
            if record is not None and _fits(record, wanted):
                found.append(record)
    return found


def _fits(record: Mapping[str, Any], wanted: str) -> bool:
    ids = (record.get("request_id"), record.get("item_id"))
    if len(wanted) < _SHORTEST:
        return wanted in ids
    return any(isinstance(one, str) and one.startswith(wanted) for one in ids)


def _indexed(wanted: str, index: Index) -> Iterator[dict[str, Any]]:
    if not bindable((wanted,)):
        return
    end = wanted + "\U0010ffff" if len(wanted) >= _SHORTEST else wanted
    rows = index.base.execute(
        "SELECT seq, segment, offset, length FROM records WHERE request IN (SELECT id FROM requests WHERE "
        "request_id BETWEEN :first AND :last) OR item_id BETWEEN :first AND :last ORDER BY seq LIMIT :many",
        {"first": wanted, "last": end, "many": _MANY},
    )
    for row in rows:
        record = parsed(index.line(*row))
        if record is not None and _fits(record, wanted):
            yield record


def _story(directory: Path, record: dict[str, Any], index: Index | None) -> tuple[dict[str, Any], ...]:
    request = record.get("request_id")
    if not isinstance(request, str):
        return (record,)
    conversation = record.get("conversation_id")
    wanted: Wanted = {"request_id": request}
    if isinstance(conversation, str):
        wanted["conversation"] = conversation
    return tuple(find(directory, wanted, index))


def _texts(directory: Path, story: tuple[dict[str, Any], ...], record: dict[str, Any]) -> Iterator[Text]:
    folder = directory if directory.is_dir() else directory.parent
    masked: dict[str, str] = {}
    withheld: set[str] = set()
    for one in story:
        masked |= _pairs(one.get("blobs_masked"))
        withheld.update(_names(one.get("blobs_withheld")))
    for what, name in dict.fromkeys(_hashes(story, record)):
        stored = masked.get(name, name)
        text = blob_text(folder, stored)
        note = "parts of it were masked" if stored != name else ""
        if text is None:
            note = "the log may not keep it" if name in withheld else "it is not in blobs/"
        yield Text(what=what, hash=name, text=text, note=note)


def _hashes(story: tuple[dict[str, Any], ...], record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for one in story:
        if isinstance(screen := one.get("screen_hash"), str) and screen:
            yield "screen", screen
    for name in str(record.get("policy_hash") or "").split(","):
        if name:
            yield "policy", name
    if isinstance(definition := record.get("definition_hash"), str) and definition:
        yield "definition", definition


def _pairs(value: object) -> dict[str, str]:
    pairs = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return {given: stored for given, stored in pairs.items() if isinstance(stored, str)}


def _names(value: object) -> list[str]:
    names = cast("list[object]", value) if isinstance(value, list) else []
    return [name for name in names if isinstance(name, str)]
