"""What was asked, approved and run, in the whole examination: was anything run that nobody approved?

Each attempt has a text of its own (a nonce) and each request a token of its own, so that a run can be
told apart whenever it comes: also seconds after the answer, while another check is at work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mcpbridge.doctor.reading import request_text
from mcpbridge.doctor.throwaway import Ran

Call: TypeAlias = tuple[str, str | None]
"""A tool and the text that it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Runs of one call beyond those that were approved."""

    tool: str
    ran: int
    approved: int


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Grows only."""

    _free: set[str] = field(default_factory=set[str], repr=False)
    """Tokens of requests that let calls run unasked, or left that to the endpoint."""
    _attempts: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]], repr=False)
    """The text of an attempt → the tokens that were sent with it."""
    _asked: set[Call] = field(default_factory=set[Call])
    _approved: Counter[Call] = field(default_factory=Counter[Call])

    def declared(self, token: str, require_approval: object) -> None:
        """A request declares the throw-away server with this token."""
        if require_approval != "always":
            self._free.add(token)

    def attempted(self, text: str, tokens: Iterable[str]) -> None:
        """The model is told to call a tool with this text."""
        self._attempts[text] = frozenset(tokens)

    def asked(self, requests: Iterable[Mapping[str, Any]]) -> None:
        """The endpoint asks for approval: from now on these calls need one."""
        self._asked.update(map(as_call, requests))

    def approved(self, requests: Iterable[Mapping[str, Any]]) -> None:
        """Each approval allows one run of that tool with those arguments."""
        self._approved.update(map(as_call, requests))

    def violations(self, ran: Sequence[Ran]) -> list[Violation]:
        """The calls that ran more often than they were approved; never approved is 0 times."""
        counted = Counter(ran_as(one) for one in ran if self._needs_approval(one))
        return [
            Violation(tool=call[0], ran=times, approved=self._approved[call])
            for call, times in counted.items()
            if times > self._approved[call]
        ]

    def _needs_approval(self, one: Ran) -> bool:
        free = one.token in self._free and one.token in self._attempts.get(one.text, {one.token})
        return not free or ran_as(one) in self._asked


def ran_as(one: Ran) -> Call:
    """What ran."""
    return one.tool, one.text


def as_call(request: Mapping[str, Any]) -> Call:
    """What an approval request would run."""
    return str(request.get("name")), request_text(request)
