"""Everything else that a reviewer asks about: sign-offs, policies in force, freezes, runs and incidents."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from mcpbridge.audit.records import RecordType
from mcpbridge.audit.report.document import Fact, Row, Section
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.tally import NOBODY, SHOWN, Tally, name_of
from mcpbridge.audit.report.topic import listed, table, when

_KEPT: Final = (
    RecordType.ERASED.value,
    RecordType.RETENTION_APPLIED.value,
    RecordType.HOLD_ADDED.value,
    RecordType.HOLD_RELEASED.value,
    RecordType.KEY_ROTATED.value,
    RecordType.RESULTS_KEPT.value,
)
"""What was done to the log itself."""
_POLICIES: Final = frozenset(
    {
        RecordType.POLICY_LOADED.value,
        RecordType.POLICY_RELOADED.value,
        RecordType.POLICY_RELOAD_FAILED.value,
    }
)
_LOOK: Final = frozenset(
    {
        RecordType.TRIPWIRE.value,
        RecordType.POLICY_RELOAD_FAILED.value,
        RecordType.FROZEN.value,
        RecordType.INPUT_TRANSFORMED.value,
    }
)


class SignOffs:
    """Who has reviewed what."""

    types = frozenset({RecordType.REVIEW_SIGNOFF.value})

    def __init__(self) -> None:
        self._latest: deque[Row] = deque(maxlen=SHOWN)
        self._count = 0

    def see(self, record: dict[str, Any]) -> None:
        self._count += 1
        first, last = name_of(record.get("first_seq")), name_of(record.get("last_seq"))
        self._latest.append(
            Row(
                cells=(
                    name_of(record.get("reviewer")) or NOBODY,
                    when(record),
                    f"{first}-{last}" if first or last else "-",
                    name_of(record.get("reason") or record.get("note")),
                )
            )
        )

    def section(self, links: Links) -> Section:
        command = links.show("--type", "review_signoff")
        rows = [Row(cells=row.cells, command=command) for row in reversed(self._latest)]
        return Section(
            id="signoffs",
            title="Sign-offs",
            lead="A reviewer's word about a range of records, written into the log itself: "
            "`mcpbridge audit signoff`.",
            facts=(Fact(name="sign-offs in the period", value=self._count, command=command),),
            tables=(
                listed("Latest first", ("reviewer", "when (UTC)", "records", "remark"), rows, self._count),
            ),
        )


class Operation:
    """All types of records, counted; and the policies that were in force."""

    types = frozenset({"*"})

    def __init__(self) -> None:
        self._types = Tally()
        self._runs = Tally()
        self._policies: dict[str, Row] = {}
        self._beyond = 0

    def see(self, record: dict[str, Any]) -> None:
        kind = name_of(record.get("type"))
        self._types.add(kind)
        if kind == RecordType.RUN_FINISHED:
            self._runs.add(name_of(record.get("status")) or "no status")
        elif kind in _POLICIES:
            self._policy(kind, record)

    def _policy(self, kind: str, record: dict[str, Any]) -> None:
        name = name_of(record.get("policy")) or kind.replace("_", " ")
        digest = name_of(record.get("policy_hash") or record.get("after"))
        if digest in self._policies or len(self._policies) < SHOWN:
            mode = "shadow" if record.get("shadow") is True else "enforced"
            self._policies[digest] = Row(cells=(name, digest[:16], mode, when(record)))
        else:
            self._beyond += 1

    def section(self, links: Links) -> Section:
        policies = [
            Row(cells=row.cells, command=links.show(*_types(sorted(_POLICIES))))
            for row in self._policies.values()
        ]
        facts = [kind for kind in (*sorted(_LOOK), *_KEPT) if kind in self._types.rows]
        return Section(
            id="operation",
            title="Runs, policies and incidents",
            facts=tuple(
                Fact(
                    name=kind.replace("_", " "),
                    value=sum(self._types.rows[kind]),
                    command=links.show("--type", kind),
                    alarming=kind in _LOOK,
                )
                for kind in facts
            ),
            tables=(
                table(
                    "Runs by how they ended",
                    "status",
                    self._runs,
                    [links.show("--type", "run_finished")] * len(self._runs.top()),
                ),
                listed(
                    "Policies in force, last loaded",
                    ("policy", "SHA-256", "mode", "when (UTC)"),
                    policies,
                    len(policies) + self._beyond,
                ),
                table(
                    "Records by type",
                    "type",
                    self._types,
                    [self._show(links, name) for name, _ in self._types.top()],
                ),
            ),
        )

    @staticmethod
    def _show(links: Links, name: str) -> str:
        return links.show("--type", name) if name in set(RecordType) else links.show()


def _types(kinds: list[str]) -> list[str]:
    return [word for kind in kinds for word in ("--type", kind)]
