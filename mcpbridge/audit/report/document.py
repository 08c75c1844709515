"""A report before it is drawn: sections of figures, tables and charts, without any markup.

Texts may come from outside (names of tools, reasons): whoever draws them, escapes them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One figure. `command` prints the records behind it. `alarming`: somebody should look."""

    name: str
    value: int | str
    command: str = ""
    alarming: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table; its first cell is a name."""

    cells: tuple[int | str, ...]
    command: str = ""
    alarming: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`more` counts the rows that are not shown."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    more: int = 0

    @property
    def command(self) -> str:
        """The one that leads to the records of all rows, where there is only one."""
        commands = {row.command for row in self.rows}
        return commands.pop() if len(commands) == 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One colour of a chart: `tone` is one of `rule`, `person`, `denied`, `plain`."""

    name: str
    tone: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Stacked series over labels: standing columns for time and durations, lying bars for names."""

    title: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    lying: bool = False
    unit: str = ""
    """Of the values: `%` or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One question that a reviewer has. `lead` says how to read what follows."""

    id: str
    title: str
    lead: str = ""
    facts: tuple[Fact, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What `audit verify` says, and what that means for a reader of the report."""

    status: str
    exit_code: int
    sentence: str
    meaning: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of it. `first` and `last`: times of the first and last record counted."""

    log: str
    made: datetime
    since: datetime | None
    until: datetime | None
    first: str
    last: str
    records: int
    verdict: Verdict
    sections: tuple[Section, ...]

    @property
    def alarming(self) -> tuple[tuple[Section, Fact], ...]:
        """What somebody should look at first."""
        return tuple((section, fact) for section in self.sections for fact in section.facts if fact.alarming)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; sections by their id."""
        found = asdict(self)
        for name in ("made", "since", "until"):
            moment = getattr(self, name)
            found[name] = moment.isoformat() if moment else None
        found["sections"] = {section.pop("id"): section for section in map(dict, found["sections"])}
        return found
