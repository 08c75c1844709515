"""Stored responses: kept, shown, gone on from, listed, deleted."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, cast

import httpx2
import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.responses import Response, ResponseOutputItem

from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.service.published import assert_is_response, published_problems
from tests.service.talking import ENCRYPTED, declared, function, openai_client, user

SCRIPT = r"""
rules:
- when: {user: "open"}
  then:
  - reasoning: Somebody wants an issue.
    thought: The secret word is heron.
  - mcp: {server: tracker, tool: create_issue, arguments: {title: paint}}
- when: {user: "clock"}
  then: [{call: {name: clock, arguments: {zone: utc}}}]
- when: {function_output: clock}
  then: [{say: "clock={{last_output}}"}]
- when: {user: "recall"}
  then: [{say: "word={{seen:secret word is (\\w+)}} name={{seen:name is (\\w+)}} rule={{seen:Speak (\\w+)}}"}]
- when: {mcp_result: "tracker.*"}
  then: [{say: "{{last_output}}"}]
- then: [{say: "heard {{user}}"}]
"""


@pytest.fixture
def client() -> Generator[OpenAI, None, None]:
    with running_in_thread(SCRIPT) as endpoint, openai_client(endpoint) as client:
        yield client


def _ask(client: OpenAI, asked: Any, **options: Any) -> Response:
    create = cast("Callable[..., Response]", client.responses.create)
    return create(model="scripted", input=asked, **options)


def _pending(response: Response) -> ResponseOutputItem:
    assert response.output[-1].type == "mcp_approval_request"
    return response.output[-1]


@pytest.mark.promise("service-stored")
def test_a_response_is_stored_unless_the_request_says_otherwise(client: OpenAI) -> None:
    kept, forgotten = _ask(client, "a"), _ask(client, "b", store=False)
    assert client.responses.retrieve(kept.id) == kept
    with pytest.raises(NotFoundError) as refused:
        client.responses.retrieve(forgotten.id)
    assert refused.value.body == {
        "message": f"Response with id '{forgotten.id}' not found.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }


def test_a_streamed_response_is_stored_as_it_ended(client: OpenAI) -> None:
    stream = client.responses.create(model="scripted", input="a", stream=True)
    last = list(stream)[-1]
    assert last.type == "response.completed"
    assert client.responses.retrieve(last.response.id) == last.response


@pytest.mark.promise("service-stored")
def test_a_deleted_response_is_gone(client: OpenAI) -> None:
    response = _ask(client, "a")
    answer = client.responses.with_raw_response.delete(response.id)
    assert answer.http_response.json() == {"id": response.id, "object": "response", "deleted": True}
    for attempt in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        with pytest.raises(NotFoundError):
            attempt(response.id)
    with pytest.raises(NotFoundError):
        client.responses.input_items.list(response.id)


@pytest.mark.promise("service-chain")
def test_only_the_new_items_are_sent_and_the_model_sees_all(client: OpenAI) -> None:
    first = _ask(client, "my name is Nora", instructions="Speak Norwegian.")
    second = _ask(client, "recall", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    assert second.output_text == "word= name=Nora rule="  # instructions are not carried over
    third = _ask(client, "recall", previous_response_id=second.id, instructions="Speak Danish.", store=False)
    assert third.output_text == "word= name=Nora rule=Danish"


@pytest.mark.promise("service-chain")
def test_approvals_and_functions_are_answered_with_their_answers_alone(
    client: OpenAI, tracker: Tracker
) -> None:
    tools = [declared(tracker), function("clock")]
    asked = _ask(client, "open", tools=tools)
    approval = {
        "type": "mcp_approval_response",
        "approval_request_id": _pending(asked).id,
        "approve": True,
    }
    done = _ask(client, [approval], tools=tools, previous_response_id=asked.id)
    assert done.output_text == "Created issue #4: paint"
    called = _ask(client, "clock", tools=tools, previous_response_id=done.id)
    call = called.output[-1]
    assert call.type == "function_call"
    answer = {"type": "function_call_output", "call_id": call.call_id, "output": "noon"}
    assert _ask(client, [answer], previous_response_id=called.id).output_text == "clock=noon"
    recalled = _ask(client, "recall", previous_response_id=done.id)
    assert recalled.output_text == "word=heron name= rule="  # reasoning is stored with the response
    assert tracker.count("create_issue") == 1


def test_a_pending_question_must_be_answered_before_the_conversation_goes_on(
    client: OpenAI, tracker: Tracker
) -> None:
    asked = _ask(client, "open", tools=[declared(tracker)])
    with pytest.raises(BadRequestError, match=f"do not have an approval: {_pending(asked).id}"):
        _ask(client, "and?", previous_response_id=asked.id)


@pytest.mark.promise("service-chain")
def test_an_item_that_is_stored_already_may_not_be_sent_again(client: OpenAI) -> None:
    first = _ask(client, "a")
    message = first.output[0].model_dump(exclude_none=True)
    with pytest.raises(BadRequestError, match=f"Duplicate item found with id {message['id']}"):
        _ask(client, [message, user("b")], previous_response_id=first.id)
    given = client.responses.input_items.list(first.id).data[0]
    with pytest.raises(BadRequestError, match=f"Duplicate item found with id {given.id}"):
        _ask(client, [{**user("a"), "id": given.id}], previous_response_id=first.id)


@pytest.mark.promise("service-chain")
def test_what_is_not_stored_cannot_be_gone_on_from(client: OpenAI) -> None:
    forgotten, deleted = _ask(client, "a", store=False), _ask(client, "b")
    follower = _ask(client, "c", previous_response_id=deleted.id)
    client.responses.delete(deleted.id)
    for previous, missing in (
        (forgotten.id, forgotten.id),
        (deleted.id, deleted.id),
        (follower.id, deleted.id),
        ("resp_unknown", "resp_unknown"),
    ):
        with pytest.raises(BadRequestError) as refused:
            _ask(client, "d", previous_response_id=previous)
        assert refused.value.code == "previous_response_not_found"
        assert refused.value.param == "previous_response_id"
        assert refused.value.message.endswith(f" - Previous response with id '{missing}' not found.")


def test_stored_items_can_be_named_instead_of_sent(client: OpenAI, tracker: Tracker) -> None:
    first = _ask(client, "open", tools=[declared(tracker)])
    answer = {"type": "mcp_approval_response", "approval_request_id": _pending(first).id, "approve": False}
    named = [{"type": "item_reference", "id": item.id} for item in first.output]
    recalled = _ask(client, [*named, answer, user("recall")], tools=[declared(tracker)])
    assert recalled.output_text == "word=heron name= rule="
    with pytest.raises(NotFoundError, match="Item with id 'msg_x' not found"):
        _ask(client, [{"type": "item_reference", "id": "msg_x"}])


def test_stored_reasoning_is_replayed_without_its_ciphertext(client: OpenAI, tracker: Tracker) -> None:
    first = _ask(client, "open", tools=[declared(tracker)])
    answer = {"type": "mcp_approval_response", "approval_request_id": _pending(first).id, "approve": False}
    output = [item.model_dump(exclude_none=True) for item in first.output]
    replayed = _ask(client, [*output, answer, user("recall")], tools=[declared(tracker)])
    assert replayed.output_text == "word=heron name= rule="


def test_ciphertext_is_shown_to_those_who_ask_for_it(client: OpenAI, tracker: Tracker) -> None:
    response = _ask(client, "open", tools=[declared(tracker)], include=[ENCRYPTED])
    plain = client.responses.retrieve(response.id).output[1]
    asked = client.responses.retrieve(response.id, include=["reasoning.encrypted_content"]).output[1]
    assert plain.type == "reasoning"
    assert plain.encrypted_content is None
    assert asked == response.output[1]
    with pytest.raises(BadRequestError, match="Invalid value: 'everything'"):
        client.responses.retrieve(response.id, include=["everything"])  # type: ignore[list-item]


def test_a_stored_conversation_can_go_on_without_the_store(client: OpenAI, tracker: Tracker) -> None:
    unasked = _ask(client, "open", tools=[declared(tracker)])
    sealed = client.responses.retrieve(unasked.id, include=["reasoning.encrypted_content"])
    replayed = [item.model_dump(exclude_none=True) for item in sealed.output]
    client.responses.delete(unasked.id)
    answer = {"type": "mcp_approval_response", "approval_request_id": _pending(unasked).id, "approve": False}
    items = [user("open"), *replayed, answer, user("recall")]
    recalled = _ask(client, items, tools=[declared(tracker)], store=False)
    assert recalled.output_text == "word=heron name= rule="


def test_input_items_come_page_by_page_newest_first(client: OpenAI) -> None:
    first = _ask(client, [user("one"), user("two")])
    second = _ask(client, "three", previous_response_id=first.id)
    texts = ["one", "two", "heard two", "three"]
    for order, expected in (("asc", texts), ("desc", texts[::-1])):
        pages = client.responses.input_items.list(second.id, limit=3, order=order)  # type: ignore[arg-type]
        assert pages.has_more is True
        assert [_text(item) for item in pages] == expected  # the client goes on to the second page
    raw = client.responses.input_items.with_raw_response.list(second.id, limit=2).http_response.json()
    assert published_problems("ResponseItemList", raw) == []
    assert (raw["first_id"], raw["last_id"]) == (raw["data"][0]["id"], raw["data"][-1]["id"])


def _text(item: Any) -> str:
    return str(item.content[0].text)


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("limit=0", 400, "Invalid value: '0'."),
        ("limit=101", 400, "Invalid value: '101'."),
        ("limit=many", 400, "Invalid value: 'many'."),
        ("order=up", 400, "Invalid value: 'up'."),
        ("after=msg_x", 404, "Item with id 'msg_x' not found among the input items."),
        ("include=x", 400, "Invalid value: 'x'."),
    ],
)
def test_a_page_that_cannot_be_is_refused(client: OpenAI, query: str, status: int, message: str) -> None:
    url = f"{client.base_url}responses/{_ask(client, 'a').id}/input_items?{query}"
    answer = httpx2.get(url, headers={"authorization": f"Bearer {client.api_key}"})
    assert answer.status_code == status
    assert published_problems("ErrorResponse", answer.json()) == []
    assert answer.json()["error"]["message"].startswith(message)


def test_input_tokens_are_counted_as_usage_counts_them(client: OpenAI, tracker: Tracker) -> None:
    first = _ask(client, "my name is Nora")
    options: Any = {"input": "recall", "tools": [declared(tracker)], "previous_response_id": first.id}
    counted = client.responses.input_tokens.count(model="scripted", **options)
    response = _ask(client, options.pop("input"), **options)
    assert response.usage is not None
    assert counted.input_tokens == response.usage.input_tokens
    assert counted.object == "response.input_tokens"
    assert client.responses.input_tokens.count().input_tokens == 0
    with pytest.raises(BadRequestError, match="Unknown parameter: 'temperature'"):
        client.responses.input_tokens.count(extra_body={"temperature": 1})


def test_a_stored_response_fits_the_published_description(client: OpenAI, tracker: Tracker) -> None:
    response = _ask(client, "open", tools=[declared(tracker)], metadata={"a": "b"})
    raw = client.responses.with_raw_response.retrieve(response.id).http_response.json()
    assert_is_response(raw)
    assert (raw["store"], raw["background"], raw["metadata"]) == (True, False, {"a": "b"})


def test_a_conversation_object_is_refused_with_what_to_write_instead(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="go on with `previous_response_id`"):
        _ask(client, "a", conversation="conv_1")
