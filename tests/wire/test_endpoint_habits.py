"""What real endpoints do, and what mcpbridge makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcpbridge import (
    DenyApprover,
    Notice,
    ResponseNotCompleted,
    ToolListUnavailable,
    UnapprovedCall,
    UndeclaredServer,
    UnsupportedItem,
    UsageError,
    WireEvent,
)
from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.wire.stack import ALL_ALLOWED, Stack, run

LOOK = """
rules:
  - when: {user: look}
    then: [{mcp: {server: tracker, tool: list_issues, arguments: {}}}]
  - when: {mcp_result: "tracker.*"}
    then: [{say: "seen"}]
  - when: {user: "."}
    then: [{say: "hello"}]
"""


@pytest.mark.promise("unasked-stops")
def test_an_endpoint_that_ignores_approvals_stops_the_run_and_it_is_on_record(
    tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(LOOK, quirks=["approvals-ignored"]) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        with pytest.raises(UnapprovedCall, match="does not honour") as caught:
            stack.run("look")

        assert tracker.count("list_issues") == 1  # it has run: that is what we cannot stop
        [record] = stack.records("tripwire")
        assert record["reported_calls"][0]["name"] == "list_issues"
        assert caught.value.server_label == "tracker"


def test_an_observed_server_runs_unasked_and_is_marked(tracker: Tracker, tmp_path: Path) -> None:
    with running_in_thread(LOOK) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, server_extra="    observe: true\n")

        assert stack.run("look").text == "seen"
        [outcome] = stack.records("outcome")
        assert outcome["evidence"] == "observed"
        assert stack.records("decision") == []


@pytest.mark.promise("424-named")
def test_a_server_whose_tools_cannot_be_listed_is_named(tracker: Tracker, tmp_path: Path) -> None:
    with running_in_thread(LOOK) as service:
        stack = Stack(
            folder=tmp_path, endpoint=service, tracker=tracker, env={"TRACKER_TOKEN": "wrong-token"}
        )

        with pytest.raises(ToolListUnavailable, match="servers probe tracker") as caught:
            stack.run("look")

        assert caught.value.server_label == "tracker"
        assert service.posts == 1


def test_the_other_servers_can_go_on_without_one_that_is_down(tracker: Tracker, tmp_path: Path) -> None:
    with running_in_thread(LOOK) as service:
        stack = Stack(
            folder=tmp_path,
            endpoint=service,
            tracker=tracker,
            env={"TRACKER_TOKEN": "wrong-token"},
            server_extra="    on_unavailable: continue\n",
        )

        result = stack.run("hi")

        assert result.text == "hello"
        assert result.notices[0].fields["capability"] == "server tracker"
        assert "tools" not in service.bodies[-1]


@pytest.mark.promise("silent-server")
def test_a_server_that_the_endpoint_silently_ignores_is_reported(tracker: Tracker, tmp_path: Path) -> None:
    with running_in_thread(LOOK, quirks=["silent-server"]) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker)

        result = stack.run("hi")

        assert [notice.type for notice in result.notices] == ["server_silent"]
        assert len(stack.records("server_silent")) == 1


def test_authorization_travels_in_its_own_field_where_headers_are_refused(
    tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(LOOK, quirks=["authorization-in-headers-refused"]) as service:
        stack = Stack(
            folder=tmp_path,
            endpoint=service,
            tracker=tracker,
            policy=ALL_ALLOWED,
            server_extra="    authorization_in: field\n",
        )

        assert stack.run("look").text == "seen"
        [tool] = service.bodies[0]["tools"]
        assert tool["authorization"] == tracker.token
        assert "headers" not in tool


@pytest.mark.promise("not-completed")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "ending",
    ["{status: incomplete, reason: max_output_tokens}", "{status: failed, error: {message: overloaded}}"],
)
def test_no_tool_runs_from_a_response_that_is_not_completed(
    ending: str, stream: bool, tmp_path: Path
) -> None:
    script = f"rules:\n- then: [{{call: {{name: boom, arguments: {{}}}}}}, {ending}]\n"
    ran: list[int] = []

    def boom() -> str:
        """Explode."""
        ran.append(1)
        return "boom"

    with running_in_thread(script) as service:
        stack = Stack(folder=tmp_path, endpoint=service, policy=ALL_ALLOWED)

        with pytest.raises(ResponseNotCompleted):
            stack.run("go", tools=[boom], stream=stream)

        assert ran == []


@pytest.mark.promise("transformations")
def test_what_the_service_did_to_our_input_is_surfaced(tmp_path: Path) -> None:
    changes = "[{id: rs_1, type: reasoning, action: removed, reason: switched}]"
    script = f"rules:\n- then: [{{say: hello}}, {{response: {{input_transformations: {changes}}}}}]\n"
    with running_in_thread(script) as service:
        stack = Stack(folder=tmp_path, endpoint=service)

        result = stack.run("hi")

        assert result.notices[0].type == "input_transformed"
        [record] = stack.records("input_transformed")
        assert record["transformations"][0]["action"] == "removed"


@pytest.mark.promise("denial-reason")
@pytest.mark.promise("empty-answer")
def test_an_empty_answer_after_a_denial_is_an_answer(tracker: Tracker, tmp_path: Path) -> None:
    script = """
