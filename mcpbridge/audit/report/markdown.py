"""A report as Markdown (CommonMark with tables). Names from outside are code spans: nothing gets out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcpbridge.audit.report.document import Chart, Fact, Report, Section, Table
from mcpbridge.audit.report.text import more_rows, period_of, shown

_BAR = 24
"""Characters of the longest bar."""


def markdown(report: Report) -> str:
    """The whole page."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    yield "# Audit report"
    yield ""
    yield f"- Log: {code(report.log)}"
    yield f"- Period: {period_of(report)}"
    yield f"- Records: {report.records:,}" + (
        f", from {code(report.first)} to {code(report.last)}" if report.records else ""
    )
    yield f"- Made: {report.made:%Y-%m-%d %H:%M %Z}"
    yield ""
    yield f"## Verification: {report.verdict.status}"
    yield ""
    yield report.verdict.meaning
    yield ""
    yield from (f"    {shown(line)}" for line in report.verdict.sentence.splitlines())
    yield ""
    yield f"Again: {code(report.verdict.command)}"
    yield from _first(report)
    for section in report.sections:
        yield ""
        yield from _section(section)


def _first(report: Report) -> Iterator[str]:
    """What to look at."""
    yield ""
    yield "## Look at this first"
    yield ""
    for section, fact in report.alarming:
        yield f"- {_escaped(fact.name)}: **{shown(fact.value)}** ({section.title})"
    if not report.alarming:
        yield "Nothing in this period stands out."


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    if section.lead:
        yield ""
        yield section.lead
    if section.facts:
        yield ""
        yield from map(_fact, section.facts)
    for chart in section.charts:
        yield from _chart(chart)
    for table in section.tables:
        yield from _table(table)


def _fact(fact: Fact) -> str:
    mark = "**look** " if fact.alarming else ""
    command = f": {code(fact.command)}" if fact.command and fact.value else ""
    return f"- {mark}{_escaped(fact.name)}: **{_escaped(shown(fact.value))}**{command}"


def _chart(chart: Chart) -> Iterator[str]:
    totals = [sum(series.values[at] for series in chart.series) for at in range(len(chart.labels))]
    if not any(totals):
        return
    yield ""
    yield f"### {_escaped(chart.title)}"
    yield ""
    width = max(map(len, map(shown, chart.labels)))
    most = max(totals)
    for label, total in zip(chart.labels, totals, strict=True):
        bar = "█" * round(_BAR * total / most) or ("▏" if total else "")
        yield f"    {shown(label).ljust(width)}  {bar} {total:,}{chart.unit}"


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        return
    yield ""
    yield f"### {_escaped(table.title)}"
    yield ""
    if table.command:
        yield code(table.command)
        yield ""
    linked = not table.command and any(row.command for row in table.rows)
    heads = [*map(_escaped, table.columns), *(["records"] if linked else [])]
    yield _line(heads)
    yield "|" + " --- |" * len(heads)
    for row in table.rows:
        name = code(shown(row.cells[0])) + (" **look**" if row.alarming else "")
        cells = [_cell(cell) for cell in row.cells[1:]]
        yield _line([name, *cells, *([code(row.command)] if linked else [])])
    if table.more:
        yield ""
        yield more_rows(table.more)


def _cell(value: int | str) -> str:
    """Plain words as they are; what could be markup, or an address that becomes a link, as code."""
    text = shown(value)
    return text if re.fullmatch(r"[\w .,;:%()-]*", text, re.ASCII) and ":/" not in text else code(text)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def code(text: str) -> str:
    """A code span that holds any text, also inside a table."""
    text = shown(text).replace("|", "\\|")
    if not text.strip():
        return ""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


def _escaped(text: str) -> str:
    """Text that is no markup: every character that could be some stands behind a backslash."""
    return re.sub(r"([\\`*_\[\]<>|&~])", r"\\\1", shown(text))
