"""Which servers took part, and what ran without anybody being asked."""

from __future__ import annotations

from typing import Any, Final

from mcpbridge.audit.records import Evidence, RecordType
from mcpbridge.audit.report.document import Fact, Row, Section
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.tally import NAMES, Tally, name_of
from mcpbridge.audit.report.topic import listed, table

_SEEN: Final = frozenset(
    {
        RecordType.SERVER_REGISTERED.value,
        RecordType.SERVER_REMOVED.value,
        RecordType.SERVER_SILENT.value,
        RecordType.OUTCOME.value,
        RecordType.UNGATED.value,
    }
)


class Servers:
    """Registered, observed, silent and ungated."""

    types = _SEEN

    def __init__(self) -> None:
        self._registered: dict[str, tuple[str, bool]] = {}
        self._beyond = 0
        self._observed = Tally()
        self._ungated = Tally()
        self._silent = Tally()
        self._removed = 0

    def see(self, record: dict[str, Any]) -> None:
        kind, label = record.get("type"), name_of(record.get("server_label"))
        if kind == RecordType.SERVER_REGISTERED:
            if label in self._registered or len(self._registered) < NAMES:
                observed = record.get("observe") is True
                self._registered[label] = (name_of(record.get("server_identity")), observed)
            else:
                self._beyond += 1
        elif kind == RecordType.SERVER_REMOVED:
            self._removed += 1
        elif kind == RecordType.SERVER_SILENT:
            self._silent.add(label)
        elif kind == RecordType.UNGATED:
            self._ungated.add(name_of(record.get("kind")) or "unnamed")
        elif record.get("evidence") == Evidence.OBSERVED:
            self._observed.add(label)

    def section(self, links: Links) -> Section:
        ungated = links.show("--type", "ungated")
        rows = [
            Row(
                cells=(label, identity, "observed: calls run WITHOUT ASKING" if observed else "asked"),
                command=links.server(label),
                alarming=observed,
            )
            for label, (identity, observed) in sorted(
                self._registered.items(), key=lambda item: (not item[1][1], item[0])
            )
        ]
        return Section(
            id="servers",
            title="Servers, observed and ungated calls",
            lead="An observed server's calls are only recorded: nobody decides. Ungated tools run at the "
            "provider because the configuration accepted them.",
            facts=self._facts(links),
            tables=(
                listed("Servers", ("server", "address", "gate"), rows, len(self._registered) + self._beyond),
                table(
                    "Calls only observed, by server",
                    "server",
                    self._observed,
                    [links.server(name, "outcome") for name, _ in self._observed.top()],
                    alarming=True,
                ),
                table("Ungated calls, by kind", "kind", self._ungated, [ungated] * len(self._ungated.top())),
            ),
        )

    def _facts(self, links: Links) -> tuple[Fact, ...]:
        registered = links.show("--type", "server_registered")
        observing = sum(observed for _, observed in self._registered.values())
        return (
            Fact(name="servers registered", value=len(self._registered) + self._beyond, command=registered),
            Fact(name="servers observed only", value=observing, command=registered, alarming=observing > 0),
            Fact(
                name="calls only observed",
                value=self._observed.total,
                command=links.show("--type", "outcome"),
                alarming=self._observed.total > 0,
            ),
            Fact(
                name="ungated calls",
                value=self._ungated.total,
                command=links.show("--type", "ungated"),
                alarming=self._ungated.total > 0,
            ),
            Fact(
                name="declared, and never heard of",
                value=self._silent.total,
                command=links.show("--type", "server_silent"),
                alarming=self._silent.total > 0,
            ),
            Fact(name="removed", value=self._removed, command=links.show("--type", "server_removed")),
        )
