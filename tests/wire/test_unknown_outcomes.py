"""A request with a live approval is sent exactly once; everything else is retried (WIRE §6)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mcpbridge import Approve, Deny, ModelUnavailable, OutcomeUnknown
from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.wire.stack import ALL_ALLOWED, Stack, run

ASKS = """
rules:
  - when: {user: write}
    then: [{mcp: {server: tracker, tool: create_issue, arguments: {title: t, body: b}}}]
  - when: {mcp_result: tracker.create_issue}
    then: [{say: "done: {{last_output}}"}]
  - when: {denied: tracker.create_issue}
    then: [{say: "left alone: {{denial_reason}}"}]
  - when: {user: hello}
    then: [{say: "hello"}]
faults:
"""
LIVE = {
    name: "{when: {approved: tracker.create_issue}, " + fault + ", times: 9}"
    for name, fault in {
        "a 500": "status: 500",
        "a 500 after the effect": "status: 500, at: after_effects",
        "a 502 with HTML": "status: 502, body: '<html>'",
        "a 408": "status: 408",
        "a 400 nobody explains": "status: 400",
        "a 200 that is no JSON": "status: 200, body: 'oops'",
        "a redirect": "status: 307, headers: {location: /v1/responses}",
        "a dropped connection": "drop: true",
        "dropped after the effect": "drop: true, at: after_effects",
        "a timeout": "delay: 30",
    }.items()
}
QUIET = {
    "a 500": "{when: {user: hello}, status: 500, times: 1}",
    "a dropped connection": "{when: {user: hello}, drop: true, times: 1}",
    "a timeout": "{when: {user: hello}, delay: 30, times: 1}",
    "a 429": "{when: {user: hello}, status: 429, headers: {retry-after: '0'}, times: 1}",
}


@pytest.mark.promise("no-redirect")
@pytest.mark.promise("one-post")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", LIVE.values(), ids=LIVE.keys())
def test_a_failure_with_a_live_approval_sends_one_post_and_is_unknown(
    fault: str, stream: bool, tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(f"{ASKS}  - {fault}\n") as service:
        timeout = ", timeout: 1s" if "delay" in fault else ""
        stack = Stack(
            folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED, model_extra=timeout
        )

        with pytest.raises(OutcomeUnknown) as caught:
            stack.run("write", stream=stream)

        request_id = caught.value.request_ids[0]
        approving = [body for body in service.bodies if _approves(body)]
        assert len(approving) == 1
        assert tracker.count("create_issue") <= 1
        assert [record["request_id"] for record in stack.records("outcome_unknown")] == [request_id]
        conversation = caught.value.conversation
        assert conversation is not None
        assert conversation.unknown == (request_id,)


@pytest.mark.promise("retried")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", QUIET.values(), ids=QUIET.keys())
def test_the_same_failure_without_a_live_approval_is_retried(
    fault: str, stream: bool, tmp_path: Path
) -> None:
    with running_in_thread(f"{ASKS}  - {fault}\n") as service:
        timeout = ", timeout: 1s" if "delay" in fault else ""
        stack = Stack(folder=tmp_path, endpoint=service, model_extra=timeout)

        result = stack.run("hello", stream=stream)

        assert result.text == "hello"
        assert service.posts == 2
        assert len(stack.records("retry")) == 1


def test_a_429_is_retried_even_with_a_live_approval(tracker: Tracker, tmp_path: Path) -> None:
    fault = "{when: {approved: tracker.create_issue}, status: 429, times: 1}"
    with running_in_thread(f"{ASKS}  - {fault}\n") as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        assert stack.run("write").text.startswith("done")
        assert tracker.count("create_issue") == 1


def test_a_used_approval_does_not_block_later_retries(tracker: Tracker, tmp_path: Path) -> None:
    fault = "{when: {user: hello}, status: 500, times: 1}"
    with running_in_thread(f"{ASKS}  - {fault}\n") as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        async def two_turns() -> str:
            async with stack.bridge() as bridge:
                first = await bridge.run("write")
                return (await bridge.run("hello", conversation=first.conversation)).text

        assert run(two_turns()) == "hello"
        assert tracker.count("create_issue") == 1


def test_a_stream_cut_with_a_live_approval_is_unknown(tracker: Tracker, tmp_path: Path) -> None:
    fault = "{when: {approved: tracker.create_issue}, cut_stream_after: 4, times: 9}"
    with running_in_thread(f"{ASKS}  - {fault}\n") as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        with pytest.raises(OutcomeUnknown):
            stack.run("write", stream=True)

        assert len([body for body in service.bodies if _approves(body)]) == 1


def test_an_endpoint_that_was_never_reached_is_retried_then_unavailable(tmp_path: Path) -> None:
    with running_in_thread(ASKS.replace("faults:\n", "")) as service:
        stack = Stack(folder=tmp_path, endpoint=service)
        config_text = stack.text()
    assert config_text

    with pytest.raises(ModelUnavailable, match="could not be reached"):
        stack.run("hello")

    assert len(stack.records("retry")) == 2


@pytest.mark.promise("unknown-decided")
def test_a_person_may_have_an_unknown_request_repeated(tracker: Tracker, tmp_path: Path) -> None:
    fault = "{when: {approved: tracker.create_issue}, status: 500, times: 1}"
    with running_in_thread(f"{ASKS}  - {fault}\n") as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        async def repeat() -> str:
            async with stack.bridge() as bridge:
                with pytest.raises(OutcomeUnknown) as caught:
                    await bridge.run("write")
                unknown = caught.value
                assert unknown.conversation is not None
                saved = bridge.loads(bridge.dumps(unknown.conversation))
                with pytest.raises(OutcomeUnknown):
                    await bridge.resume(saved)
                result = await bridge.resume(saved, decisions={unknown.request_ids[0]: Approve(by="ops")})
                return result.text

        assert run(repeat()).startswith("done")
        assert tracker.count("create_issue") == 1


def test_a_person_may_give_an_unknown_request_up_and_the_model_is_told(
    tracker: Tracker, tmp_path: Path
) -> None:
    fault = "{when: {approved: tracker.create_issue}, status: 500, times: 1}"
    with running_in_thread(f"{ASKS}  - {fault}\n") as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        async def give_up() -> str:
            async with stack.bridge() as bridge:
                with pytest.raises(OutcomeUnknown) as caught:
                    await bridge.run("write")
                unknown = caught.value
                assert unknown.conversation is not None
                decisions = {unknown.request_ids[0]: Deny(by="ops", reason="it is already there")}
                return (await bridge.resume(unknown.conversation, decisions=decisions)).text

        assert "it is already there" in run(give_up())
        assert tracker.count("create_issue") == 0


def _approves(body: dict[str, Any]) -> bool:
    return any(item.get("approve") is True for item in body["input"])
