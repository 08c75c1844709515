"""Who has to say yes, and what counts as one: quorum, named approvers, not the requester, escalation.

An identity that nobody authenticated is *claimed*. It may deny; where somebody in particular has to agree,
its yes counts for nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mcpbridge.core.duration import spelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One yes that counted, as the conversation keeps it. Bound to the screen it was given for."""

    by: str
    screen_hash: str
    at: float
    """POSIX time."""
    reason: str = ""
    always: bool = False
    ttl: float | None = None
    uses: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What one approver rule asks for. All rules that name a tool must be satisfied."""

    quorum: int = 1
    of: tuple[str, ...] = ()
    """Who may agree; empty: anybody who is authenticated."""
    not_requester: bool = False
    after: float | None = None
    """Seconds after the question was first put from which `to` may agree too."""
    to: tuple[str, ...] = ()

    def eligible(self, waited: float) -> tuple[str, ...]:
        """Who may agree after so many seconds; empty: anybody who is authenticated."""
        escalated = self.after is not None and waited >= self.after
        return (*self.of, *self.to) if self.of and escalated else self.of

    @property
    def text(self) -> str:
        """Such as `2 of ana, bo, cy; after 10m also dee; not the requester`."""
        people = ", ".join(self.of) or "anybody who is authenticated"
        parts = [f"{self.quorum} of {people}"]
        if self.after is not None:
            parts.append(f"after {spelled(self.after)} also {', '.join(self.to)}")
        if self.not_requester:
            parts.append("not the requester")
        return "; ".join(parts)


def same_person(one: str, other: str) -> bool:
    """Whether two names may be one person: nobody is two people by a capital, a wider letter, a space, or
    something that cannot be seen."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    seen = "".join(char for char in name if unicodedata.category(char) not in ("Cf", "Cc"))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    return " ".join(folded.split())


def objection(
    asked: Sequence[Approval], *, by: str, authenticated: bool, requester: str, waited: float
) -> str | None:
    """Why somebody's yes cannot count for any open part of what is asked; None when it can."""
    if not asked:
        return None
    if authenticated is not True:
        return f"nobody authenticated {by or 'whoever said so'}: a claimed name counts for nothing here"
    if not by.strip():
        return "the answer names nobody"
    why: list[str] = []
    for one in asked:
        found = _objection(one, by=by, requester=requester, waited=waited)
        if found is None:
            return None
        why.append(found)
    return why[0]


def _objection(one: Approval, *, by: str, requester: str, waited: float) -> str | None:
    if one.not_requester and not requester:
        return "nobody said who requests this, so nobody can be told from the requester"
    if one.not_requester and same_person(by, requester):
        return f"{by} requests this, and somebody else has to agree"
    eligible = one.eligible(waited)
    if eligible and by not in eligible:
        return f"{by} is none of {', '.join(eligible)}"
    return None


def agreed(one: Approval, votes: Iterable[Vote], *, requester: str, waited: float) -> tuple[str, ...]:
    """The different people whose yes counts for this rule."""
    people: list[str] = []
    for vote in votes:
        counts = _objection(one, by=vote.by, requester=requester, waited=waited) is None
        if counts and not any(same_person(vote.by, other) for other in people):
            people.append(vote.by)
    return tuple(people)


def lacking(
    asked: Sequence[Approval], votes: Sequence[Vote], *, requester: str, waited: float
) -> tuple[Approval, ...]:
    """The rules that are not satisfied yet."""
    return tuple(
        one for one in asked if len(agreed(one, votes, requester=requester, waited=waited)) < one.quorum
    )
