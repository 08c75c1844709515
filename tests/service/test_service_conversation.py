"""The service as the openai client meets it: answers, approvals, executions, replay."""

from __future__ import annotations

import asyncio

import pytest
from openai import AsyncOpenAI, AuthenticationError

from mcpbridge.demo import server as demo
from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running, running_in_thread
from tests.service.published import assert_is_response, published_problems, require_description
from tests.service.talking import (
    ENCRYPTED,
    answer,
    declared,
    function,
    kinds,
    only,
    openai_client,
    output_of,
    talking,
    text_in,
    user,
)

SCRIPT = r"""
rules:
- when: {user: "open"}
  then:
  - reasoning: The user wants an issue.
    thought: The secret word is heron.
  - mcp: {server: tracker, tool: create_issue, arguments: {title: "{{user}}"}}
- when: {user: "list"}
  then:
  - mcp: {server: tracker, tool: list_issues}
- when: {user: "both"}
  then:
  - mcp: {server: tracker, tool: create_issue, arguments: {title: one}}
  - mcp: {server: tracker, tool: create_issue, arguments: {title: two}}
  - call: {name: clock, arguments: {zone: utc}}
- when: {user: "read"}
  then:
  - mcp: {server: tracker, tool: read_issue, arguments: {id: 99}}
- when: {user: "recall"}
  then:
  - say: "word={{seen:secret word is (\\w+)}} issue={{seen:Created issue #(\\d+)}}"
- when: {function_output: clock}
  then:
  - say: "clock={{last_output}}"
- when: {mcp_result: "tracker.*"}
  then:
  - say: "result={{last_output}}"
- when: {mcp_error: "tracker.*"}
  then:
  - say: "error={{last_output}}"
- when: {denied: tracker.create_issue, reason: "budget"}
  then:
  - say: "denied={{denial_reason}}"
- when: {denied: tracker.create_issue}
  then: []
"""


def test_the_published_description_would_refuse_a_wrong_response() -> None:
    require_description()
    assert published_problems("Response", {"id": 1}) != []
    with pytest.raises(AssertionError):
        assert_is_response({"id": "resp_1", "object": "response"})


def test_a_hosted_call_is_asked_for_and_runs_once_when_approved(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker)) as talk:
        first = talk.say(user("open a ticket"), include=[ENCRYPTED])
        assert kinds(first) == ["mcp_list_tools", "reasoning", "mcp_approval_request"]
        assert tracker.count("create_issue") == 0
        request = only(first, "mcp_approval_request")

        second = talk.say(answer(request), include=[ENCRYPTED])

        assert kinds(second) == ["mcp_call", "message"]
        call = only(second, "mcp_call")
        assert call["approval_request_id"] == request["id"]
        assert (call["server_label"], call["name"], call["arguments"]) == (
            "tracker",
            "create_issue",
            request["arguments"],
        )
        assert (call["status"], call["error"]) == ("completed", None)
        assert tracker.count("create_issue") == 1
        talk.say(user("recall"), include=[ENCRYPTED])
        assert tracker.count("create_issue") == 1


def test_the_same_live_approval_sent_twice_runs_twice(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker)) as talk:
        request = only(talk.say(user("open a ticket"), include=[]), "mcp_approval_request")
        talk.items = [item for item in talk.items if item["type"] != "reasoning"]
        body = talk.body(answer(request))
        assert [talk.post(body).status_code for _ in range(2)] == [200, 200]
        assert tracker.count("create_issue") == 2


def test_a_denied_call_runs_nothing_and_its_reason_reaches_the_model(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker)) as talk:
        request = only(talk.say(user("open a ticket"), include=[ENCRYPTED]), "mcp_approval_request")
        output = talk.say(answer(request, approve=False, reason="no budget"))
        assert text_in(output) == "denied=no budget"
        assert tracker.effects == []


def test_a_denial_may_end_with_an_empty_answer(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker)) as talk:
        request = only(talk.say(user("open a ticket"), include=[ENCRYPTED]), "mcp_approval_request")
        assert talk.say(answer(request, approve=False)) == []


