"""Several clients of one service: each has its key, its responses and its reasoning."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

import pytest
from openai import AuthenticationError, BadRequestError, NotFoundError, OpenAI

from mcpbridge.service.running import running_in_thread
from tests.service.talking import openai_client

SCRIPT = "rules: [{then: [{reasoning: r, thought: t}, {say: 'hi {{user}}'}]}]"


@pytest.fixture
def clients() -> Generator[tuple[OpenAI, OpenAI], None, None]:
    with ExitStack() as stack:
        endpoint = stack.enter_context(running_in_thread(SCRIPT, api_key="one", api_keys=["two"]))
        one, two = (stack.enter_context(openai_client(endpoint, key=key)) for key in ("one", "two"))
        yield one, two


@pytest.mark.promise("service-clients")
def test_another_clients_response_is_not_there(clients: tuple[OpenAI, OpenAI]) -> None:
    one, two = clients
    response = one.responses.create(model="scripted", input="a")
    assert one.responses.retrieve(response.id) == response
    for attempt in (
        two.responses.retrieve,
        two.responses.delete,
        two.responses.cancel,
        two.responses.input_items.list,
    ):
        with pytest.raises(NotFoundError, match=f"Response with id '{response.id}' not found"):
            attempt(response.id)
    with pytest.raises(BadRequestError, match="Previous response with id"):
        two.responses.create(model="scripted", input="b", previous_response_id=response.id)
    named: Any = [{"type": "item_reference", "id": response.output[1].id}]
    with pytest.raises(NotFoundError, match="Item with id"):
        two.responses.create(model="scripted", input=named)
    assert one.responses.retrieve(response.id) == response


def test_items_of_two_clients_may_have_the_same_id(clients: tuple[OpenAI, OpenAI]) -> None:
    for client in clients:
        said: Any = [{"type": "message", "role": "user", "content": client.api_key, "id": "msg_1"}]
        client.responses.create(model="scripted", input=said)
        named: Any = [{"type": "item_reference", "id": "msg_1"}]
        answer = client.responses.create(model="scripted", input=named)
        assert answer.output_text == f"hi {client.api_key}"


@pytest.mark.promise("service-clients")
def test_ciphertext_of_one_client_does_not_verify_for_another(clients: tuple[OpenAI, OpenAI]) -> None:
    one, two = clients
    response = one.responses.create(
        model="scripted", input="a", store=False, include=["reasoning.encrypted_content"]
    )
    said = {"type": "message", "role": "user", "content": "a"}
    replayed: Any = [said, *(item.model_dump(exclude_none=True) for item in response.output), said]
    one.responses.create(model="scripted", input=replayed, store=False)
    with pytest.raises(BadRequestError) as refused:
        two.responses.create(model="scripted", input=replayed, store=False)
    assert refused.value.code == "invalid_encrypted_content"


def test_only_the_keys_of_the_service_open_it(clients: tuple[OpenAI, OpenAI]) -> None:
    stranger = clients[0].with_options(api_key="three")
    for attempt in (stranger.models.list, lambda: stranger.responses.retrieve("resp_1")):
        with pytest.raises(AuthenticationError):
            attempt()


@pytest.mark.parametrize("keys", [["", "a"], ["a", "a"]])
def test_keys_must_tell_clients_apart(keys: list[str]) -> None:
    with (
        pytest.raises(ValueError, match="each given once"),
        running_in_thread(SCRIPT, api_key=keys[0], api_keys=keys[1:]),
    ):
        pass
