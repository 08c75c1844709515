"""Freezing, policy files that change under a running process, and policies that only watch: over the wire."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from mcpbridge import Approve, Bridge, CallbackApprover, Configuration, Frozen, Notice, Question, Result
from mcpbridge.adapters.freeze_file import FreezeFile
from mcpbridge.audit import read
from mcpbridge.bridge.assembly import assemble
from mcpbridge.cli.main import main
from mcpbridge.config import load_config
from mcpbridge.config.reloading import ReloadingPolicies
from mcpbridge.demo.server import Tracker
from mcpbridge.errors import ConfigurationError
from mcpbridge.policy import load_policy
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.running import running_in_thread
from tests.wire.stack import sources

SCRIPT = """
rules:
  - when: {user: "look"}
    then: [{mcp: {server: tracker, tool: list_issues, arguments: {}}}]
  - when: {user: "both"}
    then:
      - {call: {name: act, arguments: {}}}
      - mcp: {server: tracker, tool: create_issue, arguments: {title: t}}
      - {call: {name: act, arguments: {}}}
  - when: {mcp_result: "tracker.*"}
    then: [{say: "seen"}]
  - when: {denied: "*"}
    then: [{say: "told: {{denial_reason}}"}]
"""
ALLOW = "version: 1\ndefaults: {decision: ask}\nrules:\n  - {id: all, effect: allow, tools: ['*']}\n"
DENY = (
    "version: 1\ndefaults: {decision: ask}\n"
    "rules:\n  - {id: none, effect: deny, tools: ['*'], reason: Not today.}\n"
)
ASK = "version: 1\ndefaults: {decision: ask}\nrules: []\n"


@pytest.fixture
def service() -> Generator[LocalEndpoint, None, None]:
    with running_in_thread(SCRIPT) as endpoint:
        yield endpoint


@pytest.fixture
def file(tmp_path: Path, tracker: Tracker, service: LocalEndpoint) -> Path:
    (tmp_path / "policy.yaml").write_text(ALLOW)
    made = tmp_path / "mcpbridge.yaml"
    made.write_text(
        f'model: {{name: m, endpoint: local, url: "{service.base_url}", api_key: "${{env:KEY}}"}}\n'
        f'servers:\n  - label: tracker\n    url: "{tracker.url}"\n'
        '    headers: {Authorization: "Bearer ${env:TOKEN}"}\n'
        "policy: policy.yaml\naudit: {path: audit}\n"
    )
    return made


def act() -> str:
    """Act."""
    return "acted"


async def nothing() -> None:
    """Between two turns."""


def turns(
    file: Path,
    env: dict[str, str],
    *prompts: str,
    between: Callable[[], Awaitable[None]] = nothing,
    answer: Callable[[Question], Any] = lambda _: Approve(),
    notices: list[Notice] | None = None,
    tool: Callable[[], str] = act,
) -> list[Result]:
    def hear(event: object) -> None:
        if notices is not None and isinstance(event, Notice):
            notices.append(event)

    async def whole() -> list[Result]:
        config: Configuration = load_config(file)
        approver = CallbackApprover(answer)
        found: list[Result] = []
        async with Bridge.from_yaml(config, approver=approver, sources=sources(env), tools=[tool]) as bridge:
            for prompt in prompts:
                before = found[-1].conversation if found else None
                found.append(await bridge.run(prompt, conversation=before, on_event=hear))
                await between()
        return found

    return asyncio.run(whole())


@pytest.fixture
def env(service: LocalEndpoint, tracker: Tracker) -> dict[str, str]:
    return {"KEY": service.api_key, "TOKEN": tracker.token}


def records(file: Path, *types: str) -> list[Any]:
    return [record for record in read(file.parent / "audit") if record["type"] in types]


@pytest.mark.promise("freeze")
def test_frozen_everything_is_denied_until_thawed_and_it_is_on_record(
    file: Path, env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["freeze", "-c", str(file), "--reason", "incident 7", "--by", "ana"]) == 0
    notices: list[Notice] = []

    [denied] = turns(file, env, "look", notices=notices)

    assert denied.text.startswith("told: Everything is frozen by ana since 20")
    assert denied.text.endswith(": incident 7.")
    assert [notice.type for notice in notices] == ["frozen"]
    [decision] = records(file, "decision")
    assert decision["outcome"] == "frozen"
    assert main(["thaw", "-c", str(file), "--by", "bob"]) == 0
    assert turns(file, env, "look")[0].text == "seen"
    made = [(record["type"], record["approver"]) for record in records(file, "frozen", "thawed")]
    assert made == [("frozen", "ana"), ("thawed", "bob")]
    assert "denied until" in capsys.readouterr().out


@pytest.mark.promise("freeze")
def test_a_freeze_while_somebody_is_asked_stops_what_was_approved_before(
    file: Path, env: dict[str, str], tracker: Tracker
) -> None:
    (file.parent / "policy.yaml").write_text(
        ALLOW + "  - {id: a, effect: ask, tools: [tracker.create_issue]}\n"
    )

    ran: list[str] = []

    def act() -> str:
        """Act."""
        ran.append("act")
        return "acted"

    def freeze(_question: Question) -> Approve:
        FreezeFile.of(file.parent / "audit").freeze(by="ana", at="now", reason="stop")
        return Approve()

    turns(file, env, "both", answer=freeze, tool=act)

    outcomes = [(record["tool"], record["outcome"]) for record in records(file, "decision")]
    assert outcomes == [
        ("act", "policy_allow"),
        ("create_issue", "frozen"),
        ("act", "frozen"),
        ("act", "frozen"),  # the first one, decided anew: it had not begun
    ]
    assert (ran, tracker.effects) == ([], [])


@pytest.mark.promise("freeze")
def test_what_runs_unasked_is_not_even_sent_while_frozen(
    file: Path, env: dict[str, str], service: LocalEndpoint
) -> None:
    file.write_text(file.read_text().replace("policy: p", "    observe: true\npolicy: p"))
    FreezeFile.of(file.parent / "audit").freeze(by="ana", at="now", reason="")

    with pytest.raises(Frozen, match="without asking, so nothing is sent"):
        turns(file, env, "look")

    assert service.bodies == []


def test_a_freeze_works_with_a_broken_configuration_and_unreadable_means_frozen(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file.parent / "policy.yaml").write_text("broken: [")
    assert main(["freeze", "-c", str(file)]) == 0
    assert FreezeFile.of(file.parent / "audit").reason() is not None
    in_the_way = file.parent / "no-folder"
    in_the_way.write_text("a file where a folder should be")
    assert "cannot be looked for" in str(FreezeFile.of(in_the_way).reason())
    assert FreezeFile.of(file.parent / "nothing-here").reason() is None


def test_check_tells_that_everything_is_frozen(
    file: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    FreezeFile.of(file.parent / "audit").freeze(by="ana", at="noon", reason="")

    assert main(["check", "-c", str(file)]) == 0

    assert "FROZEN     Everything is frozen by ana since noon." in capsys.readouterr().out


def replaced(file: Path, text: str) -> None:
    """Written as editors do it, so that nobody reads half of it."""
    beside = file.with_suffix(".new")
    beside.write_text(text)
    os.replace(beside, file)


@pytest.mark.promise("policy-reload")
def test_a_changed_policy_is_in_force_at_the_next_look_and_a_broken_one_is_not(file: Path) -> None:
    policy, texts = file.parent / "policy.yaml", [DENY, DENY + "  - {id: ]"]
    policies = ReloadingPolicies(policies=load_config(file).policies, every=0.0)
    assert policies.refresh() == ()

    for text in texts:
        replaced(policy, text)
        [change] = policies.refresh()
        assert policies.refresh() == ()
        assert [rule.id for one in policies.current() for rule in one.rules] == ["none"]
        assert bool(change.problem) == (text is texts[1])


@pytest.mark.promise("policy-reload")
def test_a_reload_is_on_record_with_both_hashes_before_the_first_decision_by_it(
    file: Path, env: dict[str, str]
) -> None:
    policy = file.parent / "policy.yaml"
    policy.write_text(ASK)

    def deny_meanwhile(_question: Question) -> Approve:
        replaced(policy, DENY)
        return Approve()

    config = load_config(file)
    before = config.policies[0].hash

    async def whole() -> Result:
        parts = assemble(config, approver=CallbackApprover(deny_meanwhile), sources=sources(env))
        parts.policies = ReloadingPolicies(policies=config.policies, every=0.0)
        async with Bridge(parts) as bridge:
            return await bridge.run("look")

    result = asyncio.run(whole())

    assert result.text == "told: Not today."
    reloaded, decision = records(file, "policy_reloaded", "decision")
    after = load_policy(DENY, file="policy.yaml").hash
    assert (reloaded["before"], reloaded["after"]) == ([before], [after])
    assert (decision["outcome"], decision["policy_hash"]) == ("policy_deny", after)


def test_policy_reload_false_keeps_what_was_read(file: Path, env: dict[str, str]) -> None:
    file.write_text(file.read_text() + "policy_reload: false\n")

    async def deny() -> None:
        replaced(file.parent / "policy.yaml", DENY)

    first, second = turns(file, env, "look", "look", between=deny)

    assert (first.text, second.text) == ("seen", "seen")
    assert records(file, "policy_reloaded") == []


@pytest.mark.promise("shadow")
def test_a_shadow_policy_is_recorded_and_changes_nothing(file: Path, env: dict[str, str]) -> None:
    (file.parent / "watch.yaml").write_text(f"mode: shadow\n{DENY}")
    file.write_text(file.read_text().replace("policy: policy.yaml", "policy: [policy.yaml, watch.yaml]"))

    [result] = turns(file, env, "look")

    assert result.text == "seen"
    [decision] = records(file, "decision")
    assert decision["outcome"] == "policy_allow"
    [shadow] = decision["shadow"]
    assert (shadow["effect"], shadow["outcome"], shadow["rule_ids"]) == ("deny", "policy_deny", ["none"])


@pytest.mark.promise("shadow")
def test_a_shadow_policy_never_loosens_and_does_not_stand_alone(file: Path, env: dict[str, str]) -> None:
    (file.parent / "policy.yaml").write_text(DENY)
    (file.parent / "watch.yaml").write_text(f"mode: shadow\n{ALLOW}")
    both = file.read_text().replace("policy: policy.yaml", "policy: [policy.yaml, watch.yaml]")
    file.write_text(both)
    assert turns(file, env, "look")[0].text == "told: Not today."

    file.write_text(both.replace("[policy.yaml, watch.yaml]", "watch.yaml"))
    with pytest.raises(ConfigurationError, match="every policy is `mode: shadow`"):
        load_config(file)
