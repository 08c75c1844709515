"""What explain, test and replay do not look at, they name; and what is odd about a call, they show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.audit.logs import written

from .shared import run, run_json
from .test_policy_replay import past

LIVE = """version: 1
defaults: {decision: ask}
pins: {on_change: deny}
limits: [{tools: [bank.pay], calls: 1, per: 1h}]
grants: {max_uses: 3}
approvers: [{tools: [bank.pay], quorum: 2}]
rules:
  - {id: pay, effect: ask, tools: [bank.pay]}
"""
SAID = (
    "Not looked at: limits, grants, approvers, pins, and whether all is frozen; "
    "these depend on more than one call."
)


@pytest.fixture
def commands(here: Path) -> list[list[str]]:
    (here / "live.yaml").write_text(LIVE, encoding="utf-8")
    written(here / "audit", [past("r1", "bank.pay", {"amount": 5}, effect="ask")])
    return [
        ["explain", "call.json", "--policy", "live.yaml"],
        ["test", "live.yaml"],
        ["replay", "audit", "--policy", "live.yaml"],
    ]


@pytest.mark.promise("beside-the-rules")
def test_what_decides_a_live_call_besides_the_rules_is_named(
    commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    for command in commands:
        assert run(*command) == 0
        lines = capsys.readouterr().out.splitlines()
        assert " ".join(lines[-2:]).endswith(SAID), command
        assert max(map(len, lines[-2:])) <= 80
        _, found = run_json(capsys, *command)
        assert found["not_looked_at"] == ["limits", "grants", "approvers", "pins", "freeze"]


def test_where_a_policy_has_rules_only_nothing_is_added(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("explain", "call.json", "--policy", "policy.yaml") == 0
    assert "Not looked at" not in capsys.readouterr().out
    assert run_json(capsys, "explain", "call.json", "--policy", "policy.yaml")[1]["not_looked_at"] == [
        "freeze"
    ]


def test_a_policy_in_shadow_is_explained_as_what_it_would_say(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "shadow.yaml").write_text("mode: shadow\n" + (here / "policy.yaml").read_text())
    assert run("explain", "call.json", "--policy", "shadow.yaml") == 0
    out = capsys.readouterr().out
    assert out.startswith("bank.pay: ASK")
    assert "shadow.yaml: ask by default, as no rule matches (in shadow: only recorded)" in out


def test_a_name_that_comes_again_in_other_letter_case_is_shown_as_what_it_is(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "two.json").write_text('{"tool": "bank.pay", "arguments": {"amount": 5, "Amount": 5000}}')
    assert run("explain", "two.json", "--policy", "policy.yaml") == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "? amount <= 100 5 (twice, in other case)" in lines


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"tool": "bank.pay", "tool": "bank.pay"}', "it names a key twice"),
        ("nothing", "it is not valid JSON"),
        (json.dumps([1]), "it is not a JSON object"),
        ('{"tool": "\\ud800"}', "it holds a lone surrogate"),
        ("[" * 100 + "]" * 100, "it is nested deeper than 64 levels"),
    ],
)
def test_a_file_that_is_no_call_is_told_in_a_sentence(
    text: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "odd.json").write_text(text, encoding="utf-8")
    assert run("explain", "odd.json", "--policy", "policy.yaml") == 2
    assert f"odd.json: no call: {said}; write {{" in capsys.readouterr().err
