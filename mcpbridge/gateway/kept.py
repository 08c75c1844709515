"""What one caller's calls leave for the next ones: outcomes to be recorded, and what people have denied."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mcpbridge.bridge.assembly import Assembly
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.decisions import Decided
from mcpbridge.core.ruling import Outcome
from mcpbridge.engine.journal import Journal
from mcpbridge.errors import AuditUnavailable

_BY_PEOPLE: Final = frozenset({Outcome.HUMAN_DENY.value, Outcome.TIMEOUT.value})
"""Somebody was shown the question, and it was no yes."""
_REMEMBERED: Final = 600.0
"""Seconds: a program has turns, in which what was denied counts; a caller has none."""
_MOST: Final = 1_000


@dataclass(kw_only=True)
class Kept:
    """Of one caller, over all their sessions: with a new session nothing is forgotten."""

    assembly: Assembly
    _owed: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]], init=False)
    _denied: deque[tuple[float, Decided]] = field(
        default_factory=lambda: deque[tuple[float, Decided]](maxlen=_MOST), init=False
    )

    def handed_to(self, conversation: Conversation) -> Conversation:
        """The conversation of the next call, which writes what is owed before it does anything else."""
        owed = tuple(self._owed)
        self._owed.clear()  # one call writes them
        while self._denied and self._denied[0][0] < self._now() - _REMEMBERED:
            self._denied.popleft()
        return replace(conversation, owed=owed, decisions=tuple(decided for _, decided in self._denied))

    def taken_from(self, before: Conversation, after: Conversation) -> None:
        """What the call has left."""
        self._owed.extend(after.owed)
        for decided in after.decisions[len(before.decisions) :]:
            if decided.outcome in _BY_PEOPLE:
                self._denied.append((self._now(), replace(decided, arguments="", reason="")))

    async def close(self) -> None:
        """Write what is owed, where that is possible now."""
        journal = Journal(sink=self.assembly.audit, run_id=self.assembly.clock.new_id("run"))
        try:
            while self._owed:
                await journal.pay(self._owed[0])
                del self._owed[0]
        except AuditUnavailable as error:
            text = self.assembly.mask.text(str(error))
            self.assembly.log.warning("outcomes_not_recorded", count=len(self._owed), error=text)

    def _now(self) -> float:
        return self.assembly.clock.now().timestamp()
