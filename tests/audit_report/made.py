"""Logs whose figures are known."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mcpbridge.audit import AuditLog
from mcpbridge.audit.report import Links, Period, Report, report
from mcpbridge.audit.report.document import Section
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Record

MADE = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Stands still until it is told to go on."""

    moment: datetime = NOON

    def now(self) -> datetime:
        return self.moment

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_1"


@dataclass(frozen=True, slots=True)
class Later:
    """So many seconds pass before the next record."""

    seconds: float


Steps = Iterable[Record | Later]


def write(folder: Path, steps: Steps, *, mask: Mask | None = None) -> Path:
    """A log with these records; returns its folder."""

    async def scenario() -> None:
        clock = Clock()
        async with AuditLog.open(folder, mask=mask or Mask(), clock=clock) as log:
            for step in steps:
                if isinstance(step, Later):
                    clock.moment += timedelta(seconds=step.seconds)
                else:
                    await log.append(step)

    with ThreadPoolExecutor(1) as aside:  # a test with a browser has an event loop of its own here
        aside.submit(asyncio.run, scenario()).result()
    return folder


def note(kind: str, /, **fields: Any) -> Record:
    return Record(type=kind, fields=fields)


def decision(outcome: str, *, tool: str = "open", request: str = "mcpr_1", **fields: Any) -> Record:
    usual: dict[str, Any] = {
        "conversation_id": "conv_1",
        "request_id": request,
        "server_label": "tracker",
        "tool": tool,
        "outcome": outcome,
        "effect": "ask",
        "rule_ids": ["writes"],
        "principal": "ada",
        "arguments": {"title": "x"},
    }
    return Record(type="decision", phase="pre", fields={**usual, **fields})


@dataclass
class Asked:
    """Questions to one approver, each answered after some seconds."""

    approver: str
    authenticated: bool = True
    steps: list[Record | Later] = field(default_factory=list[Record | Later])
    count: int = 0

    def then(self, *, yes: bool, after: float, times: int = 1, **fields: Any) -> Asked:
        for _ in range(times):
            self.count += 1
            request = f"mcpr_{self.approver}_{self.count}"
            self.steps += [
                note("question_asked", conversation_id="conv_1", request_id=request),
                Later(after),
                decision(
                    "human_allow" if yes else "human_deny",
                    request=request,
                    approver=self.approver,
                    authenticated=self.authenticated,
                    arguments={"title": request},
                    **fields,
                ),
            ]
        return self


def reported(folder: Path, *, period: Period | None = None, links: Links | None = None) -> Report:
    return report(folder, period=period or Period(), made=MADE, links=links or Links())


def section(found: Report, name: str) -> Section:
    return next(one for one in found.sections if one.id == name)


def facts(found: Report, name: str) -> dict[str, int | str]:
    return {fact.name: fact.value for fact in section(found, name).facts}


def rows(found: Report, name: str, title: str) -> list[tuple[int | str, ...]]:
    table = next(table for table in section(found, name).tables if table.title == title)
    return [row.cells for row in table.rows]
