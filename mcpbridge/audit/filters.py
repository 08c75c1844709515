"""Which records are wanted: one description, for reading a log and for asking its index."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final, TypedDict

from mcpbridge.audit.chain import parsed
from mcpbridge.audit.plain import encode_again, safe_line
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.words import holds
from mcpbridge.core.ruling import Outcome
from mcpbridge.errors import UsageError

Sieve = Callable[[bytes], dict[str, Any] | None]
_Test = Callable[[dict[str, Any]], bool]
ALLOWED: Final = frozenset(outcome.value for outcome in Outcome if outcome.allowed)
HUMAN: Final = frozenset({Outcome.HUMAN_ALLOW.value, Outcome.HUMAN_DENY.value, Outcome.TIMEOUT.value})
RESOLVED: Final = frozenset({"repeated", "given_up"})
"""What a person made of an unknown outcome, in a record of type recovery."""
EXACT: Final = {
    "principal": "principal",
    "run": "run_id",
    "conversation": "conversation_id",
    "request_id": "request_id",
    "server": "server_label",
    "approver": "approver",
}
"""Filters that compare one field exactly, and the field."""


class Wanted(TypedDict, total=False):
    """Filters; a record must pass all that are given. None and False are as good as not given."""

    denied: bool
    """Decisions that did not allow."""
    human: bool
    """Decisions that a person made or let time out, also about an unknown outcome."""
    tool: str | None
    """A pattern for `label.tool`, or for the tool alone."""
    server: str | None
    """A server's label."""
    principal: str | None
    run: str | None
    conversation: str | None
    request_id: str | None
    approver: str | None
    rule: str | None
    """The id of a rule that carried the decision."""
    outcome: str | Collection[str] | None
    """Of a decision (`human_deny`), or the status of what was run (`failed`); one of several."""
    since: datetime | None
    """Aware; inclusive."""
    until: datetime | None
    """Aware; exclusive."""
    types: Collection[str] | None
    without: Collection[str] | None
    """Types that are left out."""
    text: str | None
    """Words that must all occur in names, reasons or arguments: see words.py."""


class NotJson(ValueError):
    """A line that is no record."""


def sieve(wanted: Wanted) -> Sieve:
    """A test for lines: the record of one that passes, None for others. It raises NotJson.

    What must occur in the line is looked for first; that is much cheaper than parsing it. Raises UsageError
    for a filter that is none: without it, more records would pass than were asked for.
    """
    check_names(wanted)
    exact = {field: value for name, field in EXACT.items() if (value := wanted.get(name)) is not None}
    needles = [_needle(name, value) for name, value in exact.items()]
    types = _types(wanted)
    either = None if types is None else _any_type(types)
    tests = list(_tests(wanted, types))

    def passed(line: bytes) -> dict[str, Any] | None:
        if not all(needle in line for needle in needles):
            return None
        if either is not None and either.search(line) is None:
            return None
        record = parsed(line)
        if record is None:
            raise NotJson
        same = all(record.get(name) == value for name, value in exact.items())
        return record if same and all(test(record) for test in tests) else None

    return passed


def check_names(wanted: Mapping[str, Any]) -> None:
    """Raises UsageError."""
    known = sorted(Wanted.__annotations__)
    for name in wanted:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            instead = f"did you mean {close[0]!r}?" if close else f"write one of: {', '.join(known)}"
            raise UsageError(f"{name!r} is no filter of audit records; {instead}")


def _needle(name: str, value: Any) -> bytes:
    """How a line has it. What an argument of a command has that is no UTF-8 is in no line of ours."""
    return safe_line(f"{encode_again(name)}:{encode_again(value)}").encode("utf-8", "surrogatepass")


def _any_type(types: Collection[str]) -> re.Pattern[bytes]:
    """All at once: a type stands near a line's beginning, and what is not in the line is looked for in all of
    it."""
    names = "|".join(re.escape(encode_again(name)) for name in sorted(types))
    return re.compile(f'"type":(?:{names})'.encode() if types else rb"(?!)")


def word(record: Mapping[str, Any], name: str) -> str:
    """A field that is looked up among known names; "" where it is no text, as only a stranger writes it."""
    value = record.get(name)
    return value if isinstance(value, str) else ""


def text_of(value: Any) -> str | None:
    """A name or an id as patterns are held against it, here and in an index; None where there is none.
    Something else in its place, which only a stranger writes, counts as its JSON."""
    if value is None or value == "":
        return None
    return storable(value if isinstance(value, str) else encode_json(value))


def encode_json(value: Any) -> str:
    """Compact JSON of anything that was read from JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def storable(text: str) -> str:
    """The text in UTF-8: a stranger's line may have escapes of half a character, which no database takes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def stamp(when: datetime) -> str:
    """As records have it. Fixed width: the order of these texts is the order of time. Raises UsageError for
    what is no moment; a time without a zone is one of several."""
    if not isinstance(when, datetime) or when.utcoffset() is None:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(
            f"since and until are moments with a zone, not {when!r}; write datetime.now(UTC) - "
            "timedelta(days=1)"
        )
    return when.astimezone(UTC).isoformat(timespec="microseconds")[:-6]


def _types(wanted: Wanted) -> frozenset[str] | None:
    """The types that can pass."""
    types = wanted.get("types")
    found = None if types is None else frozenset(types)
    if wanted.get("human"):
        able = frozenset({str(RecordType.DECISION), str(RecordType.RECOVERY)})
        found = able if found is None else found & able
    if wanted.get("denied"):
        able = frozenset({str(RecordType.DECISION)})
        found = able if found is None else found & able
    return found


def _tests(wanted: Wanted, types: frozenset[str] | None) -> Iterator[_Test]:
    yield from _kinds(wanted, types)
    if wanted.get("denied"):
        yield lambda record: word(record, "outcome") not in ALLOWED
    if wanted.get("human"):
        yield _by_a_person
    if (tool := wanted.get("tool")) is not None:
        yield lambda record: _fits(record, tool)
    if (rule := wanted.get("rule")) is not None:
        yield lambda record: isinstance(ids := record.get("rule_ids"), list) and rule in ids
    if (outcome := wanted.get("outcome")) is not None:
        among = outcomes(outcome)
        yield lambda record: any(record.get(name) in among for name in ("outcome", "status"))
    yield from _times(wanted)
    if (text := wanted.get("text")) is not None:
        yield holds(text)


def outcomes(wanted: str | Collection[str]) -> list[str]:
    """One name, or several."""
    return [wanted] if isinstance(wanted, str) else list(wanted)


def _kinds(wanted: Wanted, types: frozenset[str] | None) -> Iterator[_Test]:
    if types is not None:
        yield lambda record: word(record, "type") in types
    if (without := wanted.get("without")) is not None:
        yield lambda record: word(record, "type") not in without


def _times(wanted: Wanted) -> Iterator[_Test]:
    if (since := wanted.get("since")) is not None:
        start = stamp(since)
        yield lambda record: str(record.get("ts", "")) >= start
    if (until := wanted.get("until")) is not None:
        end = stamp(until)
        yield lambda record: str(record.get("ts", "")) < end


def _by_a_person(record: Mapping[str, Any]) -> bool:
    among = RESOLVED if record.get("type") == RecordType.RECOVERY else HUMAN
    return word(record, "outcome") in among


def _fits(record: Mapping[str, Any], pattern: str) -> bool:
    name = text_of(record.get("tool"))
    if name is None:  # it is about no tool, so about none that is asked for
        return False
    label = text_of(record.get("server_label")) or ""
    return fnmatchcase(name, pattern) or fnmatchcase(f"{label}.{name}", pattern)
