"""The chat brain against an endpoint that this test plays: what is sent, and what becomes of the answers."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.demo.server import Tracker
from mcpbridge.service.brains.chat.chat import ChatBrain
from mcpbridge.service.brains.chat.endpoint import ChatEndpoint
from mcpbridge.service.loopback import listen
from tests.service.talking import (
    ENCRYPTED,
    Item,
    Talk,
    answer,
    declared,
    function,
    kinds,
    only,
    output_of,
    talking,
    text_in,
    user,
)

KEY = "sk-chat-canary-9182"


def said(text: str | None, *calls: tuple[str, Any], finish: str = "stop", **more: Any) -> Item:
    """A chat completion."""
    message: Item = {"role": "assistant", "content": text, **more}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for at, (name, arguments) in enumerate(calls)
        ]
    return {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }


@contextmanager
def asking(
    httpserver: HTTPServer, answers: Iterator[Item], *tools: Item, **options: Any
) -> Generator[Talk, None, None]:
    """A conversation through an endpoint that gives these answers, one after another."""
    for one in answers:
        handler = httpserver.expect_ordered_request("/v1/chat/completions", method="POST")
        handler.respond_with_json(one)
    brain = ChatBrain(ChatEndpoint.at(httpserver.url_for("/v1"), KEY))
    with talking(brain, *tools) as talk:
        talk.options = {"model": "llama3.2", "include": [ENCRYPTED], **options}
        yield talk


def sent(httpserver: HTTPServer) -> list[Item]:
    return [json.loads(request.data) for request, _ in httpserver.log]


@pytest.mark.promise("chat-hosted")
def test_a_hosted_tool_is_offered_as_a_function_and_asked_for(
    httpserver: HTTPServer, tracker: Tracker
) -> None:
    answers = iter(
        [said(None, ("tracker__create_issue", '{"title":"Roof"}'), finish="tool_calls"), said("It is open.")]
    )
    with asking(httpserver, answers, declared(tracker)) as talk:
        asked = only(talk.say(user("Open a ticket about the roof")), "mcp_approval_request")
        ended = talk.say(answer(asked))

    first, second = sent(httpserver)
    assert first["model"] == "llama3.2"
    assert [one["function"]["name"] for one in first["tools"]] == [
        "tracker__list_issues",
        "tracker__read_issue",
        "tracker__create_issue",
        "tracker__send_mail",
    ]
    assert (asked["server_label"], asked["name"], asked["arguments"]) == (
        "tracker",
        "create_issue",
        '{"title":"Roof"}',
    )
    assert [effect.tool for effect in tracker.effects] == ["create_issue"]
    call, result = second["messages"][-2:]
    assert call["tool_calls"][0]["function"] == {
        "name": "tracker__create_issue",
        "arguments": '{"title":"Roof"}',
    }
    assert result == {
        "role": "tool",
        "tool_call_id": call["tool_calls"][0]["id"],
        "content": "Created issue #4: Roof",
    }
    assert text_in(ended) == "It is open."
    assert httpserver.log[0][0].headers["Authorization"] == f"Bearer {KEY}"


def test_the_model_is_told_of_a_denial_and_its_reason(httpserver: HTTPServer, tracker: Tracker) -> None:
    answers = iter([said(None, ("tracker__create_issue", '{"title":"Roof"}')), said("I see.")])
    with asking(httpserver, answers, declared(tracker)) as talk:
        asked = only(talk.say(user("Open a ticket")), "mcp_approval_request")
        talk.say(answer(asked, approve=False, reason="Roofs are not ours."))

    told = sent(httpserver)[1]["messages"][-1]
    assert told["content"] == "This call was denied and did not run. The reason: Roofs are not ours."
    assert tracker.effects == []


def test_what_runs_without_asking_goes_back_in_the_same_response(
    httpserver: HTTPServer, tracker: Tracker
) -> None:
    answers = iter([said("Looking.", ("tracker__read_issue", '{"id":3}')), said("A typo.")])
    tool = declared(tracker, require_approval="never")
    with asking(httpserver, answers, tool, tool_choice="required") as talk:
        output = talk.say(user("What is issue 3?"))

    assert kinds(output) == ["mcp_list_tools", "message", "mcp_call", "message"]
    first, second = sent(httpserver)
    assert (first["tool_choice"], second["tool_choice"]) == ("required", "auto")
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "tool"]
    assert "Typo on the pricing page" in second["messages"][-1]["content"]


def test_functions_reasoning_and_pictures_are_translated_both_ways(httpserver: HTTPServer) -> None:
    answers = iter(
        [
            said("", ("paint", '{"a":1}'), ("paint", "{broken"), reasoning_content="Two coats."),
            said("Done."),
        ]
    )
    picture: Item = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"}
    text = {"type": "input_text", "text": "Paint this"}
    with asking(
        httpserver,
        answers,
        function("paint"),
        instructions="Be brief.",
        parallel_tool_calls=True,
        temperature=0.5,
        max_output_tokens=99,
    ) as talk:
        output = talk.say({"type": "message", "role": "user", "content": [text, picture]})
        calls = [item for item in output if item["type"] == "function_call"]
        talk.say(*(output_of(call, "painted") for call in calls))

    first, second = sent(httpserver)
    assert only(output, "reasoning")["summary"][0]["text"] == "Two coats."
    assert [call["arguments"] for call in calls] == ['{"a":1}', "{broken"]
    assert first["messages"][0] == {"role": "system", "content": "Be brief."}
    assert first["messages"][1]["content"][1] == {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"},
    }
    assert (first["temperature"], first["max_tokens"], first["parallel_tool_calls"]) == (0.5, 99, True)
    assert [message["role"] for message in second["messages"]][-3:] == ["assistant", "tool", "tool"]


def test_a_schema_for_the_answer_is_passed_on(httpserver: HTTPServer) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    format = {"type": "json_schema", "name": "number", "schema": schema, "strict": True}
    with asking(httpserver, iter([said('{"n": 1}')]), text={"format": format}) as talk:
        assert text_in(talk.say(user("One?"))) == '{"n": 1}'

    wanted = {"name": "number", "schema": schema, "strict": True}
    assert sent(httpserver)[0]["response_format"] == {"type": "json_schema", "json_schema": wanted}


@pytest.mark.parametrize(
    ("choice", "passed_on", "offered"),
    [
        ("auto", "auto", 5),
        ({"type": "function", "name": "paint"}, {"type": "function", "function": {"name": "paint"}}, 1),
        (
            {"type": "mcp", "server_label": "tracker", "name": "read_issue"},
            {"type": "function", "function": {"name": "tracker__read_issue"}},
            1,
        ),
        ({"type": "mcp", "server_label": "tracker"}, "required", 4),
    ],
)
def test_tool_choice_is_passed_on(
    httpserver: HTTPServer, tracker: Tracker, choice: Any, passed_on: Any, offered: int
) -> None:
    name = (
        "paint" if passed_on == "auto" or (offered == 1 and "paint" in str(choice)) else "tracker__read_issue"
    )
    answers = iter([said(None, (name, '{"id":1}'))])
    with asking(httpserver, answers, function("paint"), declared(tracker), tool_choice=choice) as talk:
        talk.say(user("Go"))

    body = sent(httpserver)[0]
    assert (body["tool_choice"], len(body["tools"])) == (passed_on, offered)


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_an_answer_cut_short_is_incomplete_and_calls_nothing(
    httpserver: HTTPServer, tracker: Tracker, finish: str, reason: str
) -> None:
    answers = iter([said("I will", ("tracker__create_issue", '{"title":"Ro'), finish=finish)])
    with asking(httpserver, answers, declared(tracker, require_approval="never")) as talk:
        response = talk.post(talk.body(user("Open a ticket"))).json()

    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert kinds(response["output"]) == ["mcp_list_tools", "message"]
    assert tracker.effects == []


def test_a_refusal_stays_a_refusal(httpserver: HTTPServer) -> None:
    with asking(httpserver, iter([said(None, refusal="No.")])) as talk:
        message = only(talk.say(user("Do it")), "message")

    assert message["content"] == [{"type": "refusal", "refusal": "No."}]


@pytest.mark.promise("chat-errors")
@pytest.mark.parametrize(
    ("status", "body", "expected", "told"),
    [
        (
            401,
            {"error": {"message": f"bad key {KEY}"}},
            502,
            "refused the key (401): check MCPBRIDGE_CHAT_API_KEY",
        ),
        (404, {"error": {"message": "model 'x' not found"}}, 404, "model 'x' not found"),
        (429, {"error": "slow down"}, 429, "is busy (429). It says: slow down"),
        (
            400,
            {"error": {"message": "no tools here"}},
            400,
            "refused the request (400). It says: no tools here",
        ),
        (500, "<html>", 502, "failed (500)"),
        (307, "", 502, "failed (307)"),
        (200, "<html>", 502, "something that is no chat completion"),
        (200, {"choices": []}, 502, "something that is no chat completion"),
        (200, [1], 502, "something that is no chat completion"),
    ],
)
def test_what_goes_wrong_at_the_endpoint_is_said_in_our_words_without_the_key(
    httpserver: HTTPServer, status: int, body: Any, expected: int, told: str
) -> None:
    raw = body if isinstance(body, str) else json.dumps(body)
    httpserver.expect_request("/v1/chat/completions").respond_with_data(raw, status=status)
    with asking(httpserver, iter([])) as talk:
        error = talk.refused(user("Hello"), status=expected)

    assert told in error["message"]
    assert KEY not in json.dumps(error)


def test_an_endpoint_that_is_not_there_is_named() -> None:
    with listen() as free:
        port = free.getsockname()[1]
    with talking(ChatBrain(ChatEndpoint.at(f"http://127.0.0.1:{port}"))) as talk:
        error = talk.refused(user("Hello"), status=502)

    assert error["message"].startswith(f"The chat endpoint http://127.0.0.1:{port}/v1 cannot be reached")


def test_a_failure_after_hosted_calls_is_a_failed_response_that_tells_them(
    httpserver: HTTPServer, tracker: Tracker
) -> None:
    answers = iter([said(None, ("tracker__create_issue", '{"title":"Roof"}'))])
    with asking(httpserver, answers, declared(tracker, require_approval="never")) as talk:
        httpserver.expect_ordered_request("/v1/chat/completions").respond_with_data("", status=500)
        response = talk.post(talk.body(user("Open a ticket"))).json()

    assert response["status"] == "failed"
    assert "failed (500)" in response["error"]["message"]
    assert kinds(response["output"]) == ["mcp_list_tools", "mcp_call"]
    assert tracker.count("create_issue") == 1


def test_names_stay_apart_and_short(httpserver: HTTPServer, tracker: Tracker) -> None:
    label = "a tracker with a name that is longer than any function's name may ever be"
    tools = [function("tracker__read_issue"), declared(tracker), declared(tracker, server_label=label)]
    answers = iter([said("Nothing to do.")])
    with asking(httpserver, answers, *tools) as talk:
        talk.say(user("Hello"))

    names = [one["function"]["name"] for one in sent(httpserver)[0]["tools"]]
    assert len(set(names)) == len(names) == 9
    assert all(len(name) <= 64 and name.replace("_", "").replace("-", "").isalnum() for name in names)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://llm.example/v1", "would carry the conversation unencrypted"),
        ("ftp://127.0.0.1/v1", "is no address"),
        ("https://user:pw@llm.example/v1", "no credentials or parameters"),
        ("https://llm.example/v1?key=pw", "no credentials or parameters"),
    ],
)
def test_an_address_that_would_leak_is_refused(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        ChatEndpoint.at(url)
    assert "pw" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["http://localhost:11434", "http://localhost:11434/v1/", "http://localhost:11434/v1/chat/completions"],
)
def test_the_address_may_be_written_as_people_write_it(url: str) -> None:
    assert ChatEndpoint.at(url).base_url == "http://localhost:11434/v1"
