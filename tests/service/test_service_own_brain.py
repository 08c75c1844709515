"""A brain of one's own behind the service, and what a client sees when it breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from openai import InternalServerError, NotFoundError

from mcpbridge.service.brains.acts import Act, Say
from mcpbridge.service.brains.brain import Scene
from mcpbridge.service.brains.script import Fault
from mcpbridge.service.items.sight import Sight
from mcpbridge.service.running import running_in_thread
from tests.service.talking import openai_client


class Parrot:
    """Repeats what it hears; breaks when told to."""

    async def act(self, scene: Scene) -> AsyncIterator[Act]:
        yield Say(text=f"{scene.request.model} heard {scene.sight.seen[-1].text}")
        if scene.sight.seen[-1].text == "break":
            raise RuntimeError("a secret of the parrot")

    def next_fault(self, sight: Sight, *, post: int, stream: bool) -> Fault | None:
        return None


def test_any_brain_can_stand_in_for_the_model() -> None:
    with running_in_thread(Parrot(), models=["parrot"]) as endpoint, openai_client(endpoint) as client:
        assert client.responses.create(model="parrot", input="hi").output_text == "parrot heard hi"
        assert [model.id for model in client.models.list()] == ["parrot"]
        assert client.models.retrieve("parrot").id == "parrot"
        with pytest.raises(NotFoundError, match="The model 'gpt' does not exist"):
            client.models.retrieve("gpt")


def test_a_brain_that_breaks_is_a_server_error_and_the_service_goes_on() -> None:
    with running_in_thread(Parrot()) as endpoint, openai_client(endpoint) as client:
        with pytest.raises(InternalServerError, match="The server had an error") as refused:
            client.responses.create(model="parrot", input="break")
        assert refused.value.type == "server_error"
        assert client.responses.create(model="parrot", input="hi").output_text == "parrot heard hi"


def test_a_stream_whose_brain_breaks_has_an_end() -> None:
    with running_in_thread(Parrot()) as endpoint, openai_client(endpoint) as client:
        *_, error, last = client.responses.create(model="parrot", input="break", stream=True)
        assert error.type == "error"
        assert last.type == "response.failed"
        assert last.response.output_text == "parrot heard break"
        assert "secret" not in error.message
        assert client.responses.retrieve(last.response.id) == last.response


def test_a_background_response_whose_brain_breaks_has_failed() -> None:
    with running_in_thread(Parrot()) as endpoint, openai_client(endpoint) as client:
        *_, error, last = client.responses.create(model="parrot", input="break", background=True, stream=True)
        assert error.type == "error"
        assert last.type == "response.failed"
        assert last.response.error is not None
        assert "secret" not in last.response.error.message
        assert client.responses.retrieve(last.response.id).status == "failed"
