"""The service's streams: order, numbers, and what the openai client makes of them."""

from __future__ import annotations

import httpx2
import pytest

from mcpbridge.demo.server import Tracker
from tests.service.published import assert_are_events, assert_is_response
from tests.service.talking import (
    ENCRYPTED,
    Item,
    answer,
    declared,
    events_in,
    function,
    kinds,
    only,
    openai_client,
    talking,
    user,
)

SCRIPT = r"""
rules:
- when: {user: "open"}
  then:
  - reasoning: The user wants an issue, so one is opened.
  - mcp: {server: tracker, tool: create_issue, arguments: {title: paint}}
  - call: {name: clock, arguments: {zone: "Europe/Vienna"}}
- when: {user: "list"}
  then:
  - mcp: {server: tracker, tool: list_issues}
- when: {user: "fail"}
  then:
  - mcp: {server: tracker, tool: read_issue, arguments: {id: 99}}
- when: {user: "stop"}
  then:
  - say: half an ans
  - status: incomplete
- when: {user: "break"}
  then:
  - status: failed
    error: {code: server_error, message: The model broke.}
- when: {user: "refuse"}
  then:
  - refuse: I would rather not.
- when: {user: "new event"}
  then:
  - event: {type: response.brand_new, detail: 1}
  - say: hi
- when: {mcp_result: "*"}
  then:
  - say: "Here: {{last_output}}"
    phase: final_answer
- when: {mcp_error: "*"}
  then:
  - say: "It failed."
"""


def test_events_come_in_the_documented_order(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), function("clock")) as talk:
        assert kinds(talk.stream(user("open"), include=[ENCRYPTED])) == [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.mcp_list_tools.in_progress",
            "response.mcp_list_tools.completed",
            "response.output_item.done",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            *["response.reasoning_summary_text.delta"] * 3,
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.output_item.done",
            "response.output_item.added",
            *["response.function_call_arguments.delta"] * 2,
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]


def test_an_executed_call_and_its_message_are_streamed_as_they_happen(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker, require_approval="never")) as talk:
        names = kinds(talk.stream(user("list")))
        deltas = names.count("response.output_text.delta")
        assert names[6:] == [
            "response.output_item.added",
            "response.mcp_call.in_progress",
            "response.mcp_call_arguments.delta",
            "response.mcp_call_arguments.done",
            "response.mcp_call.completed",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            *["response.output_text.delta"] * deltas,
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]


def test_the_last_event_holds_the_same_response_as_without_streaming(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker, require_approval="never")) as talk:
        events = talk.stream(user("list"))
        streamed = events[-1]["response"]
        assert_is_response(streamed)
        plain = talk.post(talk.body(user("list"))).json()
        assert kinds(plain["output"]) == kinds(streamed["output"])
        assert plain["usage"] == streamed["usage"]
        done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
        assert done == streamed["output"]


def test_the_openai_stream_helper_accepts_it(tracker: Tracker) -> None:
    with (
        talking(SCRIPT, declared(tracker, require_approval="never")) as talk,
        openai_client(talk.endpoint) as client,
        client.responses.stream(
            model="scripted",
            input="list",
            store=False,
            tools=talk.tools,  # type: ignore[arg-type]
        ) as stream,
    ):
        names = [event.type for event in stream]
        final = stream.get_final_response()
        assert names[-1] == "response.completed"
        assert [item.type for item in final.output] == ["mcp_list_tools", "mcp_call", "message"]
        assert final.output_text.startswith("Here: #1")


def test_a_streamed_approval_is_executed_once(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker, allowed_tools=["create_issue"])) as talk:
        talk.tools.append(function("clock"))
        output = talk.say(user("open"), include=[ENCRYPTED])
        request, call = only(output, "mcp_approval_request"), only(output, "function_call")
        clock = {"type": "function_call_output", "call_id": call["call_id"], "output": "noon"}
        events = talk.stream(answer(request), clock)
        assert "response.mcp_call.completed" in kinds(events)
        assert tracker.count("create_issue") == 1


def test_encrypted_content_in_an_added_event_is_not_fit_for_replay(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), function("clock")) as talk:
        events = talk.stream(user("open"), include=[ENCRYPTED])
        added = next(e["item"] for e in events if e.get("item", {}).get("type") == "reasoning")
        final: list[Item] = events[-1]["response"]["output"]
        listing, reasoning = final[0], final[1]
        assert added["id"] == reasoning["id"]
        follower = {"type": "message", "role": "assistant", "content": "well"}
        error = talk.refused(user("open"), listing, added, follower, user("list"))
        assert error["code"] == "invalid_encrypted_content"
        assert (
            talk.post(talk.body(user("open"), listing, reasoning, follower, user("list"))).status_code == 200
        )


def test_a_failing_tool_is_streamed_as_failed(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker, require_approval="never")) as talk:
        assert "response.mcp_call.failed" in kinds(talk.stream(user("fail")))


def test_a_tool_list_that_cannot_be_read_fails_the_stream(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker, authorization="wrong")) as talk:
        events = talk.stream(user("list"))
        assert kinds(events)[3:] == [
            "response.mcp_list_tools.in_progress",
            "response.mcp_list_tools.failed",
            "response.output_item.done",
            "error",
            "response.failed",
        ]
        assert "'tracker'" in events[-2]["message"]
        assert events[-1]["response"]["error"]["code"] == "server_error"


@pytest.mark.parametrize(
    ("say", "status", "last"),
    [("stop", "incomplete", "response.incomplete"), ("break", "failed", "response.failed")],
)
def test_a_response_may_end_otherwise_than_completed(say: str, status: str, last: str) -> None:
    with talking(SCRIPT) as talk:
        events = talk.stream(user(say))
        assert kinds(events)[-1] == last
        plain = talk.post(talk.body(user(say))).json()
        assert plain["status"] == events[-1]["response"]["status"] == status
        assert_is_response(plain)


def test_a_refusal_is_streamed_as_a_refusal() -> None:
    with talking(SCRIPT) as talk:
        assert "response.refusal.done" in kinds(talk.stream(user("refuse")))


def test_a_script_may_send_an_event_nobody_knows() -> None:
    with talking(SCRIPT) as talk:
        events = events_in(talk.post(talk.body(user("new event"), stream=True)).text)
        assert events[2] == {"type": "response.brand_new", "detail": 1, "sequence_number": 2}
        assert kinds(events)[-1] == "response.completed"


def test_a_cut_stream_shows_only_its_first_events(tracker: Tracker) -> None:
    script = SCRIPT + "\nfaults:\n- {cut_stream_after: 4, times: 1}\n"
    with talking(script, declared(tracker, require_approval="never")) as talk:
        body = talk.body(user("list"), stream=True)
        headers = {"authorization": f"Bearer {talk.endpoint.api_key}"}
        url = f"{talk.endpoint.base_url}/responses"
        received: list[str] = []
        cut = pytest.raises(httpx2.RemoteProtocolError)
        with talk.http.stream("POST", url, json=body, headers=headers) as response, cut:
            received.extend(response.iter_text())
        shown = events_in("".join(received))
        assert_are_events(shown)
        assert len(shown) == 4
        assert kinds(talk.stream(user("list")))[-1] == "response.completed"
    assert tracker.count("list_issues") == 2
