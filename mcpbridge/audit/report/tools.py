"""New and changed tools: what servers described differently than at any time before."""

from __future__ import annotations

from typing import Any, Final, cast

from mcpbridge.audit.records import RecordType
from mcpbridge.audit.report.document import Fact, Row, Section
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.tally import SHOWN, name_of
from mcpbridge.audit.report.topic import listed, when

_KNOWN: Final = 20_000
"""Tools whose definitions are remembered; what comes after them is not compared."""


class Tools:
    """Listings of the period, compared with everything that the log has seen before."""

    types = frozenset({RecordType.TOOLS_LISTED.value, RecordType.TOOLS_CHANGED.value})

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._labels: set[str] = set()
        self._rows: list[Row] = []
        self._links: list[str] = []
        self._counts = {"new": 0, "changed": 0, "first listing": 0}
        self._listings = self._uncompared = 0

    def before(self, record: dict[str, Any]) -> None:
        """A listing from before the period."""
        for _ in self._differences(record):
            pass

    def see(self, record: dict[str, Any]) -> None:
        self._listings += 1
        for label, name, what in self._differences(record):
            self._counts[what] += 1
            if what != "first listing" and len(self._rows) < SHOWN:
                self._rows.append(Row(cells=(f"{label}.{name}", what, when(record)), alarming=True))
                self._links.append(label)

    def _differences(self, record: dict[str, Any]) -> list[tuple[str, str, str]]:
        """(label, tool, what) for each tool that is not as it was."""
        label, tools = name_of(record.get("server_label")), record.get("tools")
        if not isinstance(tools, dict):
            return []
        first = label not in self._labels
        if len(self._labels) < _KNOWN:
            self._labels.add(label)
        found: list[tuple[str, str, str]] = []
        for tool, given in cast("dict[str, Any]", tools).items():
            name, definition = f"{label}.{name_of(tool)}", name_of(given)
            before = self._known.get(name)
            if before == definition:
                continue
            if before is None and len(self._known) >= _KNOWN:
                self._uncompared += 1
                continue
            self._known[name] = definition
            what = "changed" if before is not None else "first listing" if first else "new"
            found.append((label, name_of(tool), what))
        return found

    def section(self, links: Links) -> Section:
        command = links.show("--type", "tools_listed", "--type", "tools_changed")
        rows = [
            Row(cells=row.cells, alarming=True, command=links.server(label, "tools_listed", "tools_changed"))
            for row, label in zip(self._rows, self._links, strict=True)
        ]
        new, changed = self._counts["new"], self._counts["changed"]
        facts = [
            Fact(name="listings", value=self._listings, command=command),
            Fact(name="tools of servers seen for the first time", value=self._counts["first listing"]),
            Fact(name="new tools of known servers", value=new, command=command, alarming=new > 0),
            Fact(name="changed definitions", value=changed, command=command, alarming=changed > 0),
        ]
        if self._uncompared:
            facts.append(Fact(name="listed, too many to compare", value=self._uncompared, alarming=True))
        return Section(
            id="tools",
            title="New and changed tools",
            lead="A tool that describes itself differently may do something else than what was approved "
            "before.",
            facts=tuple(facts),
            tables=(listed("In the order they came", ("tool", "what", "when (UTC)"), rows, new + changed),),
        )
