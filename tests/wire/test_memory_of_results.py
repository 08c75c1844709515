"""A conversation remembers hosted results, also where replayed mcp_call items are dropped (WIRE §4.8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.wire.stack import ALL_ALLOWED, Stack, run

SCRIPT = """
rules:
  - when: {user: "look"}
    then:
      - reasoning: "I look."
        thought: "the plan is blue"
      - mcp: {server: tracker, tool: list_issues, arguments: {}}
  - when: {mcp_result: tracker.list_issues}
    then: [{reasoning: "Seen."}, {say: "I have looked."}]
  - when: {user: "again", sees: "gift card"}
    then: [{say: "You have: {{seen:#1 [A-Za-z ]+}}"}]
  - when: {user: "again"}
    then: [{say: "I remember nothing."}]
"""


def second_turn(stack: Stack) -> str:
    async def turns() -> str:
        async with stack.bridge() as bridge:
            first = await bridge.run("look")
            saved = bridge.loads(bridge.dumps(first.conversation))
            return (await bridge.run("again", conversation=saved)).text

    return run(turns())


@pytest.mark.promise("remembers")
@pytest.mark.parametrize("quirks", [[], ["drop-mcp-call"]], ids=["clean", "drops mcp_call"])
def test_the_second_turn_still_sees_the_hosted_result(
    quirks: list[str], tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(SCRIPT, quirks=quirks) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        assert "gift card" in second_turn(stack)
        assert tracker.count("create_issue") == 0


def test_naive_replay_forgets_where_mcp_calls_are_dropped(tracker: Tracker, tmp_path: Path) -> None:
    with running_in_thread(SCRIPT, quirks=["drop-mcp-call"]) as service:
        stack = Stack(
            folder=tmp_path,
            endpoint=service,
            tracker=tracker,
            policy=ALL_ALLOWED,
            extra="replay: {mcp_results: native}\n",
        )

        assert second_turn(stack) == "I remember nothing."


def test_native_replay_sends_the_items_as_they_came(tracker: Tracker, tmp_path: Path) -> None:
    with running_in_thread(SCRIPT) as service:
        stack = Stack(
            folder=tmp_path,
            endpoint=service,
            tracker=tracker,
            policy=f"{ALL_ALLOWED}pins: {{relist: never}}\n",
            extra="replay: {mcp_results: native}\n",
        )

        assert "gift card" in second_turn(stack)
        kinds = [item["type"] for item in service.bodies[-1]["input"]]
        assert kinds == [
            "message",
            "mcp_list_tools",
            "reasoning",
            "mcp_approval_request",
            "mcp_approval_response",
            "mcp_call",
            "reasoning",
            "message",
            "message",
        ]


@pytest.mark.promise("reasoning-replayed")
def test_encrypted_reasoning_is_replayed_and_verified(tracker: Tracker, tmp_path: Path) -> None:
    with running_in_thread(SCRIPT) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        second_turn(stack)

        replayed = [item for item in service.bodies[-1]["input"] if item["type"] == "reasoning"]
        assert replayed
        assert all(item["encrypted_content"] for item in replayed)
        assert all(body["store"] is False for body in service.bodies)


@pytest.mark.promise("reasoning-dropped")
def test_reasoning_that_no_longer_verifies_is_dropped_once_and_on_record(
    tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(SCRIPT, quirks=["ciphertext-expires"]) as service:
        stack = Stack(
            folder=tmp_path,
            endpoint=service,
            tracker=tracker,
            policy="version: 1\ndefaults: {decision: deny}\n",
        )
        stack.policy = ALL_ALLOWED

        assert "gift card" in second_turn(stack)
        assert len(stack.records("reasoning_dropped")) == 1


@pytest.mark.promise("include-fallback")
def test_an_endpoint_that_refuses_encrypted_reasoning_is_remembered(tracker: Tracker, tmp_path: Path) -> None:
    with running_in_thread(SCRIPT, quirks=["reject-encrypted-include"]) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        assert "gift card" in second_turn(stack)
        assert [("include" in body) for body in service.bodies] == [True, False, False, False]
        assert len(stack.records("capability_fallback")) == 1
