"""What was decided in a conversation, and what each further call asks of that.

A long conversation is not walked again for every call: what is asked is carried along, and made anew from the
decisions alone where they come from somewhere else (saved state). It is never saved itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from mcpbridge.core.ruling import Outcome

_ALLOWED: Final = frozenset(outcome.value for outcome in Outcome if outcome.allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision of this conversation, for people and for `--json`. The audit holds the evidence."""

    request_id: str
    server_label: str
    tool: str
    arguments: str
    rules: tuple[str, ...]
    outcome: str
    reason: str
    fingerprint: str
    turn: int
    seq: int = 0
    """The audit record's sequence number."""


class Decisions(tuple[Decided, ...]):
    """A conversation's decisions, in the order in which they were made."""

    requests: frozenset[str]
    """What was decided at least once."""
    denials: Mapping[tuple[int, str], int]
    """Turn and fingerprint → how often it was denied."""

    def __new__(cls, decisions: Iterable[Decided] = ()) -> Self:
        made = super().__new__(cls, decisions)
        made.requests = frozenset(one.request_id for one in made)
        made.denials = Counter((one.turn, one.fingerprint) for one in made if one.outcome not in _ALLOWED)
        return made

    @classmethod
    def of(cls, decisions: tuple[Decided, ...]) -> Decisions:
        """`decisions` itself where it is one already."""
        return decisions if isinstance(decisions, Decisions) else cls(decisions)

    def plus(self, new: Decided) -> Decisions:
        """These decisions and a `new` one, of which alone something is read."""
        made = super().__new__(type(self), (*self, new))
        made.requests = self.requests | {new.request_id}
        made.denials = self.denials
        if new.outcome not in _ALLOWED:
            key = (new.turn, new.fingerprint)
            made.denials = {**self.denials, key: self.denials.get(key, 0) + 1}
        return made

    def denied(self, turn: int, fingerprint: str) -> int:
        """How often a call with this fingerprint was denied in this turn."""
        return self.denials.get((turn, fingerprint), 0)
