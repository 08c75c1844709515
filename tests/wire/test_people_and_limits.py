"""Limits, quorum and grants through a Bridge: over the wire, with a real tracker and a log on disk."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from mcpbridge import Approve, Bridge, CallbackApprover, Question, Result, tool
from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.wire.stack import Stack, run

SCRIPT = """
rules:
- when: {sees: 'Created issue|The limit is used up|noted'}
  then: [{say: done}]
- when: {}
  then:
  - mcp: {server: tracker, tool: create_issue, arguments: {title: a, body: one}}
  - mcp: {server: tracker, tool: create_issue, arguments: {title: a, body: two}}
  - mcp: {server: tracker, tool: create_issue, arguments: {title: b, body: three}}
  - call: {name: note, arguments: {text: a}}
  - call: {name: note, arguments: {text: b}}
"""


def policy(effect: str, more: str) -> str:
    return (
        "version: 1\ndefaults: {decision: deny}\nrules:\n"
        f"  - {{id: r, effect: {effect}, tools: [tracker.create_issue]}}\n"
        f"  - {{id: n, effect: allow, tools: [local.note]}}\n{more}\n"
    )


@tool
def note(text: str) -> str:
    """Note something."""
    return "noted"


@pytest.mark.promise("limit-before")
def test_limits_hold_over_conversations_at_once_hosted_and_local(tmp_path: Path, tracker: Tracker) -> None:
    limits = (
        "limits:\n  - {tools: [tracker.create_issue], calls: 2, per: conversation}\n"
        "  - {tools: [local.note], calls: 3, per: [principal, 1h]}"
    )

    async def both(stack: Stack) -> list[Result]:
        async with stack.bridge(tools=[note]) as bridge:
            return list(
                await asyncio.gather(bridge.run("Go", principal="ana"), bridge.run("Go", principal="ana"))
            )

    with running_in_thread(SCRIPT) as endpoint:
        stack = Stack(folder=tmp_path, endpoint=endpoint, tracker=tracker, policy=policy("allow", limits))
        results = run(both(stack))
        made = Counter((one.tool, one.outcome) for result in results for one in result.decisions)
        third = stack.run("Go", principal="ana", tools=[note])

    assert made == {
        ("create_issue", "policy_allow"): 4, ("create_issue", "limit"): 2,
        ("note", "policy_allow"): 3, ("note", "limit"): 1,
    }  # fmt: skip
    assert tracker.count("create_issue") == 6
    assert Counter(one.outcome for one in third.decisions if one.tool == "note") == {"limit": 2}
    assert "the next is possible at" in third.denied[-1].reason


@pytest.mark.promise("quorum")
def test_two_people_agree_to_a_hosted_call_each_in_a_process_of_their_own(
    tmp_path: Path, tracker: Tracker
) -> None:
    rule = "approvers: [{tools: [tracker.create_issue], quorum: 2, of: [bo, cy], not_requester: true}]"

    def resumed(stack: Stack, saved: str, by: str) -> tuple[Result, str]:
        async def whole(bridge: Bridge) -> tuple[Result, str]:
            async with bridge:
                state = bridge.loads(saved)
                yes = {call.id: Approve(by=by, authenticated=True) for call in state.pending}
                result = await bridge.resume(state, decisions=yes)
                return result, bridge.dumps(result.conversation)

        return run(whole(stack.bridge(tools=[note])))

    async def begun(bridge: Bridge) -> str:
        async with bridge:
            return bridge.dumps((await bridge.run("Go", principal="ana")).conversation)

    with running_in_thread(SCRIPT) as endpoint:
        stack = Stack(folder=tmp_path, endpoint=endpoint, tracker=tracker, policy=policy("ask", rule))
        saved = run(begun(stack.bridge(tools=[note])))
        half, saved = resumed(stack, saved, "bo")
        assert (half.paused, half.questions[0].agreed, tracker.count("create_issue")) == (True, ("bo",), 0)
        same, saved = resumed(stack, saved, "bo")
        assert same.paused
        done, _ = resumed(stack, saved, "cy")

    assert not done.paused
    assert tracker.count("create_issue") == 3
    yes = [record for record in stack.records("decision") if record["outcome"] == "human_allow"]
    assert {(record["approver"], record["authenticated"]) for record in yes} == {("bo, cy", True)}
    assert [one["counts"] for one in stack.records("approval_given")] == [True] * 3 + [False] * 3 + [True] * 3


@pytest.mark.promise("grant-bound")
def test_a_grant_covers_hosted_calls_with_the_same_bound_argument(tmp_path: Path, tracker: Tracker) -> None:
    asked: list[Question] = []

    def answer(question: Question) -> Approve:
        asked.append(question)
        return Approve(always=True)

    with running_in_thread(SCRIPT) as endpoint:
        stack = Stack(
            folder=tmp_path,
            endpoint=endpoint,
            tracker=tracker,
            policy=policy("ask", "grants: {bind: [title]}"),
        )
        result = stack.run("Go", approver=CallbackApprover(answer), tools=[note])

    assert [one.outcome for one in result.decisions if one.tool == "create_issue"] == [
        *("human_allow", "grant_allow", "human_allow")
    ]
    assert f"binds to {tracker.url}, this tool as it is now" in asked[0].screen
    assert len(stack.records("grant_used")) == 1
