"""`mcpbridge policy explain`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.policy.calls import READY

from .shared import CALL, IBAN, run, run_json


@pytest.mark.promise("explain-screen")
def test_a_call_is_explained_in_under_a_screen_with_every_predicate_and_its_value(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("explain", "call.json", "--policy", "policy.yaml", "--user", f"pay {IBAN}") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert lines[0] == "bank.pay: ASK, a person decides"
    assert [" ".join(line.split()) for line in lines[2:]] == [
        "policy.yaml: ask by default, as no rule matches",
        "allow small-payment (line 4) does not match",
        "yes amount > 0 250",
        "no amount <= 100 250",
        f'yes recipient occurs in what the user wrote "{IBAN}"',
        "2 rules not about this tool; where no rule matches: ask",
    ]


@pytest.mark.parametrize("path", sorted(READY.glob("*.yaml")), ids=lambda path: path.name)
def test_every_ready_policy_explains_a_mail_in_under_a_screen(
    path: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mail = {"to": ["eve@evil.example"], "subject": "x" * 300, "body": "y" * 5000, "cc": []}
    (here / "call.json").write_text(json.dumps({"tool": "mail.send_email", "arguments": mail}))
    assert run("explain", "call.json", "--policy", str(path)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_secrets_are_masked_and_what_is_invisible_is_written_out(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-1c9e77-canary")
    monkeypatch.setenv("BANK_TOKEN", "bank-token-8f3a91")
    (here / "c.yaml").write_text(
        "model: {name: m, endpoint: openai, api_key: '${env:OPENAI_API_KEY}'}\n"
        "policy: ./policy.yaml\nservers:\n"
        "  - {label: bank, url: 'https://bank.example/mcp', authorization: '${env:BANK_TOKEN}'}\n"
    )
    arguments = {
        "amount": "canary-1c9e77-canary",
        "recipient": "to bank-token-8f3a91 \u202e",
        "password": "hunter2",
        "headers": {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="},
        "note": "key sk-abcdefghijklmnopqrstuvwx",
    }
    (here / "call.json").write_text(json.dumps({"tool": "bank.pay", "arguments": arguments}))
    for more in ([], ["--json"], ["--all"]):
        assert run("explain", "call.json", "-c", "c.yaml", *more) == 0
        out = capsys.readouterr().out
        for secret in (
            "canary-1c9e77",
            "bank-token-8f3a91",
            "hunter2",
            "dXNlcjpwYXNz",
            "sk-abcdef",
            "\u202e",
        ):
            assert secret not in out
        assert "[secret]" in out


def test_json_has_every_rule_and_predicate(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = run_json(capsys, "explain", "call.json", "--policy", "policy.yaml")
    (policy,) = found["policies"]
    (rule,) = policy["rules"]
    assert (code, found["effect"], found["outcome"], policy["deciding"]) == (0, "ask", None, [])
    assert [(one["text"], one["truth"]) for one in rule["predicates"]] == [
        ("amount > 0", True),
        ("amount <= 100", False),
        ("recipient occurs in what the user wrote", None),
    ]
    assert policy["others"] == ["no-closing", "staff-reads"]


def test_each_of_several_policies_has_its_word(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policies = ["--policy", "policy.yaml", "--policy", "locked-down"]
    assert run("explain", "call.json", *policies) == 0
    out = capsys.readouterr().out
    assert out.startswith("bank.pay: DENY (policy_deny)\n")
    assert "policy.yaml: ask by default" in out
    assert "locked-down: deny by default" in out


def test_principals_groups_and_known_tools_count(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "call.json").write_text(json.dumps({"tool": "bank.list_accounts"}))
    given = ["explain", "call.json", "--policy", "policy.yaml", "--principal", "ana"]
    assert run(*given, "--group", "staff") == 0
    assert "ALLOW (policy_allow)" in capsys.readouterr().out
    assert run(*given) == 0
    assert "no   who: group staff" in capsys.readouterr().out
    assert run(*given, "--group", "staff", "--unknown-tool") == 0
    assert "DENY (unknown_tool)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "item",
    [
        {"type": "mcp_approval_request", "server_label": "bank", "name": "close", "arguments": "{}"},
        {"type": "mcp_call", "server_label": "bank", "name": "close", "arguments": "{}"},
        {"tool": "bank.close", "arguments": {}},
    ],
)  # fmt: skip
def test_a_call_may_be_an_item_of_the_wire_from_standard_input(
    item: dict[str, str], here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(item)))
    assert run("explain", "-", "--policy", "policy.yaml") == 0
    assert "deny by no-closing" in capsys.readouterr().out


def test_a_malformed_call_is_explained_too(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": NaN}'}
    (here / "call.json").write_text(json.dumps(item))
    assert run("explain", "call.json", "--policy", "policy.yaml") == 0
    out = capsys.readouterr().out
    assert out.startswith("local.f: DENY (malformed)")
    assert "NaN is not JSON" in out


@pytest.mark.parametrize(
    "text", ["", "[]", '{"tool": "pay"}', '{"arguments": {}}', '{"tool": "a.b", "tool": "c.d"}']
)
def test_what_is_no_call_is_code_2(text: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "call.json").write_text(text)
    assert run("explain", "call.json", "--policy", "policy.yaml") == 2
    assert capsys.readouterr().err.startswith("mcpbridge: call.json: ")


def test_a_long_explanation_is_cut_to_what_matters(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = "".join(
        f"  - {{id: r{n}, effect: allow, tools: [bank.pay], when: {{amount: {{gt: {n}, lt: 5}}}}}}\n"
        for n in range(-12, 0)
    )
    (here / "p.yaml").write_text(f"version: 1\ndefaults: {{decision: ask}}\nrules:\n{rules}")
    (here / "call.json").write_text(json.dumps(CALL))
    assert run("explain", "call.json", "--policy", "p.yaml") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert "  allow r-12 (line 4) does not match: amount < 5 is false: 250" in lines
    assert run("explain", "call.json", "--policy", "p.yaml", "--all") == 0
    assert len(capsys.readouterr().out.splitlines()) > 36
