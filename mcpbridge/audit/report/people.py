"""The people who were asked: how long they took, and whether they still read what they sign."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from mcpbridge.audit.records import RecordType
from mcpbridge.audit.report.document import Chart, Fact, Row, Section, Series, Table
from mcpbridge.audit.report.durations import LABELS, Durations, moment
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.tally import NOBODY, SHOWN, Latest, name_of, request_of
from mcpbridge.audit.report.topic import PEOPLE
from mcpbridge.core.ruling import Outcome

_OPEN: Final = 20_000
"""Questions that wait for an answer; of older ones nobody knows how long they took."""
_APPROVERS: Final = 1_000
MANY_QUICK: Final = 0.1
"""Share of answers under two seconds from which on somebody should look, …"""
NEARLY_ALL: Final = 0.98
"""… and share of yes, …"""
ENOUGH: Final = 20
"""… out of so many decisions at least: three quick yeses say nothing about a person."""


_COLUMNS: Final = ("approver", "decisions", "yes", "no", "yes in %", "under 2 s", "median", "only claimed")


@dataclass(slots=True)
class _Approver:
    yes: int = 0
    no: int = 0
    claimed: int = 0
    took: Durations = field(default_factory=Durations)

    @property
    def decided(self) -> int:
        return self.yes + self.no

    @property
    def quick(self) -> bool:
        return self.decided >= ENOUGH and self.took.quick > MANY_QUICK * self.took.total

    @property
    def obliging(self) -> bool:
        return self.decided >= ENOUGH and self.yes >= NEARLY_ALL * self.decided


class People:
    """Approvals by approver. Where several had to agree, each of their yeses counts, and not their sum."""

    types = frozenset(
        {RecordType.DECISION.value, RecordType.QUESTION_ASKED.value, RecordType.APPROVAL_GIVEN.value}
    )

    def __init__(self) -> None:
        self._asked: Latest[float] = Latest(_OPEN)
        self._voted: Latest[bool] = Latest(_OPEN)
        self._approvers: dict[str, _Approver] = {}
        self._took = Durations()
        self._questions = self._unmeasured = self._timeouts = self._nobody = 0

    def see(self, record: dict[str, Any]) -> None:
        kind = record.get("type")
        if kind == RecordType.QUESTION_ASKED:
            self._questions += 1
            at = moment(record.get("ts"))
            if at is not None and self._asked.get(request_of(record)) is None:
                self._asked.put(request_of(record), at)
        elif kind == RecordType.APPROVAL_GIVEN:
            self._voted.put(request_of(record), True)
            self._answer(record, yes=True, began=self._asked.get(request_of(record)))
        else:
            self._decision(record)

    def _decision(self, record: dict[str, Any]) -> None:
        outcome = name_of(record.get("outcome"))
        self._timeouts += outcome == Outcome.TIMEOUT
        self._nobody += outcome == Outcome.NO_APPROVER
        began = self._asked.pop(request_of(record))
        if outcome in PEOPLE and not self._voted.pop(request_of(record)):
            asked_at = moment(record.get("asked_at") or record.get("shown_at"))
            self._answer(
                record, yes=outcome == Outcome.HUMAN_ALLOW, began=began if asked_at is None else asked_at
            )

    def _answer(self, record: dict[str, Any], *, yes: bool, began: float | None) -> None:
        who = self._approver(name_of(record.get("approver")) or NOBODY)
        who.yes += yes
        who.no += not yes
        who.claimed += record.get("authenticated") is not True
        decided = moment(record.get("decided_at") or record.get("ts"))
        if began is None or decided is None:
            self._unmeasured += 1
            return
        who.took.add(max(decided - began, 0.0))
        self._took.add(max(decided - began, 0.0))

    def _approver(self, name: str) -> _Approver:
        if name not in self._approvers and len(self._approvers) >= _APPROVERS:
            name = "all others"
        return self._approvers.setdefault(name, _Approver())

    def section(self, links: Links) -> Section:
        top = sorted(self._approvers.items(), key=lambda item: (-item[1].decided, item[0]))
        return Section(
            id="people",
            title="People and approval fatigue",
            lead="A yes that comes in under two seconds was hardly read, and somebody who nearly always says "
            f"yes may no longer be asking themselves anything. Marked: of {ENOUGH} or more decisions, over "
            f"{MANY_QUICK:.0%} under two seconds, or at least {NEARLY_ALL:.0%} yes. A name is authenticated "
            "where its approver proved it; else it is only claimed.",
            facts=self._facts(top, links),
            charts=(self._latency(), self._fatigue(top[:SHOWN])),
            tables=(
                Table(
                    title="By approver",
                    columns=_COLUMNS,
                    rows=tuple(_row(name, who, links) for name, who in top[:SHOWN]),
                    more=max(len(top) - SHOWN, 0),
                ),
            ),
        )

    def _facts(self, top: list[tuple[str, _Approver]], links: Links) -> tuple[Fact, ...]:
        tired = sum(who.quick or who.obliging for _, who in top)
        return (
            Fact(
                name="questions put",
                value=self._questions,
                command=links.show("--type", "question_asked"),
            ),
            Fact(
                name="answers",
                value=sum(who.decided for _, who in top),
                command=links.show("--human"),
            ),
            Fact(
                name="median time to answer",
                value=self._took.median() or "-",
                command=links.show("--human"),
            ),
            Fact(name="under 2 s", value=self._took.quick, command=links.show("--human")),
            Fact(
                name="nobody answered in time",
                value=self._timeouts,
                command=links.show("--outcome", "timeout"),
            ),
            Fact(
                name="nobody could be asked",
                value=self._nobody,
                command=links.show("--outcome", "no_approver"),
            ),
            Fact(
                name="approvers who may be tired",
                value=tired,
                command=links.show("--human"),
                alarming=tired > 0,
            ),
            Fact(name="answers without a measured time", value=self._unmeasured),
        )

    def _latency(self) -> Chart:
        answers = Series(name="answers", tone="person", values=tuple(self._took.counts))
        return Chart(title="Time from question to answer", labels=LABELS, series=(answers,))

    @staticmethod
    def _fatigue(top: list[tuple[str, _Approver]]) -> Chart:
        return Chart(
            title="Answers in under two seconds, in % of each approver's",
            labels=tuple(name for name, _ in top),
            series=(
                Series(
                    name="under two seconds",
                    tone="denied",
                    values=tuple(_percent(who.took.quick, who.took.total) for _, who in top),
                ),
            ),
            lying=True,
            unit="%",
        )


def _row(name: str, who: _Approver, links: Links) -> Row:
    marks = [word for word, true in (("quick", who.quick), ("nearly always yes", who.obliging)) if true]
    return Row(
        cells=(
            f"{name} ({', '.join(marks)})" if marks else name,
            who.decided,
            who.yes,
            who.no,
            f"{_percent(who.yes, who.decided)} %",
            who.took.quick,
            who.took.median() or "-",
            who.claimed,
        ),
        command=links.show("--human", approver="" if name == NOBODY else name),
        alarming=bool(marks),
    )


def _percent(part: int, whole: int) -> int:
    """Rounded down: 199 of 200 is not all."""
    return 100 * part // whole if whole else 0
