"""What bridged servers asked people for while their calls ran, and what they got."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from mcpbridge.audit.records import RecordType
from mcpbridge.audit.report.document import Fact, Section
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.tally import NOBODY, SHOWN, Tally, name_of, tool_of
from mcpbridge.audit.report.topic import table

_ASKED: Final = RecordType.ELICITATION_ASKED.value
_ANSWERED: Final = RecordType.ELICITATION_ANSWERED.value
_GIVEN: Final = "accept"
"""The answer with which something leaves for the server."""


class Questions:
    """Elicitations, by tool, by kind and by answer."""

    types = frozenset({_ASKED, _ANSWERED})

    def __init__(self) -> None:
        self._asked = Tally()
        self._kinds = Tally()
        self._answers = Tally()
        self._given = Tally()
        self._people = Tally()

    def see(self, record: dict[str, Any]) -> None:
        if record.get("type") == _ASKED:
            self._asked.add(tool_of(record))
            self._kinds.add(name_of(record.get("elicitation")) or "unnamed")
            return
        answer = name_of(record.get("answer")) or "no answer"
        self._answers.add(answer)
        self._people.add(name_of(record.get("approver")) or NOBODY)
        if answer == _GIVEN:
            self._given.add(tool_of(record))

    def section(self, links: Links) -> Section:
        asked, answered = links.show("--type", _ASKED), links.show("--type", _ANSWERED)
        return Section(
            id="questions",
            title="Questions of servers",
            lead="What a bridged server asked for while its call ran: fields to fill in, or a page to open. "
            "What is given leaves for that server.",
            facts=(
                Fact(name="asked", value=self._asked.total, command=asked),
                Fact(name="answered", value=self._answers.total, command=answered),
                Fact(name="accepted: something was given", value=self._given.total),
            ),
            tables=(
                table("By tool", "tool", self._asked, self._each(links, self._asked, _ASKED)),
                # No filter tells kinds and answers apart: no command, rather than one that shows more.
                table("By kind", "kind", self._kinds, [""] * len(self._kinds.top(SHOWN))),
                table("By answer", "answer", self._answers, [""] * len(self._answers.top(SHOWN))),
                table("Accepted, by tool", "tool", self._given, [""] * len(self._given.top(SHOWN))),
                table(
                    "Who answered",
                    "person",
                    self._people,
                    [*map(partial(_by, links), self._people.top(SHOWN))],
                ),
            ),
        )

    @staticmethod
    def _each(links: Links, tally: Tally, kind: str) -> list[str]:
        return [links.show("--type", kind, tool=name) for name, _ in tally.top(SHOWN)]


def _by(links: Links, row: tuple[str, list[int]]) -> str:
    return "" if row[0] == NOBODY else links.show("--type", _ANSWERED, approver=row[0])