rules:
  - when: {user: look}
    then: [{mcp: {server: tracker, tool: send_mail, arguments: {to: a, subject: b, body: c}}}]
  - when: {denied: "tracker.*"}
    then: []
"""
    with running_in_thread(script) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker)

        result = stack.run("look")

        assert result.status == "completed"
        assert result.text == ""
        assert [(denied.tool, denied.outcome) for denied in result.denied] == [("send_mail", "policy_deny")]
        [answer] = [i for i in service.bodies[-1]["input"] if i["type"] == "mcp_approval_response"]
        assert answer == {
            "type": "mcp_approval_response",
            "approval_request_id": answer["approval_request_id"],
            "approve": False,
            "reason": "Mail is not for agents.",
        }


@pytest.mark.promise("unknown-kept")
def test_unknown_stream_events_and_inert_items_are_passed_on(tmp_path: Path) -> None:
    script = """
rules:
  - then:
      - event: {type: response.sparkle, glitter: 3}
      - item: {type: hologram, id: "{{id:holo}}", light: blue}
      - say: hello
"""
    with running_in_thread(script) as service:
        stack = Stack(folder=tmp_path, endpoint=service)

        async def two_turns() -> list[object]:
            async with stack.bridge() as bridge:
                turn = bridge.turn("hi", stream=True)
                events: list[object] = [event async for event in turn]
                await bridge.run("and?", conversation=turn.conversation)
                return events

        events = run(two_turns())

        sparkles = [
            e for e in events if isinstance(e, WireEvent) and e.event.get("type") == "response.sparkle"
        ]
        assert len(sparkles) == 1
        assert "hologram" in [item["type"] for item in service.bodies[-1]["input"]]


@pytest.mark.promise("unanswerable")
def test_an_item_that_needs_an_answer_we_cannot_give_stops_the_run_by_name(tmp_path: Path) -> None:
    item = "{type: computer_call, id: cu_1, call_id: call_1, pending_safety_checks: []}"
    script = f"rules:\n- then: [{{item: {item}}}]\n"
    with running_in_thread(script) as service:
        stack = Stack(folder=tmp_path, endpoint=service)

        with pytest.raises(UnsupportedItem, match="computer_call"):
            stack.run("hi")


@pytest.mark.promise("ungated-opt-in")
def test_a_built_in_tool_runs_only_where_it_was_accepted(tmp_path: Path) -> None:
    item = "{type: web_search_call, id: '{{id:ws}}', status: completed, action: {type: search, query: x}}"
    with running_in_thread(f"rules:\n- then: [{{item: {item}}}, {{say: found}}]\n") as service:
        plain = Stack(folder=tmp_path, endpoint=service)
        with pytest.raises(UndeclaredServer, match="web_search"):
            plain.run("hi")

        accepted = Stack(
            folder=tmp_path,
            endpoint=service,
            extra="accept_ungated: [web_search]\nhosted_tools: [{type: web_search}]\n",
        )
        result = accepted.run("hi")

        assert result.text == "found"
        assert any(isinstance(notice, Notice) and notice.type == "ungated" for notice in result.notices)
        assert len(accepted.records("ungated")) == 1


def test_ask_deny_means_that_nobody_is_there(tracker: Tracker, tmp_path: Path) -> None:
    script = """
rules:
  - when: {user: look}
    then: [{mcp: {server: tracker, tool: create_issue, arguments: {title: a}}}]
  - when: {denied: "tracker.*"}
    then: [{say: "told: {{denial_reason}}"}]
"""
    with running_in_thread(script) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, extra="approvals: {ask: deny}\n")

        result = stack.run("look")

        assert result.denied[0].outcome == "no_approver"
        assert result.text.startswith("told: ")
        assert stack.run("look", approver=DenyApprover()).denied[0].outcome == "no_approver"


@pytest.mark.promise("no-approvals-no-hosted")
def test_a_server_may_not_be_registered_where_approvals_are_not_known_to_be_honoured(
    tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(LOOK) as service:
        stack = Stack(folder=tmp_path, endpoint=service, model_extra=", profile: {approvals_honoured: false}")

        async def register() -> None:
            async with stack.bridge() as bridge:
                from mcpbridge import ServerDeclaration

                server = ServerDeclaration(label="other", url=tracker.url, allow_http=True)
                with pytest.raises(UsageError, match="approvals"):
                    await bridge.register(server)
                with pytest.raises(UsageError, match="no server"):
                    await bridge.remove("other")

        run(register())
