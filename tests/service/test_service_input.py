"""What the service refuses, each with the error of the real API."""

from __future__ import annotations

from typing import Any

import pytest

from mcpbridge.demo.server import Tracker
from tests.service.talking import (
    ENCRYPTED,
    Item,
    Talk,
    answer,
    declared,
    function,
    only,
    output_of,
    talking,
    user,
)

SCRIPT = """
rules:
- when: {user: "both"}
  then:
  - reasoning: Thinking.
  - call: {name: clock}
  - mcp: {server: tracker, tool: create_issue, arguments: {title: x}}
- when: {user: "think"}
  then:
  - reasoning: Thinking.
  - say: Thought.
- then: [{say: fine}]
"""


def test_an_approval_request_without_an_answer_is_refused(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), function("clock")) as talk:
        output = talk.say(user("both"), include=[ENCRYPTED])
        request, call = only(output, "mcp_approval_request"), only(output, "function_call")
        error = talk.refused(output_of(call, "noon"))
        assert error["message"] == (
            f"The following MCP approval requests do not have an approval: {request['id']}"
        )
        error = talk.refused(answer(request))
        assert error["message"] == f"No tool output found for function call {call['call_id']}."
        twice = talk.refused(output_of(call, "noon"), answer(request), answer(request))
        assert "more than one approval response" in twice["message"]
        assert tracker.effects == []


def test_an_answer_to_nothing_is_refused() -> None:
    with talking(SCRIPT) as talk:
        assert "mcpr_1" in talk.refused(answer({"id": "mcpr_1"}))["message"]
        error = talk.refused(output_of({"call_id": "call_1"}, "noon"))
        assert error["message"] == "No tool call found for function call output with call_id call_1."


def test_duplicate_ids_are_refused(tracker: Tracker) -> None:
    with talking(SCRIPT) as talk:
        message = only(talk.say(user("hi")), "message")
        error = talk.refused(message, user("again"))
        assert error["message"].startswith(f"Duplicate item found with id {message['id']}.")


