"""Where a person allowed what the rules had left to people: which rules asked, and what was unusual."""

from __future__ import annotations

from typing import Any, Final

from mcpbridge.audit.records import RecordType
from mcpbridge.audit.report.document import Fact, Row, Section
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.tally import NOBODY, Latest, Tally, mappings, name_of, texts_of, tool_of
from mcpbridge.audit.report.topic import ALLOWED, listed, table, when
from mcpbridge.core.ruling import Effect, Outcome

_DENIED: Final = 20_000
"""Denied calls that are remembered, to notice when one of them is allowed later."""
_EXAMPLES: Final = 12
_CHANGED: Final = "the tool's definition had changed"
_SHADOW: Final = "a shadow policy would have denied it"
_BEFORE: Final = "the same call was denied before"
_EDITED: Final = "the arguments were changed by a person"
_UNDECIDED: Final = "a rule asked because it could not be evaluated"
_NO_RULE: Final = "no rule spoke of it"
_CLAIMED: Final = "the approver's name is only claimed"
_WORTH_A_LOOK: Final = frozenset({_CHANGED, _SHADOW, _BEFORE, _UNDECIDED})


class Overrides:
    """Every `human_allow`."""

    types = frozenset({RecordType.DECISION.value})

    def __init__(self) -> None:
        self._rules = Tally()
        self._unusual = Tally()
        self._denied: Latest[str] = Latest(_DENIED)
        self._count = self._worth = 0
        self._pending: list[tuple[dict[str, Any], list[str]]] = []

    def see(self, record: dict[str, Any]) -> None:
        outcome = name_of(record.get("outcome"))
        call = (tool_of(record), name_of(record.get("arguments_hmac")))
        if outcome not in ALLOWED:
            if call[1]:
                self._denied.put(call, "denied")
        elif outcome == Outcome.HUMAN_ALLOW:
            self._count += 1
            for rule in texts_of(record.get("rule_ids")) or ["(the policy's default)"]:
                self._rules.add(rule)
            notes = [*_unusual(record), *([_BEFORE] if self._denied.get(call) else [])]
            for note in notes:
                self._unusual.add(note)
            self._keep(record, [note for note in notes if note in _WORTH_A_LOOK])

    def _keep(self, record: dict[str, Any], notes: list[str]) -> None:
        if not notes:
            return
        self._worth += 1
        if len(self._pending) < _EXAMPLES:
            kept = ("ts", "server_label", "tool", "approver", "request_id")
            self._pending.append(({name: record.get(name) for name in kept}, notes))

    def section(self, links: Links) -> Section:
        allowed = links.show("--outcome", "human_allow")
        rows = [
            Row(
                cells=(
                    tool_of(record),
                    when(record),
                    name_of(record.get("approver")) or NOBODY,
                    "; ".join(notes),
                ),
                command=links.request(record.get("request_id")),
                alarming=True,
            )
            for record, notes in self._pending
        ]
        return Section(
            id="overrides",
            title="Overrides: a person said yes",
            lead="The rules did not allow these calls by themselves. Worth a look: those where something was "
            "unusual.",
            facts=(
                Fact(name="allowed by a person", value=self._count, command=allowed),
                Fact(
                    name="overrides worth a look",
                    value=self._worth,
                    command=allowed,
                    alarming=self._worth > 0,
                ),
            ),
            tables=(
                table(
                    "By the rule that asked",
                    "rule",
                    self._rules,
                    [
                        links.show("--outcome", "human_allow", rule="" if name.startswith("(") else name)
                        for name, _ in self._rules.top()
                    ],
                ),
                table("What was unusual", "what", self._unusual, [allowed] * len(self._unusual.top())),
                listed("Worth a look", ("call", "when (UTC)", "approver", "why"), rows, self._worth),
            ),
        )


def _unusual(record: dict[str, Any]) -> list[str]:
    matches, shadows = mappings(record.get("matches")), mappings(record.get("shadow"))
    found = (
        (_CHANGED, bool(record.get("definition_changes"))),
        (_SHADOW, any(one.get("effect") == Effect.DENY for one in shadows)),
        (_EDITED, bool(record.get("edited_from"))),
        (_UNDECIDED, any(one.get("undecided") is True for one in matches)),
        (_NO_RULE, not record.get("rule_ids")),
        (_CLAIMED, record.get("authenticated") is not True),
    )
    return [note for note, true in found if true]
