"""What one section of a report needs: which records, what it counts of them, and how it puts that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from mcpbridge.audit.report.document import Row, Section, Table
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.tally import SHOWN, Tally, name_of
from mcpbridge.core.ruling import Outcome

ALLOWED: Final = frozenset(outcome.value for outcome in Outcome if outcome.allowed)
PEOPLE: Final = frozenset({Outcome.HUMAN_ALLOW.value, Outcome.HUMAN_DENY.value})
RULE, PERSON, DENIED = "rule", "person", "denied"
KINDS: Final = (RULE, PERSON, DENIED)
"""How a decision is coloured: allowed by a rule or a grant, allowed by a person, or denied."""
KIND_NAMES: Final = {
    RULE: "allowed by a rule or a grant",
    PERSON: "allowed by a person",
    DENIED: "denied",
}


class Topic(Protocol):
    """One section in the making. Its memory does not grow with the log."""

    types: frozenset[str]
    """The records that it sees."""

    def see(self, record: dict[str, Any], /) -> None:
        """One more record of the period, in the log's order."""
        ...

    def section(self, links: Links, /) -> Section:
        """What was counted."""
        ...


def kind_of(outcome: Any) -> str:
    """The colour of a decision; what is unknown did not allow."""
    if name_of(outcome) not in ALLOWED:
        return DENIED
    return PERSON if outcome == Outcome.HUMAN_ALLOW else RULE


def table(title: str, name: str, tally: Tally, commands: Sequence[str], alarming: bool = False) -> Table:
    """A tally's most frequent names with their counts; `commands` belong to the rows, in order."""
    top = tally.top()
    return Table(
        title=title,
        columns=(name, *tally.columns),
        rows=tuple(
            Row(cells=(label, *counts), command=command, alarming=alarming)
            for (label, counts), command in zip(top, commands, strict=True)
        ),
        more=tally.more(),
    )


def listed(title: str, columns: tuple[str, ...], rows: Sequence[Row], total: int) -> Table:
    """The first rows of what was met, and how many more there are."""
    return Table(
        title=title, columns=columns, rows=tuple(rows[:SHOWN]), more=max(total - min(len(rows), SHOWN), 0)
    )


def when(record: dict[str, Any]) -> str:
    """A record's time for people."""
    return name_of(record.get("ts"))[:19].replace("T", " ")
