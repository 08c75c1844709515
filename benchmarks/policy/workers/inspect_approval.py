"""Inspect AI's approval policies: approvers in the order of their policies, asked for the tools they name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from inspect_ai.approval import Approval, ApprovalPolicy, Approver, approver
from inspect_ai.approval._policy import policy_approver
from inspect_ai.tool import ToolCall, ToolCallView
from timing import serve


def prepare(task: dict[str, Any]) -> Callable[[], list[bool]]:
    policies = [ApprovalPolicy(_closed(task["closed"]), f"{server}.*") for server in task["servers"]]
    policies += [
        ApprovalPolicy(_within(tool["limit"], task["currencies"]), f"{tool['server']}.{tool['name']}")
        for tool in task["tools"]
    ]
    approve, view = policy_approver(policies), ToolCallView()
    calls = [_call(call) for call in task["calls"]]

    async def all_calls() -> list[bool]:
        return [(await approve("", call, view, [])).decision == "approve" for call in calls]

    return lambda: asyncio.run(all_calls())


@approver(name="closed")
def _closed(region: str) -> Approver:
    async def approve(message: str, call: ToolCall, view: ToolCallView, history: list[Any]) -> Approval:
        closed = call.arguments["region"] == region
        return Approval(decision="reject" if closed else "escalate")

    return approve


@approver(name="within")
def _within(limit: int, currencies: list[str]) -> Approver:
    async def approve(message: str, call: ToolCall, view: ToolCallView, history: list[Any]) -> Approval:
        fits = 0 < call.arguments["amount"] <= limit and call.arguments["currency"] in currencies
        return Approval(decision="approve" if fits else "reject")

    return approve


def _call(call: dict[str, Any]) -> ToolCall:
    arguments = {name: call[name] for name in ("amount", "currency", "region")}
    return ToolCall(id="r", function=f"{call['server']}.{call['tool']}", arguments=arguments)


if __name__ == "__main__":
    serve(prepare)
