"""Effects that nobody can account for, and what was made of them."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from mcpbridge.audit.counted import counted
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.report.document import Fact, Row, Section
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.tally import NO_TOOL, SHOWN, Latest, name_of, request_of, tool_of
from mcpbridge.audit.report.topic import listed, when

_OPEN: Final = 20_000
"""Calls that have begun and have no outcome yet; an older one is only found by `audit reconcile`."""
_BEGAN: Final = (RecordType.INTENT.value,)
_ENDED: Final = (RecordType.OUTCOME.value, RecordType.OUTCOME_UNKNOWN.value, RecordType.RECOVERY.value)
_DECIDED: Final = ("repeated", "given_up")
"""What a person makes of an unknown outcome."""


class Unknowns:
    """Outcomes, unknown outcomes and recoveries."""

    types = frozenset({*_BEGAN, *_ENDED})

    def __init__(self) -> None:
        self._open: Latest[dict[str, Any]] = Latest(_OPEN)
        self._latest: deque[tuple[dict[str, Any], str]] = deque(maxlen=SHOWN)
        self._counts = {"completed": 0, "failed": 0, "timeout": 0, "unknown": 0}
        self._made = {"repeated": 0, "given_up": 0, "not_run": 0}
        self._torn = self._torn_bytes = 0

    def see(self, record: dict[str, Any]) -> None:
        kind, key = record.get("type"), request_of(record)
        if kind == RecordType.INTENT:
            kept = ("ts", "server_label", "tool", "request_id", "conversation_id")
            self._open.put(key, {name: record.get(name) for name in kept})
            return
        began = self._open.pop(key)
        if kind == RecordType.OUTCOME:
            status = name_of(record.get("status"))
            if status in self._counts:
                self._counts[status] += 1
        elif kind == RecordType.OUTCOME_UNKNOWN:
            self._counts["unknown"] += 1
            self._latest.append(({**(began or {}), **_brief(record)}, name_of(record.get("reason"))))
        else:
            if began is not None and record.get("outcome") in _DECIDED:  # its process ended without a word
                self._counts["unknown"] += 1
                self._latest.append((began, "the process ended while it ran"))
            self._recovery(record)

    def _recovery(self, record: dict[str, Any]) -> None:
        outcome, removed = name_of(record.get("outcome")), record.get("removed_bytes")
        if outcome in self._made:
            self._made[outcome] += 1
        elif isinstance(removed, int):
            self._torn += 1
            self._torn_bytes += removed

    def section(self, links: Links) -> Section:
        rows = [
            Row(
                cells=(_call(record), when(record), why),
                command=links.request(record.get("request_id")),
                alarming=True,
            )
            for record, why in reversed(self._latest)
        ]
        still = [
            Row(cells=(tool_of(one), when(one)), command=links.request(one.get("request_id")), alarming=True)
            for one in self._open.values()[:SHOWN]
        ]
        return Section(
            id="unknown",
            title="Outcomes, recoveries and what nobody knows",
            lead="A call of unknown outcome may have taken effect. It is never repeated by itself: a person "
            "says what becomes of it.",
            facts=self._facts(links),
            tables=(
                listed(
                    "Unknown outcomes, latest first",
                    ("call", "when (UTC)", "why"),
                    rows,
                    self._counts["unknown"],
                ),
                listed(
                    "Begun, and no outcome in the period", ("call", "began (UTC)"), still, len(self._open)
                ),
            ),
        )

    def _facts(self, links: Links) -> tuple[Fact, ...]:
        unknown = links.show("--type", "outcome_unknown", "--type", "recovery")
        recovery = links.show("--type", "recovery")
        counts, made = self._counts, self._made
        return (
            *(
                Fact(
                    name=name,
                    value=counts[status],
                    command=links.show("--type", "outcome", "--outcome", status),
                )
                for name, status in (
                    ("completed", "completed"),
                    ("failed", "failed"),
                    ("timed out", "timeout"),
                )
            ),
            Fact(
                name="unknown outcomes",
                value=counts["unknown"],
                command=unknown,
                alarming=counts["unknown"] > 0,
            ),
            Fact(
                name="begun without an outcome",
                value=len(self._open),
                command=links.other("reconcile"),
                alarming=len(self._open) > 0,
            ),
            Fact(name="repeated, as a person decided", value=made["repeated"], command=recovery),
            Fact(name="given up, as a person decided", value=made["given_up"], command=recovery),
            Fact(name="attempts made void before they ran", value=made["not_run"], command=recovery),
            Fact(
                name="unfinished last records cut off",
                value=f"{self._torn} ({counted(self._torn_bytes, 'byte')})" if self._torn else 0,
                command=recovery,
                alarming=self._torn > 0,
            ),
        )


def _call(record: dict[str, Any]) -> str:
    """The tool where the log says which; else the request."""
    tool = tool_of(record)
    return name_of(record.get("request_id")) if tool == NO_TOOL else tool


def _brief(record: dict[str, Any]) -> dict[str, Any]:
    names = ("ts", "server_label", "tool", "request_id")
    return {name: record[name] for name in names if record.get(name) is not None}
