"""`mcpbridge policy replay`, on logs as the engine writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mcpbridge.core.secret import Mask, Secret
from tests.audit.logs import decision, written

from .shared import run, run_json

NEW = """version: 1
defaults: {decision: ask}
rules:
  - {id: small, effect: allow, tools: [bank.pay], when: {amount: {le: 100}}}
  - {id: huge, effect: deny, tools: [bank.pay], when: {amount: {gt: 1000}}}
  - {id: reads, effect: allow, tools: ["docs.*"]}
  - {id: mail, effect: allow, tools: [mail.send], when: {to: {grounded: user_text}, body: {max_len: 99}}}
  - {id: text, effect: deny, tools: [mail.send], when: {body: {contains: secret}}}
  - {id: staff, effect: allow, tools: [crm.list], who: {groups: [staff]}}
"""


def past(request_id: str, name: str, arguments: Any = None, effect: str = "allow", **fields: Any) -> Any:
    label, _, tool = name.partition(".")
    usual: dict[str, Any] = {"definition_hash": "d1", "outcome": f"policy_{effect}", "rule_ids": ["old"]}
    return decision(
        request_id,
        server_label=label,
        tool=tool,
        arguments=arguments or {},
        effect=effect,
        **{**usual, **fields},
    )


def replay(here: Path, *records: Any, levels: dict[str, str] | None = None, mask: Mask | None = None) -> str:
    (here / "new.yaml").write_text(NEW, encoding="utf-8")
    written(here / "audit", records, levels=levels, mask=mask or Mask())
    return "audit"


def told(found: Any) -> dict[int, tuple[str, str | None]]:
    return {one["seq"]: (one["was"], one["would_be"]) for one in found["decisions"]}


@pytest.mark.promise("replay-honest")
def test_what_changes_is_listed_and_what_stays_is_counted(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = replay(
        here,
        past("r1", "docs.search", {"query": "x"}),
        past("r2", "bank.pay", {"amount": 500}),
        past("r3", "bank.pay", {"amount": 5000}, effect="ask", outcome="human_allow"),
        past("r4", "bank.pay", {"amount": 5}, effect="ask", outcome="human_deny"),
    )
    assert run("replay", log, "--policy", "new.yaml") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [
        "  #2 bank.pay: allow (old; policy_allow) -> ask (default)",
        "  #3 bank.pay: ask (old; human_allow) -> deny (huge)",
        "  #4 bank.pay: ask (old; human_deny) -> allow (small)",
        "4 decisions: 1 as before, 3 changed, 0 cannot be told",
        "  allow -> ask: 1",
        "  ask -> allow: 1",
        "  ask -> deny: 1",
    ]


def test_nothing_changes_is_code_0(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = replay(here, past("r1", "docs.search", {"query": "x"}))
    assert run("replay", log, "--policy", "new.yaml") == 0
    assert "1 decision: 1 as before, 0 changed, 0 cannot be told" in capsys.readouterr().out


def test_a_policy_in_shadow_decides_only_where_no_other_does(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = replay(here, past("r1", "docs.search", {"query": "x"}))
    strict = "version: 1\nmode: shadow\ndefaults: {decision: deny}\nrules: []\n"
    (here / "strict.yaml").write_text(strict, encoding="utf-8")
    assert run("replay", log, "--policy", "new.yaml", "--policy", "strict.yaml") == 0
    assert run("replay", log, "--policy", "strict.yaml") == 1
    assert "allow -> deny: 1" in capsys.readouterr().out


@pytest.mark.parametrize("level", ["none", "metadata"])
def test_without_arguments_only_rules_that_need_none_decide(
    level: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = replay(
        here,
        past("r1", "docs.search", {"query": "x"}),
        past("r2", "bank.pay", {"amount": 5}),
        past("r3", "shop.buy", {"amount": 5}),
        levels={"*": level},
    )
    code, found = run_json(capsys, "replay", log, "--policy", "new.yaml")
    assert code == 1
    assert told(found) == {2: ("allow", None), 3: ("allow", "ask")}
    (untold, _) = found["decisions"]
    assert (untold["level"], untold["unknown"]) == (level, ["the arguments"])
    assert untold["possible"] == ["allow", "ask", "deny"]


def test_a_masked_value_that_matters_cannot_be_told_and_one_that_does_not_can(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = Mask([Secret("canary-credential")])
    log = replay(
        here,
        past("r1", "mail.send", {"to": "ana", "body": "it is canary-credential"}, effect="ask"),
        past("r2", "mail.send", {"to": "ana", "body": {"password": "hunter22"}}, effect="ask"),
        past("r3", "docs.search", {"query": "canary-credential"}),
        past("r4", "bank.pay", {"amount": 5000, "token": "abcdef123456"}, effect="deny"),
        mask=mask,
    )
    code, found = run_json(capsys, "replay", log, "--policy", "new.yaml")
    assert (code, told(found)) == (0, {1: ("ask", None), 2: ("ask", None)})
    for one in found["decisions"]:
        assert "the argument `body`" in one["unknown"]


def test_what_the_user_wrote_is_not_in_the_log_and_never_guessed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = replay(
        here,
        past("r1", "mail.send", {"to": "ana@corp.example", "body": "hello"}, effect="ask"),
        past("r2", "mail.send", {"to": "ana@corp.example", "body": "a secret"}, effect="ask"),
    )
    assert run("replay", log, "--policy", "new.yaml", "--all") == 1
    out = capsys.readouterr().out
    assert "#2 mail.send: ask (old; policy_ask) -> deny (text)" in out
    assert "not known: what the user wrote, in 1 decision" in out
    assert "#1 mail.send: ask -> allow or ask" in out


def test_groups_come_from_the_configuration(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = replay(here, past("r1", "crm.list", effect="allow", principal="ana"))
    code, found = run_json(capsys, "replay", log, "--policy", "new.yaml")
    assert (code, found["decisions"][0]["unknown"]) == (0, ["the groups of the principal"])
    (here / "c.yaml").write_text(
        "model: {name: m, endpoint: openai}\npolicy: ./policy.yaml\ngroups: {staff: [bo]}\n", encoding="utf-8"
    )
    code, found = run_json(capsys, "replay", log, "--policy", "new.yaml", "-c", "c.yaml")
    assert (code, told(found)) == (1, {1: ("allow", "ask")})


def test_unknown_tools_and_malformed_calls_stay_what_they_were(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = replay(
        here,
        past("r1", "docs.steal", effect="deny", outcome="unknown_tool", definition_hash=None),
        past("r2", "docs.search", {"malformed": "{"}, effect="deny", outcome="malformed"),
        past("r3", "docs.search", effect="ask", outcome="human_allow", definition_hash=None),
    )
    code, found = run_json(capsys, "replay", log, "--policy", "new.yaml")
    assert (code, told(found)) == (0, {3: ("ask", None)})
    assert found["decisions"][0]["unknown"] == ["whether the tool was known"]


def test_a_log_that_was_tampered_with_is_not_replayed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = replay(here, past("r1", "bank.pay", {"amount": 5}), past("r2", "bank.pay", {"amount": 6}))
    file = here / "audit" / "audit.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"amount":5', b'"amount":7'))
    assert run("replay", log, "--policy", "new.yaml") == 2
    assert "tampered" in capsys.readouterr().out
    code, found = run_json(capsys, "replay", log, "--policy", "new.yaml")
    assert (code, found["log"]["status"], found["decisions"]) == (2, "tampered", [])


def test_a_log_that_is_not_there_is_code_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("replay", "nowhere", "--policy", "policy.yaml") == 2
    assert "a log begins with the first run" in capsys.readouterr().err


def test_since_and_tool_choose_what_is_replayed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = replay(here, past("r1", "bank.pay", {"amount": 500}), past("r2", "docs.search"))
    for chosen, count in (("--tool=bank.*", 1), ("--since=2000-01-01", 2), ("--since=2100-01-01", 0)):
        _, found = run_json(capsys, "replay", log, "--policy", "new.yaml", chosen)
        assert found["counts"]["decisions"] == count