def test_several_approvals_and_a_function_call_are_answered_in_one_request(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), function("clock")) as talk:
        output = talk.say(user("both"))
        first, second = (item for item in output if item["type"] == "mcp_approval_request")
        call = only(output, "function_call")

        output = talk.say(answer(first), answer(second, approve=False), output_of(call, "noon"))

        assert kinds(output) == ["mcp_call", "message"]
        assert text_in(output) == "clock=Created issue #4: one"  # of several new outputs, the last
        assert [effect.arguments["title"] for effect in tracker.effects] == ["one"]


def test_a_call_that_never_asks_runs_at_once_and_the_model_goes_on(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker, require_approval="never")) as talk:
        output = talk.say(user("list"))
        assert kinds(output) == ["mcp_list_tools", "mcp_call", "message"]
        assert only(output, "mcp_call")["approval_request_id"] is None
        assert "gift card" in text_in(output)


@pytest.mark.parametrize("missing", [..., None, "always"])
def test_without_require_approval_the_service_asks(tracker: Tracker, missing: object) -> None:
    with talking(SCRIPT, declared(tracker, require_approval=missing)) as talk:
        assert kinds(talk.say(user("list")))[-1] == "mcp_approval_request"


@pytest.mark.parametrize(
    ("asked", "reading_asks", "writing_asks"),
    [
        ({"never": {"tool_names": ["list_issues"]}}, False, True),
        ({"always": {"tool_names": ["create_issue"]}}, False, True),
        ({"never": {"read_only": True}}, False, True),
        ({"always": {"read_only": True}}, True, False),
        ({"always": {"tool_names": ["list_issues"]}, "never": {"read_only": True}}, True, True),
        ({}, True, True),
    ],
)
def test_approval_filters_are_honoured(
    tracker: Tracker, asked: object, reading_asks: bool, writing_asks: bool
) -> None:
    with talking(SCRIPT, declared(tracker, require_approval=asked)) as talk:
        assert ("mcp_approval_request" in kinds(talk.say(user("list")))) is reading_asks
    with talking(SCRIPT, declared(tracker, require_approval=asked)) as talk:
        assert ("mcp_approval_request" in kinds(talk.say(user("open")))) is writing_asks


@pytest.mark.parametrize(
    ("allowed", "listed"),
    [
        (None, ["list_issues", "read_issue", "create_issue", "send_mail"]),
        (["read_issue"], ["read_issue"]),
        ({"tool_names": ["send_mail", "nothing"]}, ["send_mail"]),
        ({"read_only": True}, ["list_issues", "read_issue"]),
    ],
)
def test_allowed_tools_limit_the_list(tracker: Tracker, allowed: object, listed: list[str]) -> None:
    with talking(SCRIPT, declared(tracker, allowed_tools=allowed)) as talk:
        tools = only(talk.say(user("recall")), "mcp_list_tools")["tools"]
        assert [tool["name"] for tool in tools] == listed
        assert all("readOnlyHint" in tool["annotations"] for tool in tools)


def test_a_tool_outside_allowed_tools_is_never_reached(tracker: Tracker) -> None:
    declaration = declared(tracker, allowed_tools=["read_issue"], require_approval="never")
    with talking(SCRIPT, declaration) as talk:
        call = only(talk.say(user("list")), "mcp_call")
        assert call["error"]["type"] == "mcp_protocol_error"
        assert tracker.effects == []


def test_a_replayed_tool_list_is_not_fetched_again(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker)) as talk:
        assert "mcp_list_tools" in kinds(talk.say(user("recall")))
        assert "mcp_list_tools" not in kinds(talk.say(user("recall")))


def test_a_failing_tool_is_a_failed_call_with_its_content(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker, require_approval="never")) as talk:
        output = talk.say(user("read"))
        call = only(output, "mcp_call")
        assert (call["status"], call["output"]) == ("failed", None)
        assert call["error"]["type"] == "mcp_tool_execution_error"
        assert "#99" in call["error"]["content"][0]["text"]
        assert "#99" in text_in(output)


