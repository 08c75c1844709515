"""Brains that say what cannot be sent: every way to ask comes to an end all the same."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from openai import OpenAI
from pytest_httpserver import HTTPServer

from mcpbridge.service.brains.acts import Act, Amend, Announce, Produce, Say, Think
from mcpbridge.service.brains.brain import Scene
from mcpbridge.service.brains.chat.chat import ChatBrain
from mcpbridge.service.brains.chat.endpoint import ChatEndpoint
from mcpbridge.service.brains.script import Fault
from mcpbridge.service.items.sight import Sight
from mcpbridge.service.running import running_in_thread
from tests.service.talking import Item, events_in, openai_client, talking, text_in, user

HALF = "x\ud800y"


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


class Saying:
    """A brain that always acts like this."""

    def __init__(self, *acts: Act) -> None:
        self.acts = acts

    async def act(self, scene: Scene) -> AsyncIterator[Act]:
        for act in self.acts:
            yield act

    def next_fault(self, sight: Sight, *, post: int, stream: bool) -> Fault | None:
        return None


class Sabotaging(Saying):
    """A brain that reaches around the door and leaves what cannot be written where the response is made."""

    async def act(self, scene: Scene) -> AsyncIterator[Act]:
        output: Any = scene
        output.output.append({"type": "message", "id": "msg_1", "content": [], "when": datetime.date.min})
        output.output.append({"type": "message", "id": "msg_2", "content": HALF})
        yield Say(text="hi")


def _ended(client: OpenAI, response_id: str) -> Any:
    while (response := client.responses.retrieve(response_id)).status in ("queued", "in_progress"):
        pass
    return response


def _events(endpoint: Any, method: str, path: str, body: Item | None = None) -> list[Item]:
    headers = {"authorization": f"Bearer {endpoint.api_key}"}
    url = f"{endpoint.base_url}/{path}"
    return events_in(httpx2.request(method, url, json=body, headers=headers, timeout=30).text)


@pytest.mark.promise("service-brain-text")
def test_half_a_character_of_a_model_is_replaced_wherever_it_says_it() -> None:
    brain = Saying(
        Think(summary=HALF),
        Announce(event={"type": "odd", "text": HALF}),
        Amend(fields={"metadata": {HALF: HALF}}),
        Say(text=HALF),
    )
    with talking(brain) as talk:
        *_, last = _events(talk.endpoint, "POST", "responses", talk.body(user("hi"), stream=True))
        output = talk.say(user("hi"))
    assert text_in(output) == "x\ufffdy"
    assert output[0]["summary"][0]["text"] == "x\ufffdy"
    assert last["response"]["metadata"] == {"x\ufffdy": "x\ufffdy"}
    assert last["type"] == "response.completed"


@pytest.mark.promise("service-brain-text")
@pytest.mark.parametrize("value", [datetime.date.min, float("nan"), {1: 2}, {"a": nested(100_000)}, object()])
def test_what_is_no_json_fails_the_response_in_the_words_of_the_wire(value: Any) -> None:
    with talking(Saying(Produce(item={"type": "odd", "value": value}))) as talk:
        refused = talk.refused(user("hi"), status=500)
        assert refused["message"].startswith("The model of this local service produced what cannot be sent")
        *_, error, last = _events(talk.endpoint, "POST", "responses", talk.body(user("hi"), stream=True))
    assert (error["type"], last["type"]) == ("error", "response.failed")
    assert last["response"]["status"] == "failed"


@pytest.mark.promise("service-brain-text")
@pytest.mark.parametrize("brain", [Saying(Produce(item={"a": float("inf")})), Sabotaging()])
def test_a_background_response_that_broke_has_failed_and_its_events_end(brain: Saying) -> None:
    with running_in_thread(brain) as endpoint, openai_client(endpoint) as client:
        plain = client.responses.create(model="m", input="hi", background=True)
        assert _ended(client, plain.id).status == "failed"
        body = {"model": "m", "input": "hi", "background": True, "stream": True}
        events = _events(endpoint, "POST", "responses", body)
        response_id = events[0]["response"]["id"]
        resumed = _events(endpoint, "GET", f"responses/{response_id}?stream=true&starting_after=0")
        assert client.responses.cancel(response_id).status == "failed"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["type"] == "response.failed"
    assert resumed == events[1:]


@pytest.mark.promise("service-brain-text")
def test_a_stream_that_broke_in_an_unforeseen_way_is_told_its_end() -> None:
    with talking(Sabotaging()) as talk:
        events = _events(talk.endpoint, "POST", "responses", talk.body(user("hi"), stream=True))
        assert talk.refused(user("hi"), status=500)["code"] == "server_error"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["output"] == []


@pytest.mark.promise("chat-errors")
@pytest.mark.parametrize(
    "answer",
    [
        b'{"choices":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"choices": [null]}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": {"content": NaN}}]}',
    ],
)
def test_what_is_no_chat_completion_is_a_bad_gateway(httpserver: HTTPServer, answer: bytes) -> None:
    httpserver.expect_request("/v1/chat/completions").respond_with_data(answer)
    with talking(ChatBrain(ChatEndpoint.at(httpserver.url_for("/v1")))) as talk:
        assert talk.refused(user("hi"), status=502)["code"] == "chat_answer"
        *_, last = _events(talk.endpoint, "POST", "responses", talk.body(user("hi"), stream=True))
    assert last["type"] == "response.failed"


@pytest.mark.promise("chat-errors")
@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, b'{"choices":[{"message":{"content":"x\\ud800y"}}]}'),
        (400, b'{"error":{"message":"x\\ud800y"}}'),
    ],
)
def test_half_a_character_of_a_chat_endpoint_is_replaced(
    httpserver: HTTPServer, status: int, answer: bytes
) -> None:
    httpserver.expect_request("/v1/chat/completions").respond_with_data(answer, status=status)
    with talking(ChatBrain(ChatEndpoint.at(httpserver.url_for("/v1")))) as talk:
        answered = talk.post(talk.body(user("hi")))
    assert answered.status_code == status
    assert "x\ufffdy" in answered.text