def test_an_approval_for_a_server_that_is_not_declared_is_refused(tracker: Tracker) -> None:
    request = {"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "ghost", "name": "x"}
    request["arguments"] = "{}"
    with talking(SCRIPT, declared(tracker)) as talk:
        assert "'ghost'" in talk.refused(user("hi"), request, answer(request))["message"]


@pytest.fixture
def thought() -> Any:
    with talking(SCRIPT) as talk:
        talk.say(user("think"), include=[ENCRYPTED])
        yield talk


def test_reasoning_and_its_follower_are_inseparable(thought: Talk) -> None:
    first, reasoning, message = thought.items
    thought.items = []
    assert "without its required following item" in thought.refused(first, reasoning, user("x"))["message"]
    other = {**reasoning, "id": "rs_other"}
    assert thought.refused(first, other, message, user("x"))["code"] is None
    assert thought.post(thought.body(first, reasoning, message, user("x"))).status_code == 200


def test_all_reasoning_of_finished_turns_may_be_dropped(thought: Talk) -> None:
    first, _, message = thought.items
    thought.items = []
    assert thought.post(thought.body(first, message, user("x"))).status_code == 200
    assert "without its required 'reasoning' item" in thought.refused(first, message)["message"]


def test_ciphertext_verifies_only_for_its_item_key_and_model(thought: Talk) -> None:
    _, reasoning, message = thought.items
    code = "invalid_encrypted_content"
    assert thought.refused(user("x"), model="another")["code"] == code
    thought.items = []
    sealed = reasoning["encrypted_content"]
    for forged in ("", "gAAAA", "other", sealed[:-4] + "AAA=", sealed[:20]):
        replay = {**reasoning, "encrypted_content": forged}
        assert thought.refused(user("x"), replay, message)["code"] == code
    renamed = {**reasoning, "id": "rs_" + "0" * 48}
    plain = {key: value for key, value in message.items() if key != "id"}
    assert thought.refused(user("x"), renamed, plain)["code"] == code
    with talking(SCRIPT) as elsewhere:
        assert elsewhere.refused(user("x"), reasoning, message)["code"] == code


def test_one_key_given_to_two_services_opens_the_same_ciphertext(thought: Talk) -> None:
    key = bytes(32)
    with talking(SCRIPT, encryption_key=key) as one:
        one.say(user("think"), include=[ENCRYPTED])
        with talking(SCRIPT, encryption_key=key) as other:
            assert other.post(other.body(*one.items, user("x"))).status_code == 200
        with talking(SCRIPT, encryption_key=key, api_key="another account") as stranger:
            assert stranger.refused(*one.items, user("x"))["code"] == "invalid_encrypted_content"


def test_reasoning_without_ciphertext_is_not_found() -> None:
    with talking(SCRIPT) as talk:
        reasoning = only(talk.say(user("think")), "reasoning")
        assert "encrypted_content" not in reasoning
        error = talk.refused(user("x"), status=404)
        assert error["message"].startswith(f"Item with id '{reasoning['id']}' not found.")
        talk.items = []
        assert "'rs_1'" in talk.refused({"type": "item_reference", "id": "rs_1"}, status=404)["message"]


CALL = {"type": "function_call", "call_id": "call_1", "name": "clock", "arguments": "{}"}
SAID: Item = {"type": "message", "role": "assistant", "id": "msg_1", "content": []}


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({**CALL, "created_by": "me"}, "Unknown parameter: 'input[0].created_by'."),
        ({**CALL, "parsed_arguments": {}}, "Unknown parameter: 'input[0].parsed_arguments'."),
        ({"type": "web_search_call", "created_by": "x"}, "Unknown parameter: 'input[0].created_by'."),
        (
            {**SAID, "content": [{"type": "output_text", "text": "", "parsed": None}]},
            "Unknown parameter: 'input[0].content[0].parsed'.",
        ),
        ({**CALL, "id": None}, "Invalid type for 'input[0].id': expected a string, but got null instead."),
        (
            {**CALL, "arguments": {}},
            "Invalid type for 'input[0].arguments': expected a string, but got an object",
        ),
        ({"type": "mcp_call", "id": "mcp_1"}, "Missing required parameter: 'input[0].server_label'."),
        ({"type": "brand_new"}, "Invalid value: 'brand_new'."),
        ({"role": "robot", "content": "x"}, "Invalid value: 'robot'."),
        ({"role": "user"}, "Missing required parameter: 'input[0].content'."),
        ({"role": "user", "content": 3}, "Invalid type for 'input[0].content'"),
        ("text", "Invalid type for 'input[0]': expected an object, but got a string instead."),
    ],
)
def test_a_malformed_item_is_refused_with_its_path(item: Any, message: str) -> None:
    with talking(SCRIPT) as talk:
        assert talk.refused(item)["message"].startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "Unknown parameter: 'colour'."),
        ({"model": None}, "Missing required parameter: 'model'."),
        ({"input": None}, "Missing required parameter: 'input'."),
        (
            {"input": 3},
            "Invalid type for 'input': expected a string or an array, but got an integer instead.",
        ),
        ({"temperature": True}, "Invalid type for 'temperature'"),
        ({"store": "yes"}, "Invalid type for 'store': expected a boolean, but got a string instead."),
        ({"conversation": "conv_1"}, "Unsupported parameter: 'conversation'"),
        ({"background": True}, "Background mode requires 'store' to be true."),
        ({"include": ["everything"]}, "Invalid value: 'everything'."),
        ({"tools": ["x"]}, "Invalid type for 'tools[0]'"),
        ({"tools": [{"type": "magic"}]}, "Invalid value: 'magic'."),
        ({"tools": [{"type": "function"}]}, "Missing required parameter: 'tools[0].name'."),
        ({"tools": [{"type": "function", "name": "a", "b": 1}]}, "Unknown parameter: 'tools[0].b'."),
        (
            {"tools": [{"type": "mcp", "server_label": "a"}]},
            "Missing required parameter: 'tools[0].server_url'.",
        ),
    ],
)
def test_a_malformed_request_is_refused_with_its_path(change: Item, message: str) -> None:
    with talking(SCRIPT) as talk:
        error = talk.refused(user("hi"), **change)
        assert error["message"].startswith(message)
        assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"connector_id": "connector_gmail"}, "Unsupported parameter: 'tools[0].connector_id'"),
        ({"require_approval": "sometimes"}, "Invalid value: 'sometimes'."),
        ({"require_approval": {"maybe": {}}}, "Unknown parameter: 'tools[0].require_approval.maybe'."),
        ({"require_approval": {"never": []}}, "Invalid type for 'tools[0].require_approval.never'"),
        ({"allowed_tools": {"read_only": "yes"}}, "Invalid type for 'tools[0].allowed_tools'"),
        ({"secret": "x"}, "Unknown parameter: 'tools[0].secret'."),
    ],
)
def test_a_malformed_mcp_declaration_is_refused(tracker: Tracker, change: Item, message: str) -> None:
    with talking(SCRIPT, declared(tracker, **change)) as talk:
        assert talk.refused(user("hi"))["message"].startswith(message)


def test_two_servers_may_not_share_a_label(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), declared(tracker)) as talk:
        assert "Duplicate server_label 'tracker'" in talk.refused(user("hi"))["message"]


def test_a_body_that_is_no_object_is_refused() -> None:
    with talking(SCRIPT) as talk:
        headers = {"authorization": f"Bearer {talk.endpoint.api_key}"}
        for content in (b"{", b"[]"):
            url = f"{talk.endpoint.base_url}/responses"
            assert talk.http.post(url, content=content, headers=headers).status_code == 400
        assert talk.http.post(url, json={}).json()["error"]["code"] is None
        assert talk.endpoint.posts == len(talk.endpoint.requests) == 3
        assert talk.endpoint.bodies == [{}, {}, {}]


def test_other_addresses_answer_as_an_api_does() -> None:
    with talking(SCRIPT) as talk:
        origin = talk.endpoint.base_url.removesuffix("/v1")
        assert talk.http.get(f"{origin}/healthz").json()["status"] == "ok"
        assert talk.http.get(f"{origin}/v1/nothing").json()["error"]["message"].startswith("Invalid URL")
        assert talk.http.get(f"{origin}/v1/models").status_code == 401
