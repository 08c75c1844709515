"""A report as one HTML page that needs nothing else: no request, no script; its policy forbids both."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape

from mcpbridge.audit.report.charts import svg
from mcpbridge.audit.report.document import Chart, Fact, Report, Section, Table, Verdict
from mcpbridge.audit.report.style import STYLE
from mcpbridge.audit.report.text import more_rows, period_of, shown

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
_TONE_OF_VERDICT = {0: "sealed", 1: "broken"}


def html(report: Report) -> str:
    """The whole page."""
    return "".join(_page(report))


def _page(report: Report) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY, quote=True)}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="referrer" content="no-referrer">\n'
    yield f"<title>Audit report, {escape(period_of(report))}</title>\n<style>{STYLE}</style></head>\n<body>\n"
    yield from _head(report)
    for section in report.sections:
        yield from _section(section)
    yield "</body></html>\n"


def _head(report: Report) -> Iterator[str]:
    yield "<header><h1>Audit report</h1>\n"
    yield f'<p class="about"><b>{escape(period_of(report))}</b></p>\n'
    span = f", from {_name(report.first)} to {_name(report.last)}" if report.records else ""
    records = f"{report.records:,} record{'s' * (report.records != 1)}"
    yield f'<p class="about">{records}{span} of the log {_name(report.log)}. '
    yield f"Made {report.made:%Y-%m-%d %H:%M %Z} by mcpbridge.</p>\n"
    yield from _verdict(report.verdict)
    yield from _first(report)
    yield "</header>\n"


def _first(report: Report) -> Iterator[str]:
    """What to look at, and where it stands."""
    if not report.alarming:
        yield '<p class="none">Nothing in this period stands out.</p>\n'
        return
    yield '<nav><h2>Look at this first</h2><ul class="first">'
    for section, fact in report.alarming:
        where = escape(section.id, quote=True)
        yield f'<li><a href="#{where}">{escape(fact.name)}: <b>{escape(shown(fact.value))}</b></a> '
        yield f"<span>{escape(section.title)}</span></li>"
    yield "</ul></nav>\n"


def _verdict(verdict: Verdict) -> Iterator[str]:
    tone = _TONE_OF_VERDICT.get(verdict.exit_code, "open")
    yield f'<div class="verdict {tone}"><strong>Verification: {escape(verdict.status)}</strong>'
    yield f"<p>{escape(verdict.meaning)}</p>"
    yield f"<pre>{escape(chr(10).join(map(shown, verdict.sentence.splitlines())))}</pre>"
    yield f"{_code(verdict.command)}</div>\n"


def _section(section: Section) -> Iterator[str]:
    yield f'<section id="{escape(section.id, quote=True)}"><h2>{escape(section.title)}</h2>\n'
    if section.lead:
        yield f'<p class="lead">{escape(section.lead)}</p>\n'
    if section.facts:
        yield f'<ul class="facts">{"".join(map(_fact, section.facts))}</ul>\n'
    for chart in section.charts:
        yield from _chart(chart)
    for table in section.tables:
        yield from _table(table)
    if not any(table.rows for table in section.tables) and not section.facts:
        yield '<p class="none">Nothing in this period.</p>\n'
    yield "</section>\n"


def _fact(fact: Fact) -> str:
    look = ' class="look"' if fact.alarming else ""
    command = _code(fact.command) if fact.command and fact.value else ""
    return f"<li{look}><b>{escape(shown(fact.value))}</b><span>{escape(fact.name)}</span>{command}</li>"


def _chart(chart: Chart) -> Iterator[str]:
    picture = svg(chart)
    if not picture:
        return
    yield f"<figure><figcaption>{escape(shown(chart.title))}</figcaption>"
    yield f'<div class="wide">{picture}</div>'
    if len(chart.series) > 1:
        yield '<ul class="legend">'
        for series in chart.series:
            box = f'<rect class="{series.tone}" width="1" height="1"/>'
            yield f'<li><svg viewBox="0 0 1 1" aria-hidden="true">{box}</svg>{escape(series.name)}</li>'
        yield "</ul>"
    yield "</figure>\n"


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        return
    numeric = [isinstance(cell, int) for cell in table.rows[0].cells]
    yield f"<h3>{escape(shown(table.title))}</h3>{_code(table.command) if table.command else ''}"
    yield '<div class="wide"><table><thead><tr>'
    for column, number in zip(table.columns, numeric, strict=True):
        yield f'<th scope="col"{" class=n" if number else ""}>{escape(shown(column))}</th>'
    yield "</tr></thead><tbody>\n"
    for row in table.rows:
        yield f"<tr{' class=look' if row.alarming else ''}>"
        for at, cell in enumerate(row.cells):
            command = _code(row.command) if at == 0 and row.command != table.command else ""
            yield f"<td{' class=n' if numeric[at] else ''}>{_name(cell)}{command}</td>"
        yield "</tr>\n"
    yield "</tbody></table></div>\n"
    if table.more:
        yield f'<p class="more">{more_rows(table.more)}</p>\n'


def _name(value: int | str) -> str:
    """Text from outside: escaped, and without influence on the direction of what is around it."""
    return f"<bdi>{escape(shown(value), quote=True)}</bdi>"


def _code(command: str) -> str:
    if not command:
        return ""
    return f"<code>{escape(shown(command), quote=True)}</code>"
