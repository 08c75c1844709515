"""Draws docs/pictures/report.png: the beginning of the HTML report of a made-up fortnight, in Chromium.

    python -m docs.pictures.make_report_picture [FILE]

The log is made with a clock of its own and a seed; only the key, and so the verdict's hash, is new each time.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from mcpbridge.audit import AuditLog
from mcpbridge.audit.report import Links, Period, html, report
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Record

HERE = Path(__file__).parent
WIDTH, HEIGHT = 1000, 1330
_CALLS = 420
_FORTNIGHT = 14 * 86_400
_OUTCOMES = {
    "policy_allow": 48, "human_allow": 26, "grant_allow": 8, "policy_deny": 9, "human_deny": 6, "timeout": 3,
}  # fmt: skip
_TOOLS = {"tracker.list_issues": 6, "tracker.create_issue": 4, "bank.pay": 1, "local.send_mail": 3}
_APPROVERS = {"ada": (30.0, True), "bob": (1.4, False), "mira": (120.0, True)}


@dataclass
class Clock:
    moment: datetime = datetime(2026, 11, 2, 8, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_1"


def records(clock: Clock, chance: random.Random) -> Iterator[Record]:
    """What happened; the clock goes on as it is asked for."""
    yield Record(type="policy_loaded", fields={"policy": "support", "policy_hash": "5f" * 32})
    tools = {"list_issues": "1", "create_issue": "2"}
    yield Record(type="tools_listed", fields={"server_label": "tracker", "tools": tools})
    for number in range(_CALLS):
        clock.moment += timedelta(seconds=chance.expovariate(_CALLS / _FORTNIGHT))
        if number == _CALLS // 2:
            changed = {**tools, "create_issue": "3"}
            yield Record(type="tools_changed", fields={"server_label": "tracker", "tools": changed})
        yield from call(number, clock, chance)


def call(number: int, clock: Clock, chance: random.Random) -> Iterator[Record]:
    outcome = chance.choices([*_OUTCOMES], [*_OUTCOMES.values()])[0]
    label, tool = chance.choices([*_TOOLS], [*_TOOLS.values()])[0].split(".")
    about = {"conversation_id": "conv_1", "request_id": f"mcpr_{number}", "server_label": label, "tool": tool}
    fields: dict[str, Any] = {**about, "outcome": outcome, "principal": "support", "rule_ids": ["writes"]}
    if outcome in ("human_allow", "human_deny"):
        approver = chance.choice([*_APPROVERS]) if outcome == "human_allow" else "ada"
        usual, authenticated = _APPROVERS[approver]
        yield Record(type="question_asked", phase="pre", fields=about)
        clock.moment += timedelta(seconds=chance.lognormvariate(0, 0.5) * usual)
        fields |= {"approver": approver, "authenticated": authenticated}
    yield Record(type="decision", phase="pre", fields={**fields, "arguments": {"number": number}})
    if outcome.endswith("allow"):
        ended = {**about, "status": "completed", "evidence": "reported_by_provider"}
        lost = number % 131 == 5
        yield Record(type="outcome_unknown" if lost else "outcome", phase="post", fields=ended)


async def write(folder: Path) -> datetime:
    """The log; returns when it ends."""
    clock = Clock()
    async with AuditLog.open(folder, mask=Mask(), clock=clock) as log:
        for record in records(clock, random.Random(11)):  # noqa: S311  # the same each time
            await log.append(record)
    return clock.moment


def main(target: Path) -> None:
    """Make the log, report on it, and take the picture."""
    with tempfile.TemporaryDirectory() as name:
        made = asyncio.run(write(Path(name) / "audit"))
        found = report(Path(name) / "audit", period=Period(), made=made, links=Links())
        page = Path(name) / "report.html"
        page.write_text(html(found).replace(f"{name}/", ""), encoding="utf-8")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            shown = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            shown.goto(page.as_uri())
            shown.screenshot(path=target)
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "report.png")
