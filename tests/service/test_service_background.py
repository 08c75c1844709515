"""Background responses: queued, polled, streamed again from where a client lost them, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import httpx2
import pytest
from openai import APIConnectionError, BadRequestError, NotFoundError, OpenAI, RateLimitError
from openai.types.responses import Response

from mcpbridge.service.limits import Limits
from mcpbridge.service.running import running_in_thread
from tests.service.gated import SCRIPT as HOLDING
from tests.service.gated import Gate, gated
from tests.service.published import assert_are_events, assert_is_response
from tests.service.talking import Item, events_in, openai_client

SCRIPT = """
rules:
- when: {user: wait}
  then: [{say: begun}, {delay: 3600}, {say: never}]
- when: {user: odd}
  then: [{mcp: {server: nowhere, tool: x}}]
- then: [{say: "a rather long answer to {{user}}"}]
faults:
- {when: {user: cut}, cut_stream_after: 4}
"""


@pytest.fixture
def gate() -> Generator[Gate, None, None]:
    with gated() as gate:
        yield gate


@contextmanager
def _service(script: str = SCRIPT, **options: Any) -> Generator[OpenAI, None, None]:
    with running_in_thread(script, **options) as endpoint, openai_client(endpoint) as client:
        yield client


def _begin(client: OpenAI, asked: str, **options: Any) -> Response:
    create = cast("Callable[..., Response]", client.responses.create)
    return create(model="scripted", input=asked, background=True, **options)


def _ended(client: OpenAI, response_id: str) -> Response:
    """Polls as a client does; every round is a request, so that nothing here waits for a clock."""
    while (response := client.responses.retrieve(response_id)).status in ("queued", "in_progress"):
        pass
    return response


def _found(client: OpenAI, response_id: str) -> Response | None:
    try:
        return client.responses.retrieve(response_id)
    except NotFoundError:
        return None


def _events(client: OpenAI, response_id: str, query: str = "") -> list[Item]:
    headers = {"authorization": f"Bearer {client.api_key}"}
    url = f"{client.base_url}responses/{response_id}?stream=true{query}"
    return events_in(httpx2.get(url, headers=headers, timeout=30).raise_for_status().text)


@pytest.mark.promise("service-background")
def test_a_background_response_is_queued_made_and_found(gate: Gate) -> None:
    with _service(HOLDING) as client:
        begun = _begin(client, "hold", tools=[gate.declared()])
        assert (begun.status, begun.background, begun.output) == ("queued", True, [])
        assert gate.began.wait(30)
        assert client.responses.retrieve(begun.id).status == "in_progress"
        gate.release.set()
        ended = _ended(client, begun.id)
        assert (ended.status, ended.output_text) == ("completed", "held")
        raw = client.responses.with_raw_response.retrieve(begun.id).http_response.json()
        assert_is_response(raw)


def test_a_conversation_goes_on_from_a_background_response_that_has_ended(gate: Gate) -> None:
    with _service(HOLDING) as client:
        begun = _begin(client, "hold", tools=[gate.declared()])
        with pytest.raises(BadRequestError, match="has not ended"):
            _begin(client, "and?", previous_response_id=begun.id)
        gate.release.set()
        ended = _ended(client, begun.id)
        follower = client.responses.create(model="scripted", input="and?", previous_response_id=ended.id)
        assert follower.output_text == "held"


@pytest.mark.promise("service-resume")
def test_a_lost_stream_is_taken_up_after_any_event() -> None:
    with _service() as client:
        with pytest.raises(APIConnectionError):
            list(client.responses.create(model="scripted", input="cut", background=True, stream=True))
        stream = client.responses.create(model="scripted", input="go", background=True, stream=True)
        first = next(iter(stream))
        assert first.type == "response.created"
        stream.close()

        events = _events(client, first.response.id)

        assert_are_events(events)
        named = [event["type"] for event in events]
        assert named[:3] == ["response.created", "response.queued", "response.in_progress"]
        assert named[-1] == "response.completed"
        assert [event["response"]["status"] for event in events[:3]] == ["queued", "queued", "in_progress"]
        for after in range(len(events)):
            rest = client.responses.retrieve(first.response.id, stream=True, starting_after=after)
            assert [event.sequence_number for event in rest] == list(range(after + 1, len(events)))


@pytest.mark.promise("service-resume")
def test_a_stream_that_is_taken_up_early_goes_on_as_events_come(gate: Gate) -> None:
    with _service(HOLDING) as client, ThreadPoolExecutor(1) as pool:
        tools: Any = [gate.declared()]
        stream = client.responses.create(
            model="scripted", input="hold", background=True, stream=True, tools=tools
        )
        first = next(iter(stream))
        assert first.type == "response.created"
        assert gate.began.wait(30)
        reading = pool.submit(_events, client, first.response.id, "&starting_after=2")
        gate.release.set()
        events = reading.result(30)
        assert events[0]["sequence_number"] == 3
        assert events[-1]["response"]["output"][-1]["content"][0]["text"] == "held"


def test_only_a_background_response_that_was_streamed_can_be_streamed_again() -> None:
    with _service() as client:
        plain = client.responses.create(model="scripted", input="go")
        unstreamed = _begin(client, "go")
        for response in (plain, unstreamed):
            with pytest.raises(BadRequestError, match="cannot be streamed"):
                client.responses.retrieve(response.id, stream=True)
        with pytest.raises(BadRequestError, match="only be used with 'stream=true'"):
            client.responses.retrieve(plain.id, starting_after=1)
        headers = {"authorization": f"Bearer {client.api_key}"}
        for query in ("stream=perhaps", "stream=true&starting_after=x"):
            url = f"{client.base_url}responses/{plain.id}?{query}"
            assert httpx2.get(url, headers=headers).json()["error"]["code"] == "invalid_value"


def test_events_beyond_the_limit_are_forgotten_oldest_first() -> None:
    with _service(limits=Limits(event_bytes=20_000)) as client:
        asked = "go " * 1000
        stream = client.responses.create(model="scripted", input=asked, background=True, stream=True)
        events = list(stream)
        last = events[-1]
        assert last.type == "response.completed"
        with pytest.raises(BadRequestError, match="are no longer kept; retrieve the response without"):
            client.responses.retrieve(last.response.id, stream=True, starting_after=0)
        before_last = last.sequence_number - 1
        rest = client.responses.retrieve(last.response.id, stream=True, starting_after=before_last)
        assert list(rest) == [last]


@pytest.mark.promise("service-cancel")
def test_a_cancelled_response_ends_where_it_is() -> None:
    with _service() as client:
        stream = iter(client.responses.create(model="scripted", input="wait", background=True, stream=True))
        response_id = next(event.response.id for event in stream if event.type == "response.created")
        assert next(event for event in stream if event.type == "response.output_item.done")
        cancelled = client.responses.cancel(response_id)
        assert (cancelled.status, cancelled.output_text) == ("cancelled", "begun")
        *_, last = stream
        assert last.type == "response.completed"  # the published description has no event of its own for it
        assert last.response.status == "cancelled"
        assert client.responses.cancel(response_id) == client.responses.retrieve(response_id) == cancelled
        assert_are_events(_events(client, response_id))


@pytest.mark.promise("service-cancel")
def test_a_hosted_call_that_has_begun_runs_to_its_end_and_is_on_record(gate: Gate) -> None:
    with _service(HOLDING) as client:
        tools: Any = [gate.declared()]
        stream = client.responses.create(
            model="scripted", input="hold", background=True, stream=True, tools=tools
        )
        first = next(iter(stream))
        assert first.type == "response.created"
        assert gate.began.wait(30)
        client.responses.delete(first.response.id)  # cancels, and does not wait for the end as cancel does
        gate.release.set()
        *_, last = stream
        assert last.type == "response.completed"
        call = last.response.output[-1]
        assert last.response.status == "cancelled"
        assert call.type == "mcp_call"
        assert (call.output, gate.ended) == ("held", 1)


@pytest.mark.promise("service-cancel")
def test_what_waits_in_the_queue_is_cancelled_without_being_begun(gate: Gate) -> None:
    with _service(HOLDING, limits=Limits(background_running=1, background_queued=1)) as client:
        first = _begin(client, "hold", tools=[gate.declared()])
        assert gate.began.wait(30)
        second = _begin(client, "hi", stream=False)
        with pytest.raises(RateLimitError, match="Too many background responses wait"):
            _begin(client, "hi")
        cancelled = client.responses.cancel(second.id)
        assert (cancelled.status, cancelled.output) == ("cancelled", [])
        third = _begin(client, "hi")
        gate.release.set()
        assert [_ended(client, one.id).status for one in (first, third)] == ["completed", "completed"]


def test_a_synchronous_response_runs_to_its_end_and_is_stored_when_its_client_has_gone(gate: Gate) -> None:
    with _service(HOLDING) as client:
        tools: Any = [gate.declared()]
        stream = client.responses.create(model="scripted", input="hold", stream=True, tools=tools)
        first = next(iter(stream))
        assert first.type == "response.created"
        assert gate.began.wait(30)
        stream.close()
        gate.release.set()
        while (stored := _found(client, first.response.id)) is None:
            pass
        assert (stored.status, stored.output_text, gate.ended) == ("completed", "held", 1)


def test_a_synchronous_response_cannot_be_cancelled() -> None:
    with _service() as client:
        response = client.responses.create(model="scripted", input="go")
        with pytest.raises(BadRequestError, match=r"Cannot cancel a synchronous response\."):
            client.responses.cancel(response.id)
        ended = _ended(client, _begin(client, "go").id)
        assert client.responses.cancel(ended.id) == ended  # what has ended stays as it ended


def test_a_deleted_response_is_not_made_any_further() -> None:
    with _service() as client:
        stream = iter(client.responses.create(model="scripted", input="wait", background=True, stream=True))
        response_id = next(event.response.id for event in stream if event.type == "response.created")
        client.responses.delete(response_id)
        *_, last = stream
        assert last.type == "response.completed"
        assert last.response.status == "cancelled"


def test_background_needs_a_stored_response() -> None:
    with _service() as client, pytest.raises(BadRequestError, match="requires 'store' to be true") as refused:
        _begin(client, "go", store=False)
    assert refused.value.param == "background"


def test_a_background_response_that_cannot_be_made_has_failed() -> None:
    script = "rules: [{when: {user: never}, then: []}]"
    with _service(script) as client:
        ended = _ended(client, _begin(client, "go").id)
        assert ended.status == "failed"
        assert ended.error is not None
        assert ended.error.message.startswith("No rule of the script fits.")
