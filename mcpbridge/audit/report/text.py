"""Figures and times as both pages write them."""

from __future__ import annotations

from mcpbridge.audit.report.document import Report
from mcpbridge.core.question import visible


def shown(value: int | str) -> str:
    """A cell: whole numbers in groups of three, and text that cannot hide or move itself."""
    return f"{value:,}" if isinstance(value, int) else visible(value, newlines=False)


def period_of(report: Report) -> str:
    """In words."""
    since = report.since.strftime("%Y-%m-%d %H:%M %Z") if report.since else "the beginning of the log"
    until = report.until.strftime("%Y-%m-%d %H:%M %Z") if report.until else "its end"
    return f"{since} to {until}"


def more_rows(count: int) -> str:
    """What stands under a table that is not whole."""
    return f"and {count:,} more"
