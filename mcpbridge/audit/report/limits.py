"""Limits that were reached, and grants: made, used, refused and withdrawn."""

from __future__ import annotations

from typing import Any, Final

from mcpbridge.audit.records import RecordType
from mcpbridge.audit.report.document import Fact, Section
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.tally import NO_TOOL, Latest, Tally, name_of, tool_of
from mcpbridge.audit.report.topic import table
from mcpbridge.core.ruling import Outcome

_GRANTS: Final = (
    RecordType.GRANT_MADE.value,
    RecordType.GRANT_USED.value,
    RecordType.GRANT_REFUSED.value,
    RecordType.GRANT_WITHDRAWN.value,
)
_NAMES: Final = 20_000
"""Grants whose tool is remembered, for the records of their use."""


class Limits:
    """Uses of limits and grants. A record that uses up a limit carries what it counts under."""

    types = frozenset({RecordType.DECISION.value, *_GRANTS})

    def __init__(self) -> None:
        self._kinds = Tally()
        self._limited = Tally()
        self._reasons = Tally()
        self._granted = Tally("made", "used", "refused")
        self._tools: Latest[str] = Latest(_NAMES)
        self._counted = 0

    def see(self, record: dict[str, Any]) -> None:
        kind = str(record.get("type"))
        if kind == RecordType.DECISION:
            self._counted += bool(record.get("counted"))
            if record.get("outcome") == Outcome.LIMIT:
                self._limited.add(tool_of(record))
                self._reasons.add(name_of(record.get("reason")) or "no reason given")
            return
        self._kinds.add(kind)
        # A use names the request that the grant was made for, not the tool.
        made_for = (name_of(record.get("conversation_id")), name_of(record.get("granted_for")))
        if kind == RecordType.GRANT_MADE:
            self._tools.put((made_for[0], name_of(record.get("request_id"))), tool_of(record))
            self._granted.add(tool_of(record), "made")
        elif kind in (RecordType.GRANT_USED, RecordType.GRANT_REFUSED):
            tool = tool_of(record)
            if tool == NO_TOOL:
                tool = self._tools.get(made_for) or "(granted before the period)"
            self._granted.add(tool, "used" if kind == RecordType.GRANT_USED else "refused")

    def section(self, links: Links) -> Section:
        limited = links.show("--outcome", "limit")
        return Section(
            id="limits",
            title="Limits and grants",
            lead="A limit denies what goes beyond it. A grant is a person's “always”: within its bounds "
            "nobody is asked again.",
            facts=(
                Fact(name="calls counted against a limit or a grant", value=self._counted),
                Fact(name="denied by a limit", value=self._limited.total, command=limited),
                *(
                    Fact(
                        name=kind.replace("grant_", "grants "),
                        value=sum(self._kinds.rows.get(kind, [0])),
                        command=links.show("--type", kind),
                    )
                    for kind in _GRANTS
                ),
            ),
            tables=(
                table(
                    "Limits reached, by tool",
                    "tool",
                    self._limited,
                    [links.show("--outcome", "limit", tool=name) for name, _ in self._limited.top()],
                ),
                table(
                    "Limits reached, by reason", "reason", self._reasons, [limited] * len(self._reasons.top())
                ),
                table(
                    "Grants by tool",
                    "tool",
                    self._granted,
                    [links.show(*_types(), tool=name) for name, _ in self._granted.top()],
                ),
            ),
        )


def _types() -> list[str]:
    return [word for kind in _GRANTS for word in ("--type", kind)]
