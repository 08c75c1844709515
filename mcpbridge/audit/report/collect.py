"""One pass over a log's records, and what a reviewer wants to know of them.

Memory does not grow with the log: names beyond a limit are counted together, and only the latest open
questions and calls are remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from mcpbridge.audit.read import read
from mcpbridge.audit.report.decisions import Decisions, Denials
from mcpbridge.audit.report.document import Report, Section
from mcpbridge.audit.report.limits import Limits
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.operation import Operation, SignOffs
from mcpbridge.audit.report.overrides import Overrides
from mcpbridge.audit.report.people import People
from mcpbridge.audit.report.questions import Questions
from mcpbridge.audit.report.servers import Servers
from mcpbridge.audit.report.shadows import Shadows
from mcpbridge.audit.report.tally import name_of
from mcpbridge.audit.report.tools import Tools
from mcpbridge.audit.report.topic import Topic
from mcpbridge.audit.report.unknowns import Unknowns
from mcpbridge.audit.report.verdict import verdict_of
from mcpbridge.audit.verify import Against, verify

_EVERY: Final = "*"


class Collected:
    """All sections in the making."""

    def __init__(self) -> None:
        self._tools = Tools()
        self._topics: tuple[Topic, ...] = (
            Decisions(), Denials(), Overrides(), People(), self._tools, Unknowns(), Shadows(), Limits(),
            Servers(), Questions(), SignOffs(), Operation(),
        )  # fmt: skip
        self._by_type: dict[str, list[Topic]] = {}
        self._always = [topic for topic in self._topics if _EVERY in topic.types]
        for topic in self._topics:
            for kind in topic.types - {_EVERY}:
                self._by_type.setdefault(kind, []).append(topic)
        self.records = 0
        self.first = self.last = ""

    def before(self, records: Iterable[dict[str, Any]]) -> None:
        """Listings of tools from before the period: what is new is told by them."""
        for record in records:
            self._tools.before(record)

    def see(self, records: Iterable[dict[str, Any]]) -> None:
        """The records of the period."""
        for record in records:
            self.records += 1
            self.last = name_of(record.get("ts"))
            self.first = self.first or self.last
            for topic in self._by_type.get(str(record.get("type")), ()):
                topic.see(record)
            for topic in self._always:
                topic.see(record)

    def sections(self, links: Links) -> tuple[Section, ...]:
        return tuple(topic.section(links) for topic in self._topics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """`since` is inclusive, `until` is not; None: from the beginning, to the end. Both aware."""

    since: datetime | None = None
    until: datetime | None = None


def report(
    directory: str | Path, *, period: Period, made: datetime, links: Links, against: Against | None = None
) -> Report:
    """Read the log and verify it. Raises AuditUnavailable where there is none, AuditCorrupt at a line that is
    not JSON. `links` says how commands in the report name this log; `against`, what it is verified
    against."""
    collected = Collected()
    if period.since is not None:
        collected.before(read(directory, until=period.since, types=Tools.types))
    collected.see(read(directory, since=period.since, until=period.until))
    return Report(
        log=name_of(str(directory)),
        made=made,
        since=period.since,
        until=period.until,
        first=collected.first,
        last=collected.last,
        records=collected.records,
        verdict=verdict_of(verify(directory, against), links),
        sections=collected.sections(links),
    )