def test_an_unreachable_server_fails_the_request_with_424_and_its_name(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker, authorization="wrong")) as talk:
        error = talk.refused(user("list"), status=424)
        assert error["message"] == (
            "Error retrieving tool list from MCP server: 'tracker'. Http status code: 401 (Unauthorized)"
        )
        assert error["type"] == "external_connector_error"
    with talking(SCRIPT, declared(tracker, server_url="http://127.0.0.1:9/mcp")) as talk:
        assert "'tracker'" in talk.refused(user("list"), status=424)["message"]


def test_a_server_lost_between_approval_and_execution_is_an_http_error(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker)) as talk:
        request = only(talk.say(user("open"), include=[ENCRYPTED]), "mcp_approval_request")
        talk.tools = [declared(tracker, authorization="revoked")]
        output = talk.say(answer(request))
        message = {"type": "http_error", "code": 401, "message": "Unauthorized"}
        assert only(output, "mcp_call")["error"] == message
        assert text_in(output) == "error=Unauthorized"
        assert tracker.effects == []


def test_credentials_travel_in_headers_or_in_authorization(tracker: Tracker) -> None:
    header = {"Authorization": f"Bearer {tracker.token}"}
    with talking(SCRIPT, declared(tracker, authorization=..., headers=header)) as talk:
        assert "mcp_list_tools" in kinds(talk.say(user("recall")))


def test_the_model_remembers_reasoning_and_results_in_the_second_turn(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker)) as talk:
        request = only(talk.say(user("open"), include=[ENCRYPTED]), "mcp_approval_request")
        talk.say(answer(request), include=[ENCRYPTED])
        assert text_in(talk.say(user("recall"))) == "word=heron issue=4"


def test_the_openai_client_talks_to_it_unchanged(tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as endpoint, openai_client(endpoint) as client:
        tools = [declared(tracker)]
        response = client.responses.create(
            model="scripted",
            input="open a ticket",
            tools=tools,  # type: ignore[arg-type]
            store=False,
        )
        assert response.output[-1].type == "mcp_approval_request"
        assert response.usage is not None
        assert response.usage.total_tokens > 0
        assert [model.id for model in client.models.list()] == ["scripted"]
        assert endpoint.posts == 1
        assert endpoint.requests[0].body["input"] == "open a ticket"
        assert endpoint.requests[0].headers["authorization"] == "Bearer local-key"
        assert b"open a ticket" in endpoint.requests[0].raw


def test_structured_output_is_what_the_script_says() -> None:
    script = """rules: [{then: [{say: '{"answer": 42}'}]}]"""
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "integer"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    text = {"format": {"type": "json_schema", "name": "a", "schema": schema, "strict": True}}
    with talking(script) as talk:
        assert text_in(talk.say(user("?"), text=text)) == '{"answer": 42}'


def test_a_wrong_key_is_refused_as_openai_refuses_it() -> None:
    with running_in_thread(SCRIPT, api_key="right") as endpoint:
        with openai_client(endpoint, key="wrong") as client, pytest.raises(AuthenticationError) as refused:
            client.responses.create(model="scripted", input="recall", store=False)
        assert refused.value.code == "invalid_api_key"
        assert endpoint.posts == 1
        assert "right" not in repr(endpoint)


def test_it_runs_inside_an_event_loop_with_the_asynchronous_client() -> None:
    async def talk() -> str:
        async with demo.running() as tracker, running(SCRIPT) as endpoint:
            async with AsyncOpenAI(base_url=endpoint.base_url, api_key=endpoint.api_key) as client:
                response = await client.responses.create(
                    model="scripted",
                    input="list",
                    tools=[declared(tracker, require_approval="never")],  # type: ignore[list-item]
                    store=False,
                )
            assert tracker.count("list_issues") == 1
            return response.output_text

    assert "gift card" in asyncio.run(talk())
