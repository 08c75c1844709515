"""A person changes the arguments of a call: ruled again, both versions on record, and the model is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mcpbridge import Approve, Bridge, CallbackApprover, MemoryAudit, Question, Result, UsageError
from mcpbridge.config import load_config_text
from mcpbridge.demo.server import Tracker
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.running import running_in_thread
from tests.wire.stack import ALL_ALLOWED, Stack, sources

SCRIPT = """
rules:
  - when: {user: "pay"}
    then: [{call: {name: pay, arguments: {amount: 900}}}]
  - when: {user: "open"}
    then: [{mcp: {server: tracker, tool: create_issue, arguments: {title: paint}}}]
  - when: {function_output: "*"}
    then: [{say: "{{last_output}}"}]
  - when: {denied: "*"}
    then: [{say: "told: {{denial_reason}}"}]
"""
POLICY = """
version: 1
defaults: {decision: ask}
rules:
  - {id: too-much, effect: deny, tools: [local.pay], when: {amount: {gt: 1000}}, reason: Never above 1000.}
"""


@pytest.fixture
def service() -> Generator[LocalEndpoint, None, None]:
    with running_in_thread(SCRIPT) as endpoint:
        yield endpoint


class Till:
    def __init__(self) -> None:
        self.paid: list[float] = []

    def pay(self, amount: float) -> str:
        """Pay."""
        self.paid.append(amount)
        return f"paid {amount}"


def said(folder: Path, service: LocalEndpoint, till: Till, arguments: Any, *, audit: MemoryAudit) -> Result:
    (folder / "policy.yaml").write_text(POLICY)
    config = load_config_text(
        f'model: {{name: m, endpoint: local, url: "{service.base_url}", api_key: "${{env:KEY}}"}}\n'
        "policy: policy.yaml\n",
        file="mcpbridge.yaml",
        directory=folder,
    )

    def other(_question: Question) -> Approve:
        return Approve(arguments=arguments, by="ana")

    async def whole() -> Result:
        env = sources({"KEY": service.api_key})
        approver = CallbackApprover(other)
        async with Bridge.from_yaml(
            config, approver=approver, sources=env, tools=[till.pay], audit=audit
        ) as bridge:
            return await bridge.run("pay")

    return asyncio.run(whole())


def of(audit: MemoryAudit, type_: str) -> list[Mapping[str, Any]]:
    return [record for record in audit.records if record["type"] == type_]


@pytest.mark.promise("edited-arguments")
def test_other_arguments_run_instead_both_are_on_record_and_the_model_is_told(
    tmp_path: Path, service: LocalEndpoint
) -> None:
    audit, till = MemoryAudit(), Till()

    result = said(tmp_path, service, till, {"amount": 5}, audit=audit)

    assert till.paid == [5]
    assert result.text == (
        'A person changed the arguments before this ran. It ran with: {"amount": 5}\npaid 5.0'
    )
    [before], [decision] = of(audit, "arguments_edited"), of(audit, "decision")
    assert (before["arguments"], before["approver"]) == ({"amount": 900}, "ana")
    assert (decision["arguments"], decision["outcome"]) == ({"amount": 5}, "human_allow")
    assert decision["edited_from"] == before["fingerprint"]
    assert before["seq"] < decision["seq"]


@pytest.mark.promise("edited-arguments")
def test_an_edited_call_meets_the_rules_again(tmp_path: Path, service: LocalEndpoint) -> None:
    audit, till = MemoryAudit(), Till()

    said(tmp_path, service, till, {"amount": 2000}, audit=audit)

    [decision] = of(audit, "decision")
    assert decision["outcome"] == "policy_deny"
    assert "as changed it is denied: Never above 1000." in decision["reason"]
    assert till.paid == []


def test_a_hosted_call_cannot_be_edited(tracker: Tracker, tmp_path: Path, service: LocalEndpoint) -> None:
    policy = f"{ALL_ALLOWED}  - {{id: ask, effect: ask, tools: ['*']}}\n"
    stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=policy)
    changed = Approve(arguments={"title": "other"})

    result = stack.run("open", approver=CallbackApprover(lambda _: changed))

    assert result.text.startswith("told: tracker.create_issue is run by the model provider")
    assert stack.records("decision")[0]["outcome"] == "error"
    assert tracker.effects == []

    async def resumed() -> None:
        async with stack.bridge() as bridge:
            paused = await bridge.run("open")
            [question] = paused.questions
            await bridge.resume(paused.conversation, decisions={question.action.request_id: changed})

    with pytest.raises(UsageError, match="nobody can edit them; deny it"):
        asyncio.run(resumed())


def test_the_edited_call_is_what_the_result_reports(tmp_path: Path, service: LocalEndpoint) -> None:
    result = said(tmp_path, service, Till(), {"amount": 5}, audit=MemoryAudit())

    [approval] = [one for one in result.conversation.decisions if one.tool == "pay"]
    assert json.loads(approval.arguments) == {"amount": 5}
