"""`mcpbridge policy test`."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from .shared import IBAN, run, run_json

CASES = f"""version: 1
policies: [policy.yaml]
tools: [bank=bank.json]
cases:
  - name: a small payment runs
    tool: bank.pay
    arguments: {{amount: 5, recipient: {IBAN}}}
    user: pay 5 to {IBAN}
    expect: {{decision: allow, outcome: policy_allow, rules: [small-payment]}}
  - name: closing is denied, and the model is told why
    tool: bank.close
    expect: {{decision: deny, rules: [no-closing], reason: at the counter}}
  - name: staff reads
    tool: bank.list_accounts
    principal: ana
    groups: staff
    expect: allow
  - name: a tool that the bank does not list
    tool: bank.steal
    expect: {{outcome: unknown_tool}}
  - name: a key that stands twice
    tool: bank.pay
    arguments: '{{"amount": 1, "amount": 2}}'
    expect: {{decision: deny, outcome: malformed, reason: twice}}
"""


def write(here: Path, text: str) -> str:
    (here / "cases.yaml").write_text(text, encoding="utf-8")
    return "cases.yaml"


@pytest.mark.promise("policy-cases")
def test_cases_that_come_out_as_expected_are_code_0_with_full_coverage(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("test", "--cases", write(here, CASES), "--coverage-min", "100") == 0
    assert capsys.readouterr().out == (
        "5 of 5 cases as expected, 2 examples checked\n3 of 3 rules matched (100 %)\n"
    )


def test_a_failing_case_shows_its_line_what_the_policy_said_and_why(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = write(here, CASES.replace("amount: 5,", "amount: 500,"))
    assert run("test", "--cases", cases) == 1
    out = capsys.readouterr().out
    said = " ".join(out.split())
    assert "cases.yaml:5: a small payment runs: expected allow, and the policies say ask" in said
    assert "allow small-payment (line 4) does not match: amount <= 100 is false: 500" in out
    assert max(map(len, out.splitlines())) <= 80


def test_coverage_below_what_is_wanted_is_code_1(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("test", "policy.yaml") == 0
    assert run("test", "policy.yaml", "--coverage-min", "50") == 1
    out = capsys.readouterr().out
    assert "policy.yaml:13: note: the rule `no-closing` matched in no case and no example" in out
    assert "1 of 3 rules matched (33 %); 50 % are wanted" in out


def test_several_policies_are_ruled_together_and_the_strictest_wins(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "version: 1\ncases:\n  - {name: x, tool: bank.list_accounts, groups: [staff], expect: allow}\n"
    cases = write(here, text)
    assert run("test", "policy.yaml", "--cases", cases) == 0
    assert run("test", "policy.yaml", "locked-down", "--cases", cases) == 1
    assert "expected allow, and the policies say ask" in capsys.readouterr().out


def test_annotations_count_where_they_are_trusted(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "p.yaml").write_text(
        "version: 1\ndefaults: {decision: ask}\nrules:\n"
        "  - {id: r, effect: allow, tools: ['crm.*'], annotations: {readOnlyHint: true}}\n",
        encoding="utf-8",
    )
    case = "{name: x, tool: crm.a, annotations: {readOnlyHint: true}, trust_annotations: %s, expect: %s}"
    text = "version: 1\npolicies: [p.yaml]\ncases:\n"
    cases = write(here, f"{text}  - {case % ('true', 'allow')}\n  - {case % ('false', 'ask')}\n")
    code, found = run_json(capsys, "test", "--cases", cases)
    assert (code, [one["decision"] for one in found["cases"]]) == (0, ["allow", "ask"])


def test_an_example_that_fails_is_code_2_at_its_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (here / "policy.yaml").read_text(encoding="utf-8").replace("amount: 99.5", "amount: 990.5")
    (here / "policy.yaml").write_text(text, encoding="utf-8")
    assert run("test", "policy.yaml") == 2
    assert "policy.yaml:11: this example of `small-payment` should match" in capsys.readouterr().err
    code, found = run_json(capsys, "test", "policy.yaml")
    assert (code, found["problems"][0]["line"]) == (2, 11)


def test_every_mistake_in_a_test_file_is_told_with_its_line(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        "version: 2\nfolder: x\npolicies: [policy.yaml]\ncases:\n"
        "  - {name: a, tool: pay, expect: allow}\n"
        "  - {name: b, tool: bank.pay, expects: deny}\n"
        "  - {name: c, tool: bank.pay, arguments: [1], expect: maybe}\n"
        "  - {name: d, tool: bank.pay, expect: {outcome: human_allow}, known_tool: perhaps}\n"
    )
    assert run("test", "--cases", write(here, text)) == 2
    err = capsys.readouterr().err
    for place in (
        "1: write `version: 1`",
        "2: unknown key",
        "5: 'pay' is not a tool name",
        "6: unknown key of",
    ):
        assert f"cases.yaml:{place}" in err
    for place in ("7: write a mapping, or JSON text", "7: write `allow` or", "8: write `policy_allow` or"):
        assert f"cases.yaml:{place}" in err


def test_a_test_file_without_a_policy_is_code_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = write(here, "version: 1\ncases:\n  - {name: x, tool: a.b, expect: deny}\n")
    assert run("test", "--cases", cases) == 2
    assert run("test") == 2
    assert "which policy?" in capsys.readouterr().err


def test_junit_tells_ci_which_case_failed(here: Path) -> None:
    cases = write(here, CASES.replace("amount: 5,", "amount: 500,"))
    assert run("test", "--cases", cases, "--junit", "out.xml") == 1
    (suite,) = ElementTree.parse(here / "out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("5", "1")
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["a small payment runs"]


def test_a_policy_in_shadow_decides_only_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "shadow.yaml").write_text(
        "version: 1\nmode: shadow\ndefaults: {decision: deny}\n", encoding="utf-8"
    )
    text = "version: 1\ncases:\n  - {name: x, tool: bank.list_accounts, groups: [staff], expect: %s}\n"
    assert run("test", "policy.yaml", "shadow.yaml", "--cases", write(here, text % "allow")) == 0
    assert run("test", "shadow.yaml", "--cases", write(here, text % "deny")) == 0
