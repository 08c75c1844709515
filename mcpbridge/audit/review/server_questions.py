"""What a server asked a person in the middle of a call, apart from the decision on the call itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcpbridge.audit.read import seq_of
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.review.evidence import Evidence

_ELICITED = (RecordType.ELICITATION_ASKED, RecordType.ELICITATION_ANSWERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerQuestion:
    """One question, and what the server got."""

    asked: Mapping[str, Any] | None
    answered: Mapping[str, Any] | None
    """None: the log ends before, or the answer could not be recorded, and then the server got none."""
    decision: int | None
    """The record that let the call run."""
    screen: str | None
    """What the person was shown; None where the log does not keep it."""

    @property
    def record(self) -> Mapping[str, Any]:
        """The answer, or else the question."""
        found = self.answered or self.asked
        assert found is not None, "one of them was named"
        return found


def server_question(found: Evidence, wanted: str) -> ServerQuestion | None:
    """The question that a record's number names; None where it is about something else."""
    number = int(wanted) if wanted.isdecimal() else 0
    told = [record for record in found.story if record.get("type") in _ELICITED]
    place = next((place for place, record in enumerate(told) if seq_of(record) == number), None)
    if place is None:
        return None
    # People are asked one at a time: of one call, each answer is to the question right before it.
    first = place - 1 if _is(told, place, RecordType.ELICITATION_ANSWERED) else place
    asked = told[first] if _is(told, first, RecordType.ELICITATION_ASKED) else None
    answered = told[first + 1] if _is(told, first + 1, RecordType.ELICITATION_ANSWERED) else None
    decisions = [seq_of(record) for record in found.story if record.get("type") == RecordType.DECISION]
    return ServerQuestion(
        asked=asked,
        answered=answered,
        decision=max((seq for seq in decisions if seq < number), default=None),
        screen=_screen(found, asked or answered),
    )


def _is(told: Sequence[Mapping[str, Any]], place: int, type_: str) -> bool:
    return 0 <= place < len(told) and told[place].get("type") == type_


def _screen(found: Evidence, record: Mapping[str, Any] | None) -> str | None:
    shown = (record or {}).get("screen_hash")
    return next((text.text for text in found.texts if (text.what, text.hash) == ("screen", shown)), None)
