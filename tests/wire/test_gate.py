"""The gate for loops of other people: one at a time, again after a failure, and on record."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mcpbridge import (
    Approve,
    AuditUnavailable,
    CallbackApprover,
    Deny,
    Gate,
    MemoryAudit,
    Question,
    UnapprovedCall,
    UsageError,
)
from mcpbridge.config import load_config_text
from mcpbridge.ports import Record
from mcpbridge.testing import approval_request, function_call, mcp_call
from tests.wire.stack import sources

POLICY = """
version: 1
defaults: {decision: ask}
rules:
  - {id: acting, effect: allow, tools: ["local.*"]}
"""
CONFIG = """
model: {name: m, endpoint: local}
servers: [{label: files, url: "https://files.example/mcp", headers: {X-Key: "${env:FILES_KEY}"}}]
policy: policy.yaml
"""


def act(what: str = "") -> str:
    """Act."""
    return f"acted {what}"


def gate(folder: Path, answer: Any = None, **options: Any) -> Gate:
    (folder / "policy.yaml").write_text(POLICY)
    config = load_config_text(CONFIG, file="mcpbridge.yaml", directory=folder)
    approver = CallbackApprover(answer) if answer is not None else None
    env = sources({"FILES_KEY": "canary-files-key"})
    return Gate.from_yaml(config, approver=approver, tools=[act], sources=env, **options)


def test_two_settlements_at_once_do_not_swap_their_answers(tmp_path: Path) -> None:
    def answer(question: Question) -> Approve | Deny:
        return Approve() if question.action.tool == "read" else Deny(reason="no")

    async def both() -> list[Any]:
        async with gate(tmp_path, answer) as one:
            first = one.settle([{**approval_request("files", "mail"), "id": "mcpr_mail"}])
            second = one.settle(
                [{**approval_request("files", "read"), "id": "mcpr_read"}, function_call("act")]
            )
            return list(await asyncio.gather(first, second))

    mail, rest = asyncio.run(both())

    assert [(item["approval_request_id"], item["approve"]) for item in mail] == [("mcpr_mail", False)]
    assert {item.get("approval_request_id", item.get("call_id")) for item in rest} == {
        "mcpr_read",
        "call_act",
    }


def test_the_agents_sdk_asks_for_several_at_once(tmp_path: Path) -> None:
    def by_name(question: Question) -> Deny:
        return Deny(reason=question.action.tool)

    async def ask() -> list[Any]:
        async with gate(tmp_path, by_name) as one:
            requests = [
                SimpleNamespace(data={**approval_request("files", name), "id": f"mcpr_{name}"})
                for name in ("a", "b", "c")
            ]
            return list(await asyncio.gather(*(one.on_approval_request(request) for request in requests)))

    assert [answer["reason"] for answer in asyncio.run(ask())] == ["a", "b", "c"]


class FailsOnce:
    """A sink whose n-th decision cannot be written."""

    def __init__(self, number: int) -> None:
        self.inner, self.left = MemoryAudit(), number

    async def append(self, record: Record) -> int:
        if record.type == "decision":
            self.left -= 1
            if self.left == 0:
                raise AuditUnavailable("the disk is full")
        return await self.inner.append(record)


def test_after_a_failure_the_same_response_is_settled_without_repeating_anything(tmp_path: Path) -> None:
    ran: list[str] = []

    def answer(_question: Question) -> Approve:
        ran.append("asked")
        return Approve()

    async def settle() -> list[dict[str, Any]]:
        async with gate(tmp_path, answer, audit=FailsOnce(2)) as one:
            items = [
                {**approval_request("files", "a"), "id": "mcpr_a"},
                {**approval_request("files", "b"), "id": "mcpr_b"},
            ]
            with pytest.raises(AuditUnavailable):
                await one.settle(items)
            return await one.settle(items)

    answers = asyncio.run(settle())

    assert [(item["approval_request_id"], item["approve"]) for item in answers] == [
        ("mcpr_a", True),
        ("mcpr_b", True),
    ]
    assert ran == ["asked", "asked", "asked"]


def test_the_outcome_of_a_hosted_call_is_recorded_once(tmp_path: Path) -> None:
    audit = MemoryAudit()

    def answer(_question: Question) -> Approve:
        return Approve()

    async def settle() -> None:
        async with gate(tmp_path, answer, audit=audit) as one:
            await one.settle([{**approval_request("files", "read"), "id": "mcpr_read"}])
            await one.settle([{**mcp_call("files", "read", output="x"), "id": "mcp_1"}])
            for number in range(3):
                await one.settle(
                    [{**function_call("act"), "id": f"fc_{number}", "call_id": f"call_{number}"}]
                )

    asyncio.run(settle())

    told = [record["tool"] for record in audit.records if record["type"] == "outcome"]
    assert told == ["read", "act", "act", "act"]


def test_a_call_that_the_gate_never_saw_stops_the_loop(tmp_path: Path) -> None:
    async def settle() -> None:
        async with gate(tmp_path) as one:
            with pytest.raises(UnapprovedCall):
                await one.settle(
                    [{**mcp_call("files", "read"), "id": "mcp_1", "approval_request_id": "mcpr_x"}]
                )

    asyncio.run(settle())


def test_each_conversation_has_a_gate_of_its_own(tmp_path: Path) -> None:
    with gate(tmp_path) as one:
        other = one.new(principal="somebody else")
        assert other.conversation_id != one.conversation_id
        [answer] = other.settle_sync([function_call("act", {"what": "there"})], user_text="go")
        assert answer["output"] == "acted there"


def test_the_tools_of_a_gate_carry_credentials_and_ask_always(tmp_path: Path) -> None:
    with gate(tmp_path) as one:
        server, function = one.tools()
    assert server["headers"] == {"X-Key": "canary-files-key"}
    assert server["require_approval"] == "always"
    assert function["name"] == "act"


def test_run_sync_refuses_inside_a_running_loop(tmp_path: Path) -> None:
    async def inside() -> None:
        async with gate(tmp_path) as one:
            with pytest.raises(UsageError, match="await"):
                one.settle_sync([function_call("act")])

    asyncio.run(inside())


def test_a_response_whose_outcome_could_not_be_recorded_is_settled_again(tmp_path: Path) -> None:
    class NoOutcomeOnce(FailsOnce):
        async def append(self, record: Record) -> int:
            if record.type == "outcome" and self.left:
                self.left = 0
                raise AuditUnavailable("the disk is full")
            return await self.inner.append(record)

    sink = NoOutcomeOnce(1)

    async def settle() -> list[dict[str, Any]]:
        async with gate(tmp_path, lambda _question: Approve(), audit=sink) as one:  # pyright: ignore[reportUnknownLambdaType]
            await one.settle([{**approval_request("files", "read"), "id": "mcpr_1"}])
            ran = [{**mcp_call("files", "read"), "id": "mcp_1", "approval_request_id": "mcpr_1"}]
            with pytest.raises(AuditUnavailable):
                await one.settle(ran)
            return await one.settle(ran)

    assert asyncio.run(settle()) == []
    outcomes = [record for record in sink.inner.records if record["type"] == "outcome"]
    assert [record["request_id"] for record in outcomes] == ["mcpr_1"]
