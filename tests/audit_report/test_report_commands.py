"""Each command in a report leads to what the figure beside it counts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcpbridge.audit.report import Links, Report
from mcpbridge.cli.main import main, make_parser
from tests.audit_report import hostile
from tests.audit_report.made import Asked, decision, note, reported, write


def commands(report: Report) -> Iterator[str]:
    """Every command of a report."""
    for section in report.sections:
        yield from (fact.command for fact in section.facts)
        yield from (row.command for table in section.tables for row in table.rows)


def _counts(cells: tuple[int | str, ...]) -> list[int]:
    return [cell for cell in cells if isinstance(cell, int)]


def shown(command: str, capsys: pytest.CaptureFixture[str]) -> int:
    """How many records it prints."""
    words = shlex.split(command)
    assert words[:3] == ["mcpbridge", "audit", "show"]
    assert main([*words[1:], "--json"]) == 0
    return sum(bool(json.loads(line)) for line in capsys.readouterr().out.splitlines())


@pytest.mark.promise("report-commands")
def test_what_a_figure_counts_is_what_its_command_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = Asked("ada").then(yes=True, after=9, times=3).then(yes=False, after=9).steps
    more = [
        decision("policy_deny", tool="send", rule_ids=["no-mail"], principal="ci-bot"),
        decision("timeout"),
        note("ungated", kind="web_search_call"),
        note("outcome_unknown", conversation_id="c", request_id="mcpr_9"),
        note("tripwire", reason="unasked"),
        decision("policy_allow"),
        decision("grant_allow", principal=""),
        *(note("outcome", status=status) for status in ("completed", "failed", "failed", "timeout")),
        note("elicitation_asked", server_label="bank", tool="pay", elicitation="form"),
        note("elicitation_answered", server_label="bank", tool="pay", answer="accept", approver="ada"),
    ]
    log = write(tmp_path / "the log", [*steps, *more])
    report = reported(log, links=Links(place=(str(log),)))
    by_id = {section.id: section for section in report.sections}

    assert all(fact.command for fact in by_id["decisions"].facts)
    checked = 0
    for name in ("decisions", "denials", "questions", "operation"):
        for fact in by_id[name].facts:
            if fact.command:
                assert shown(fact.command, capsys) == fact.value, fact
                checked += 1
        for table in by_id[name].tables:
            for row in table.rows:
                if _counts(row.cells) and row.command:
                    assert shown(row.command, capsys) == sum(_counts(row.cells)), row
                    checked += 1
    for fact in by_id["unknown"].facts[:3]:
        assert shown(fact.command, capsys) == fact.value, fact
    approver = next(table for table in by_id["people"].tables if table.rows).rows[0]
    assert shown(approver.command, capsys) == approver.cells[1]
    assert checked > 15


@pytest.mark.promise("report-commands")
def test_every_command_is_one_whatever_is_in_the_names(tmp_path: Path) -> None:
    log = hostile.log(tmp_path)
    period = ("--since", "2026-11-01T00:00:00+00:00", "--until", "2026-12-01T00:00:00+00:00")
    found = reported(log, links=Links(place=("-c", "some where.yaml"), period=period))

    lines = {command for command in commands(found) if command}

    assert len(lines) > 50
    assert all(line.isprintable() for line in lines)
    for line in lines:
        words = shlex.split(line)
        assert words[:2] == ["mcpbridge", "audit"]
        if words[2] == "show":
            args = make_parser().parse_args(words[1:])
            assert args.config == "some where.yaml"


def test_a_name_that_cannot_be_typed_is_searched_by_a_pattern(tmp_path: Path) -> None:
    links = Links()

    assert links.show(tool="bank.\x1bpay[1]*") == "mcpbridge audit show --tool 'bank.?pay?1??'"
    assert links.show(tool="-x").endswith("--tool '?x'")
    assert links.show(tool="y" * 500).endswith("y*'")
    assert links.show(rule="a\nb") == "mcpbridge audit show"
    assert links.request("mcpr_1\u202e") == "mcpbridge audit show"
