"""What was decided: over time, by outcome, by tool. And which rules said no."""

from __future__ import annotations

from typing import Any

from mcpbridge.audit.records import RecordType
from mcpbridge.audit.report.document import Chart, Fact, Section, Series
from mcpbridge.audit.report.durations import moment
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.tally import NOBODY, SHOWN, Tally, name_of, texts_of, tool_of
from mcpbridge.audit.report.timeline import Timeline
from mcpbridge.audit.report.topic import DENIED, KIND_NAMES, KINDS, PERSON, RULE, kind_of, table
from mcpbridge.core.ruling import Outcome


class Decisions:
    """Every decision of the period."""

    types = frozenset({RecordType.DECISION.value})

    def __init__(self) -> None:
        self._kinds = Tally()
        self._outcomes = Tally()
        self._tools = Tally(*KINDS)
        self._principals = Tally(*KINDS)
        self._time = Timeline(KINDS)

    def see(self, record: dict[str, Any]) -> None:
        kind = kind_of(record.get("outcome"))
        self._kinds.add(kind)
        self._outcomes.add(name_of(record.get("outcome")))
        self._tools.add(tool_of(record), kind)
        self._principals.add(name_of(record.get("principal")) or NOBODY, kind)
        at = moment(record.get("ts"))
        if at is not None:
            self._time.add(at, kind)

    def section(self, links: Links) -> Section:
        counts = {kind: sum(self._kinds.rows.get(kind, [0])) for kind in KINDS}
        everything = links.show("--type", "decision")
        return Section(
            id="decisions",
            title="Decisions",
            lead="Each call that the model wanted to make, and the last word on it.",
            facts=(
                Fact(name="decisions", value=self._kinds.total, command=everything),
                Fact(name=KIND_NAMES[RULE], value=counts[RULE], command=self._allowed(links)),
                Fact(
                    name=KIND_NAMES[PERSON],
                    value=counts[PERSON],
                    command=_of_outcome(links, Outcome.HUMAN_ALLOW),
                ),
                Fact(name=KIND_NAMES[DENIED], value=counts[DENIED], command=links.show("--denied")),
            ),
            charts=(self._over_time(), self._by_outcome(), self._by_tool()),
            tables=(
                table(
                    "By outcome",
                    "outcome",
                    self._outcomes,
                    [_of_outcome(links, name) for name, _ in self._outcomes.top()],
                ),
                table(
                    "By tool",
                    "tool",
                    self._tools,
                    [links.show("--type", "decision", tool=name) for name, _ in self._tools.top()],
                ),
                table(
                    "On whose behalf",
                    "principal",
                    self._principals,
                    [links.principal(name) for name, _ in self._principals.top()],
                ),
            ),
        )

    def _allowed(self, links: Links) -> str:
        """Leads to all that nobody was asked about."""
        met = [name for name in self._outcomes.rows if kind_of(name) == RULE]
        return _of_outcome(links, *sorted(met))

    def _over_time(self) -> Chart:
        labels, values = self._time.columns()
        return Chart(
            title=f"Decisions over time, by {self._time.width} (UTC)",
            labels=labels,
            series=tuple(Series(name=KIND_NAMES[kind], tone=kind, values=values[kind]) for kind in KINDS),
        )

    def _by_outcome(self) -> Chart:
        top = self._outcomes.top()
        return Chart(
            title="By outcome",
            labels=tuple(name for name, _ in top),
            series=tuple(
                Series(
                    name=KIND_NAMES[kind],
                    tone=kind,
                    values=tuple(counts[0] if kind_of(name) == kind else 0 for name, counts in top),
                )
                for kind in KINDS
            ),
            lying=True,
        )

    def _by_tool(self) -> Chart:
        top = self._tools.top()
        return Chart(
            title="By tool",
            labels=tuple(name for name, _ in top),
            series=tuple(
                Series(name=KIND_NAMES[kind], tone=kind, values=tuple(counts[at] for _, counts in top))
                for at, kind in enumerate(KINDS)
            ),
            lying=True,
        )


def _of_outcome(links: Links, *names: str) -> str:
    """Decisions with one of these outcomes; "" for a name that no filter takes."""
    if not names or not set(names) <= set(Outcome):
        return ""
    return links.show("--type", "decision", *(word for name in names for word in ("--outcome", name)))


class Denials:
    """Which rules, limits and people kept calls from running."""

    types = frozenset({RecordType.DECISION.value})

    def __init__(self) -> None:
        self._rules = Tally()
        self._reasons = Tally()
        self._tools = Tally()

    def see(self, record: dict[str, Any]) -> None:
        if kind_of(record.get("outcome")) != DENIED:
            return
        for rule in texts_of(record.get("rule_ids")):
            self._rules.add(rule)
        self._reasons.add(name_of(record.get("outcome")) or "no outcome")
        self._tools.add(tool_of(record))

    def section(self, links: Links) -> Section:
        return Section(
            id="denials",
            title="Denials",
            lead="What did not run, and why. A rule counts where it carried the ruling: it denied, or it "
            "asked and the answer was no, or nobody's.",
            facts=(Fact(name="denied", value=self._reasons.total, command=links.show("--denied")),),
            tables=(
                table(
                    "By rule",
                    "rule",
                    self._rules,
                    [links.show("--denied", rule=name) for name, _ in self._rules.top(SHOWN)],
                ),
                table(
                    "By outcome",
                    "outcome",
                    self._reasons,
                    [self._outcome(links, name) for name, _ in self._reasons.top(SHOWN)],
                ),
                table(
                    "By tool",
                    "tool",
                    self._tools,
                    [links.show("--denied", tool=name) for name, _ in self._tools.top(SHOWN)],
                ),
            ),
        )

    @staticmethod
    def _outcome(links: Links, name: str) -> str:
        known = name.replace("_", "").isalpha() and name.isascii()
        return links.show("--denied", "--outcome", name) if known else links.show("--denied")
