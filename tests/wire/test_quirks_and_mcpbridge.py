"""Each quirk of the local service imitates a fault of real servers: this is what mcpbridge does about it.

Quirks with a test of their own elsewhere are named at the end, and every quirk must be somewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mcpbridge import (
    Approve,
    ConfigurationError,
    OutputInvalid,
    ProtocolViolation,
    Result,
    RoundLimitExceeded,
    ToolListUnavailable,
    UnapprovedCall,
    UndeclaredServer,
)
from mcpbridge.demo.server import Tracker
from mcpbridge.service.quirks import Quirk
from mcpbridge.service.running import running_in_thread
from tests.wire.stack import ALL_ALLOWED, Stack, run

SCRIPT = r"""
rules:
  - when: {user: "hello"}
    then: [{say: "hm?"}]
  - when: {user: "look"}
    then:
      - {reasoning: "I look.", thought: "the plan is blue"}
      - mcp: {server: tracker, tool: list_issues, arguments: {}}
  - when: {user: "open"}
    then: [{mcp: {server: tracker, tool: create_issue, arguments: {title: paint}}}]
  - when: {user: "mail"}
    then: [{mcp: {server: tracker, tool: send_mail, arguments: {to: a, subject: b, body: c}}}]
  - when: {user: "clock"}
    then: [{reasoning: "I need the time."}, {call: {name: clock}}]
  - when: {user: "plan", sees: "the plan is blue"}
    then: [{say: "It was blue."}]
  - when: {user: "what", sees: "data:"}
    then: [{say: "I see it."}]
  - when: {denied: "*"}
    then: [{say: "told: {{denial_reason}}"}]
  - when: {mcp_result: "*"}
    then: [{say: "seen {{seen:#1 [A-Za-z ]+}}"}]
  - when: {function_output: "*"}
    then: [{say: "{{last_output}}"}]
  - then: [{say: "hm?"}]
"""
SHOWN_ELSEWHERE = {
    Quirk.DROP_MCP_CALL: "test_memory_of_results.py",
    Quirk.CIPHERTEXT_EXPIRES: "test_memory_of_results.py",
    Quirk.REJECT_ENCRYPTED_INCLUDE: "test_memory_of_results.py",
    Quirk.ECHO_SECRETS: "test_no_secret_leaks.py",
    Quirk.APPROVALS_IGNORED: "test_endpoint_habits.py",
    Quirk.SILENT_SERVER: "test_endpoint_habits.py",
    Quirk.AUTHORIZATION_IN_HEADERS_REFUSED: "test_endpoint_habits.py",
}


def clock() -> str:
    """The time."""
    return "noon"


def kinds(items: list[dict[str, Any]]) -> list[str]:
    return [item["type"] for item in items]


@pytest.mark.promise("every-quirk")
@pytest.mark.parametrize("quirk", list(Quirk))
def test_what_mcpbridge_does_about_each_quirk_is_shown(quirk: Quirk) -> None:
    folder = Path(__file__).parent
    shown = (folder / SHOWN_ELSEWHERE.get(quirk, Path(__file__).name)).read_text(encoding="utf-8")
    assert f'quirks=["{quirk}' in shown or f'"{quirk}"' in shown


def test_never_by_default_changes_nothing_since_require_approval_is_always_sent(
    tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(SCRIPT, quirks=["never-by-default"]) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker)

        result = stack.run("mail")

        assert [one.tool for one in result.denied] == ["send_mail"]
        assert tracker.effects == []
        assert {tool["require_approval"] for body in service.bodies for tool in body["tools"]} == {"always"}


def test_approval_filters_are_never_sent_so_ignoring_them_changes_nothing(
    tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(SCRIPT, quirks=["approval-filters-ignored"]) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker)

        assert stack.run("look").text.startswith("seen")
        assert all(isinstance(tool["require_approval"], str) for tool in service.bodies[0]["tools"])


def test_an_empty_answer_after_a_denial_is_completed_and_names_the_denial(
    tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(SCRIPT, quirks=["empty-after-denial"]) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker)

        async def turns() -> tuple[Result, Result]:
            async with stack.bridge() as bridge:
                first = await bridge.run("mail")
                return first, await bridge.run("hello", conversation=first.conversation)

        first, second = run(turns())

        assert (first.status, first.text) == ("completed", "")
        assert [(one.tool, one.reason) for one in first.denied] == [("send_mail", "Mail is not for agents.")]
        assert second.text == "hm?"


def test_a_denial_that_the_model_is_not_told_is_still_in_the_result(tracker: Tracker, tmp_path: Path) -> None:
    with running_in_thread(SCRIPT, quirks=["denial-untold"]) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker)

        result = stack.run("mail")

        assert result.text == "hm?"
        assert [one.tool for one in result.denied] == ["send_mail"]
        assert tracker.effects == []


@pytest.mark.promise("reworded-bounded")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_server_that_asks_again_in_other_words_is_stopped_by_the_round_limit(
    stream: bool, tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(SCRIPT, quirks=["asks-again-reworded"]) as service:
        stack = Stack(
            folder=tmp_path,
            endpoint=service,
            tracker=tracker,
            policy=ALL_ALLOWED,
            extra="limits: {max_rounds: 4}\n",
        )

        with pytest.raises(RoundLimitExceeded):
            stack.run("open", stream=stream)

        assert tracker.effects == []
        assert len(stack.records("decision")) == 4
        assert len(stack.records("outcome_unknown")) == 3


@pytest.mark.promise("reworded-asks-anew")
def test_other_words_are_another_request_that_a_person_decides_anew(tracker: Tracker, tmp_path: Path) -> None:
    with running_in_thread(SCRIPT, quirks=["asks-again-reworded"]) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker)

        async def first_round_only() -> Result:
            async with stack.bridge() as bridge:
                asked = await bridge.run("open")
                decisions = {asked.questions[0].action.request_id: Approve(by="ada")}
                return await bridge.resume(asked.conversation, decisions=decisions)

        result = run(first_round_only())

        assert result.paused
        assert '"paint."' in result.questions[0].screen
        assert [notice.type for notice in result.notices] == ["unreported"]
        assert tracker.effects == []


@pytest.mark.parametrize("replay", ["native", "function_pair"])
def test_an_approval_that_is_used_again_ends_the_run(replay: str, tracker: Tracker, tmp_path: Path) -> None:
    script = """
