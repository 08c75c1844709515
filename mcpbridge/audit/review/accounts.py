"""Whether what a log says of one request adds up: asked, decided once, run at most as decided. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Event(IntEnum):
    """What a record says of a request."""

    MENTIONED = 1
    """Somebody was asked, a grant was looked at, arguments were edited."""
    ALLOWED = 2
    DENIED = 3
    WITHDRAWN = 4
    """A denial of what was allowed before and never had an effect."""
    BEGUN = 5
    DONE = 6
    UNKNOWN = 7
    """Recorded as unknown, or given up by a person."""
    NEVER_BEGUN = 8
    OBSERVED = 9
    """Run by a server that, as far as the log tells, has to ask."""


class Told(NamedTuple):
    """One record, as far as it matters here."""

    seq: int
    event: Event
    attempt: int
    detail: str = ""
    """Of DONE: what became of it, to tell a second telling from a second run."""


class Kind(StrEnum):
    """What does not add up."""

    NO_DECISION = "request_without_decision"
    TWO_DECISIONS = "two_decisions"
    NO_OUTCOME = "approval_without_outcome"
    NO_APPROVAL = "execution_without_approval"
    TWO_RUNS = "executed_twice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Something that does not add up. `seq`: the record that shows it."""

    kind: Kind
    seq: int
    why: str
    begun: bool = False
    """Of NO_OUTCOME: whether an attempt was about to begin."""


@dataclass(slots=True)
class _Attempt:
    decision: int = 0
    allowed: bool = False
    begun: int = 0
    settled: bool = False
    done: str = ""


@dataclass(slots=True)
class _Request:
    attempts: dict[int, _Attempt] = field(default_factory=dict[int, _Attempt])
    mentioned: int = 0
    ran: bool = False

    def of(self, number: int) -> _Attempt:
        return self.attempts.setdefault(number, _Attempt())

    def current(self) -> _Attempt | None:
        """The attempt that an outcome is about: the last that began, else the last that may."""
        begun = [one for one in self.attempts.values() if one.begun]
        allowed = [one for one in self.attempts.values() if one.allowed and (one.done or not one.settled)]
        return next(iter([*begun[::-1], *allowed[::-1]]), None)


def holes(told: Iterable[Told]) -> Iterator[Hole]:
    """What does not add up in the records about one request, which come in the log's order."""
    request = _Request()
    for one in told:
        hole = _take(request, one)
        if hole is not None:
            yield hole
    yield from _open(request)


def _take(request: _Request, one: Told) -> Hole | None:
    match one.event:
        case Event.MENTIONED:
            request.mentioned = request.mentioned or one.seq
            return None
        case Event.ALLOWED | Event.DENIED | Event.WITHDRAWN:
            return _decided(request, one)
        case Event.BEGUN:
            return _begun(request, one)
        case Event.DONE:
            return _done(request, one)
        case Event.OBSERVED:
            why = "it ran and nobody was asked, on a server that is not declared as one that never asks"
            return Hole(kind=Kind.NO_APPROVAL, seq=one.seq, why=why)
        case Event.UNKNOWN | Event.NEVER_BEGUN:
            _settle(request, one)
            return None


def _decided(request: _Request, one: Told) -> Hole | None:
    attempt = request.of(one.attempt)
    if attempt.decision:
        why = f"record {attempt.decision} had decided already"
        return Hole(kind=Kind.TWO_DECISIONS, seq=one.seq, why=why)
    attempt.decision, attempt.allowed = one.seq, one.event is Event.ALLOWED
    if one.event is Event.WITHDRAWN:
        for earlier in request.attempts.values():
            earlier.settled |= not earlier.begun
    return None


def _begun(request: _Request, one: Told) -> Hole | None:
    attempt = request.of(one.attempt)
    before, attempt.begun = attempt.begun, one.seq
    request.ran = True
    if not attempt.allowed:
        return Hole(kind=Kind.NO_APPROVAL, seq=one.seq, why=_unapproved(attempt, "was about to run"))
    if before:
        return Hole(kind=Kind.TWO_RUNS, seq=one.seq, why=f"record {before} had begun the same attempt")
    return None


def _done(request: _Request, one: Told) -> Hole | None:
    attempt = request.current()
    if attempt is None:
        told_before, request.ran = request.ran, True
        if told_before:
            return None
        denied = next(iter(request.attempts.values()), _Attempt())
        return Hole(kind=Kind.NO_APPROVAL, seq=one.seq, why=_unapproved(denied, "ran"))
    request.ran = True
    before, attempt.done, attempt.settled = attempt.done, one.detail, True
    # An outcome that was owed may be told again after a crash, in the same words.
    if before and before != one.detail:
        return Hole(kind=Kind.TWO_RUNS, seq=one.seq, why="another outcome of the same attempt is on record")
    return None


def _unapproved(attempt: _Attempt, what: str) -> str:
    if attempt.decision:
        return f"it {what}, and record {attempt.decision} had denied it"
    return f"it {what}, and no decision came before"


def _settle(request: _Request, one: Told) -> None:
    attempt = request.attempts.get(one.attempt) if one.event is Event.NEVER_BEGUN else request.current()
    if attempt is not None:
        attempt.settled = True


def _open(request: _Request) -> Iterator[Hole]:
    for attempt in request.attempts.values():
        if attempt.allowed and not attempt.settled:
            why = (
                "it was about to run, and nothing says what became of it"
                if attempt.begun
                else "it was allowed, and nothing says that it ran or will not"
            )
            seq = attempt.decision
            yield Hole(kind=Kind.NO_OUTCOME, seq=seq, why=why, begun=bool(attempt.begun))
    decided = any(attempt.decision for attempt in request.attempts.values())
    if request.mentioned and not decided and not request.ran:
        yield Hole(
            kind=Kind.NO_DECISION, seq=request.mentioned, why="it was put to somebody, and not decided"
        )
