"""Policies in shadow mode: where they would have decided otherwise."""

from __future__ import annotations

from typing import Any

from mcpbridge.audit.records import RecordType
from mcpbridge.audit.report.document import Fact, Section
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.tally import Tally, mappings, name_of, texts_of, tool_of
from mcpbridge.audit.report.topic import table


class Shadows:
    """What a shadow policy says beside what the enforced policies said. Only the rules are compared, not
    what people then decided."""

    types = frozenset({RecordType.DECISION.value})

    def __init__(self) -> None:
        self._compared = self._different = 0
        self._changes = Tally()
        self._rules = Tally()
        self._tools = Tally()

    def see(self, record: dict[str, Any]) -> None:
        shadows = record.get("shadow")
        if not isinstance(shadows, list):
            return
        self._compared += 1
        enforced = name_of(record.get("effect"))
        different = [one for one in mappings(shadows) if name_of(one.get("effect")) != enforced]
        if not different:
            return
        self._different += 1
        self._tools.add(tool_of(record))
        for one in different:
            self._changes.add(f"{enforced} → {name_of(one.get('effect'))}")
            for rule in texts_of(one.get("rule_ids")) or ["(the shadow policy's default)"]:
                self._rules.add(rule)

    def section(self, links: Links) -> Section:
        command = links.show("--type", "decision")
        return Section(
            id="shadows",
            title="Shadow mode",
            lead="A policy in shadow mode only records. Each disagreement is what would change if it were "
            "enforced.",
            facts=(
                Fact(name="decisions with a shadow policy", value=self._compared, command=command),
                Fact(name="of them different", value=self._different, command=command),
            ),
            tables=(
                table("Enforced → shadow", "change", self._changes, [command] * len(self._changes.top())),
                table("By the shadow policy's rule", "rule", self._rules, [command] * len(self._rules.top())),
                table(
                    "By tool", "tool", self._tools, [links.show(tool=name) for name, _ in self._tools.top()]
                ),
            ),
        )