rules:
- when: {mcp_result: "*"}
  times: 1
  then: [{mcp: {server: tracker, tool: create_issue, arguments: {title: paint}}}]
- when: {mcp_result: "*"}
  then: [{say: done}]
- then: [{mcp: {server: tracker, tool: create_issue, arguments: {title: paint}}}]
"""
    with running_in_thread(script, quirks=["approval-reused"]) as service:
        stack = Stack(
            folder=tmp_path,
            endpoint=service,
            tracker=tracker,
            policy=ALL_ALLOWED,
            extra=f"replay: {{mcp_results: {replay}}}\n",
        )

        with pytest.raises(ProtocolViolation):
            stack.run("open")

        assert len(stack.records("tripwire")) == 1
        assert service.posts == 2


@pytest.mark.parametrize("quirks", [[], ["other-stream-names"]], ids=["clean", "other names"])
def test_other_stream_names_change_nothing(quirks: list[str], tracker: Tracker, tmp_path: Path) -> None:
    with running_in_thread(SCRIPT, quirks=quirks) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker)
        seen: list[object] = []

        result = stack.run("look", stream=True, on_event=seen.append)

        assert result.text.startswith("seen #1 Checkout fails")
        assert len(stack.records("outcome")) == 1
        names = [str(getattr(event, "event", {}).get("type")) for event in seen]
        assert ("response.mcp_call.arguments.done" in names) is bool(quirks)


@pytest.mark.promise("424-named")
def test_a_424_names_the_server(tracker: Tracker, tmp_path: Path) -> None:
    with running_in_thread(SCRIPT, quirks=["mcp-424"]) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker)

        with pytest.raises(ToolListUnavailable) as caught:
            stack.run("look")

        assert caught.value.server_label == "tracker"


def test_image_generation_is_refused_before_the_first_request(tmp_path: Path) -> None:
    with running_in_thread(SCRIPT, quirks=["stored-images-only"]) as service:
        stack = Stack(
            folder=tmp_path,
            endpoint=service,
            extra="accept_ungated: [image_generation]\nhosted_tools: [{type: image_generation}]\n",
        )

        with pytest.raises(ConfigurationError, match="stored responses"):
            stack.run("draw")

        assert service.posts == 0


@pytest.mark.promise("allowed-tools-held")
def test_a_tool_outside_allowed_tools_is_refused_where_the_endpoint_offers_it_all_the_same(
    tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(SCRIPT, quirks=["allowed-tools-ignored"]) as service:
        stack = Stack(
            folder=tmp_path,
            endpoint=service,
            tracker=tracker,
            policy=ALL_ALLOWED,
            server_extra="    allowed_tools: [list_issues]\n",
        )

        assert stack.run("look").text.startswith("seen")
        with pytest.raises(UndeclaredServer, match="allowed_tools"):
            stack.run("open")

        assert tracker.count("create_issue") == 0


def test_no_background_changes_nothing_since_none_is_asked_for(tmp_path: Path) -> None:
    with running_in_thread(SCRIPT, quirks=["no-background"]) as service:
        assert Stack(folder=tmp_path, endpoint=service).run("hi").text == "hm?"
        assert "background" not in service.bodies[0]


class Answer(BaseModel):
    number: int


@pytest.mark.promise("output-checked")
def test_an_answer_that_does_not_fit_its_type_is_an_error_that_keeps_the_conversation(tmp_path: Path) -> None:
    with running_in_thread(SCRIPT, quirks=["text-format-ignored"]) as service:
        with pytest.raises(OutputInvalid, match="the answer is no Answer") as caught:
            Stack(folder=tmp_path, endpoint=service).run("hi", output_type=Answer)

        assert caught.value.conversation is not None
        assert service.posts == 1


def test_an_ignored_tool_choice_changes_nothing_since_none_is_sent(tmp_path: Path) -> None:
    with running_in_thread(SCRIPT, quirks=["tool-choice-ignored"]) as service:
        result = Stack(folder=tmp_path, endpoint=service, policy=ALL_ALLOWED).run("clock", tools=[clock])

        assert result.text == "noon"
        assert all("tool_choice" not in body for body in service.bodies)


@pytest.mark.parametrize(
    ("quirks", "part", "text"),
    [
        ([], "input_image", "I see it."),
        (["images-unseen"], "input_image", "hm?"),
        (["files-unseen"], "input_file", "hm?"),
    ],
)
def test_images_and_files_are_sent_and_an_endpoint_that_drops_them_cannot_be_told_from_here(
    quirks: list[str], part: str, text: str, tmp_path: Path
) -> None:
    field = "image_url" if part == "input_image" else "file_data"
    shown = {"type": part, field: "data:image/png;base64,aGk="}
    with running_in_thread(SCRIPT, quirks=quirks) as service:
        stack = Stack(folder=tmp_path, endpoint=service)

        result = stack.run([{"type": "input_text", "text": "what is it?"}, shown])  # type: ignore[arg-type]

        assert result.text == text
        assert service.bodies[0]["input"][0]["content"][1][field].startswith("data:")


@pytest.mark.promise("no-ciphertext")
def test_reasoning_without_ciphertext_is_not_replayed_and_the_conversation_goes_on(
    tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(SCRIPT, quirks=["no-encrypted-reasoning"]) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        async def turns() -> list[str]:
            async with stack.bridge(tools=[clock]) as bridge:
                first = await bridge.run("look")
                second = await bridge.run("clock", conversation=first.conversation)
                third = await bridge.run("plan", conversation=second.conversation)
                return [first.text[:4], second.text, third.text]

        assert run(turns()) == ["seen", "noon", "hm?"]
        assert all("reasoning" not in kinds(body["input"]) for body in service.bodies)


def test_an_include_that_is_refused_costs_the_reasoning_of_a_function_round_only(tmp_path: Path) -> None:
    with running_in_thread(SCRIPT, quirks=["reject-encrypted-include"]) as service:
        stack = Stack(folder=tmp_path, endpoint=service, policy=ALL_ALLOWED)

        assert stack.run("clock", tools=[clock]).text == "noon"


def test_unbound_reasoning_is_not_sent_to_another_endpoint_all_the_same(
    tracker: Tracker, tmp_path: Path
) -> None:
    quirks = ["reasoning-unbound"]
    with running_in_thread(SCRIPT, quirks=quirks) as one, running_in_thread(SCRIPT, quirks=quirks) as two:
        stack = Stack(folder=tmp_path, endpoint=one, tracker=tracker, policy=ALL_ALLOWED)

        async def moving() -> str:
            async with stack.bridge() as bridge:
                saved = bridge.dumps((await bridge.run("look")).conversation)
            stack.endpoint = two
            async with stack.bridge() as bridge:
                return (await bridge.run("plan", conversation=bridge.loads(saved))).text

        assert run(moving()) == "hm?"
        assert "reasoning" not in kinds(two.bodies[0]["input"])


@pytest.mark.promise("prefix-held")
@pytest.mark.parametrize("replay", ["auto", "native", "function_pair"])
def test_what_is_replayed_keeps_the_prefix_of_its_reasoning(
    replay: str, tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(SCRIPT) as service:
        stack = Stack(
            folder=tmp_path,
            endpoint=service,
            tracker=tracker,
            policy=ALL_ALLOWED,
            extra=f"replay: {{mcp_results: {replay}}}\n",
        )

        async def turns() -> Result:
            async with stack.bridge(tools=[clock]) as bridge:
                first = await bridge.run("look", instructions="Be brief.")
                second = await bridge.run("clock", conversation=first.conversation)
                return await bridge.run("plan", conversation=bridge.loads(bridge.dumps(second.conversation)))

        result = run(turns())

        assert result.text == "It was blue."
        assert stack.records("input_transformed") == []


def test_several_faults_at_once_hide_no_call_that_ran_unasked(tracker: Tracker, tmp_path: Path) -> None:
    quirks = ["approvals-ignored", "allowed-tools-ignored", "never-by-default", "other-stream-names"]
    with running_in_thread(SCRIPT, quirks=quirks) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        with pytest.raises(UnapprovedCall):
            stack.run("look", stream=True)
