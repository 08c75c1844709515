"""What the service refuses or forgets, so that it does not grow: bodies, responses, recorded requests."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from openai import NotFoundError, OpenAI

from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.limits import Limits
from mcpbridge.service.running import running_in_thread
from tests.service.published import published_problems
from tests.service.talking import openai_client

SCRIPT = "rules: [{then: [{say: hi}]}]"


def _ids(client: OpenAI, number: int, text: str = "a") -> list[str]:
    return [client.responses.create(model="scripted", input=text).id for _ in range(number)]


def _there(client: OpenAI, response_id: str) -> bool:
    try:
        client.responses.retrieve(response_id)
    except NotFoundError:
        return False
    return True


def _posted(endpoint: LocalEndpoint, content: bytes, **headers: str) -> httpx2.Response:
    key = {"authorization": f"Bearer {endpoint.api_key}", "content-type": "application/json"}
    return httpx2.post(f"{endpoint.base_url}/responses", content=content, headers={**key, **headers})


@pytest.mark.promise("service-bounded")
def test_the_stored_response_that_was_not_used_for_longest_is_forgotten_first() -> None:
    limits = Limits(stored_responses=3)
    with running_in_thread(SCRIPT, limits=limits) as endpoint, openai_client(endpoint) as client:
        first, second, third = _ids(client, 3)
        assert _there(client, first)
        (fourth,) = _ids(client, 1)
        assert [_there(client, one) for one in (first, second, third, fourth)] == [True, False, True, True]
        assert len(endpoint.shelf) == 3


@pytest.mark.promise("service-bounded")
def test_stored_responses_are_bounded_by_their_bytes() -> None:
    limits = Limits(stored_bytes=50_000)
    with running_in_thread(SCRIPT, limits=limits) as endpoint, openai_client(endpoint) as client:
        small = _ids(client, 5)
        large = _ids(client, 3, "x" * 20_000)
        assert [_there(client, one) for one in (*small, *large)] == [False] * 6 + [True] * 2
        assert 40_000 < endpoint.shelf.size <= 50_000
        for one in large[1:]:
            client.responses.delete(one)
        assert (len(endpoint.shelf), endpoint.shelf.size) == (0, 0)
        too_large = _ids(client, 1, "x" * 60_000)[0]
        assert not _there(client, too_large)


@pytest.mark.promise("service-bounded")
def test_a_long_conversation_that_is_used_is_kept_from_its_beginning() -> None:
    limits = Limits(stored_responses=4)
    with running_in_thread(SCRIPT, limits=limits) as endpoint, openai_client(endpoint) as client:
        (first,) = (last,) = _ids(client, 1)
        for _ in range(3):
            _ids(client, 1)
            last = client.responses.create(model="scripted", input="b", previous_response_id=last).id
        assert [item.id for item in client.responses.input_items.list(last)]
        assert _there(client, first)


def test_deleting_makes_room() -> None:
    with running_in_thread(SCRIPT) as endpoint, openai_client(endpoint) as client:
        for one in _ids(client, 20):
            client.responses.delete(one)
        assert (len(endpoint.shelf), endpoint.shelf.size) == (0, 0)


@pytest.mark.promise("service-bounded")
def test_recorded_requests_are_bounded_by_their_bytes() -> None:
    limits = Limits(recorded_bytes=5_000)
    with running_in_thread(SCRIPT, limits=limits) as endpoint, openai_client(endpoint) as client:
        _ids(client, 6, "x" * 2_000)
        assert endpoint.posts == 6
        assert [body["input"] for body in endpoint.bodies] == ["x" * 2_000] * 2


@pytest.mark.promise("service-bounded")
@pytest.mark.parametrize("path", ["/responses", "/responses/input_tokens"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_long_is_refused_without_being_kept(path: str, chunked: bool) -> None:
    content = b'{"model": "scripted", "input": "' + b"x" * 300_000 + b'"}'
    with running_in_thread(SCRIPT, limits=Limits(body_bytes=100_000)) as endpoint:
        sent: Any = iter([content[:150_000], content[150_000:]]) if chunked else content
        headers = {"authorization": f"Bearer {endpoint.api_key}"}
        answer = httpx2.post(f"{endpoint.base_url}{path}", content=sent, headers=headers)
        assert answer.status_code == 413
        assert published_problems("ErrorResponse", answer.json()) == []
        assert "at most 100000 bytes" in answer.json()["error"]["message"]
        assert endpoint.bodies == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "We could not parse the JSON body of your request."),
        (b"\xff\xfe", "We could not parse the JSON body of your request."),
        (b'{"model": "m", "input": "a", "temperature": NaN}', "We could not parse the JSON body"),
        (b'{"model": "m", "input": "\\ud800"}', "We could not parse the JSON body"),
        (b"[]", "The body of the request must be a JSON object."),
        (
            b'{"metadata": ' + b'{"a":' * 200 + b"1" + b"}" * 201,
            "The JSON body of your request is nested more",
        ),
        (
            b'{"input": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            "The JSON body of your request is nested more",
        ),
    ],
)
def test_a_body_that_is_no_sound_json_is_refused(content: bytes, message: str) -> None:
    with running_in_thread(SCRIPT) as endpoint:
        answer = _posted(endpoint, content)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith(message)
        assert answer.json()["error"]["type"] == "invalid_request_error"


def test_characters_outside_the_first_plane_come_back_whole() -> None:
    script = "rules: [{then: [{say: '{{user}}'}]}]"
    with running_in_thread(script) as endpoint:
        answer = _posted(endpoint, b'{"model": "m", "input": "\\ud83d\\ude00"}')
        assert answer.json()["output"][0]["content"][0]["text"] == "\U0001f600"


def test_a_body_of_another_type_is_refused() -> None:
    with running_in_thread(SCRIPT) as endpoint:
        body = b'{"model": "m", "input": "a"}'
        refused = _posted(endpoint, body, **{"content-type": "text/plain"})
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "unsupported_content_type"
        assert (
            _posted(endpoint, body, **{"content-type": "Application/JSON; charset=utf-8"}).status_code == 200
        )


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/v1/nothing", 404, "Invalid URL (GET /v1/nothing)"),
        ("GET", "/v1/responses", 405, "Invalid method for URL (GET /v1/responses)"),
        ("PUT", "/v1/responses/resp_1", 405, "Invalid method for URL (PUT /v1/responses/resp_1)"),
        ("POST", "/v1/responses/compact", 404, "This local service does not compact conversations."),
    ],
)
def test_other_addresses_and_methods_are_answered_as_an_api_does(
    method: str, path: str, status: int, message: str
) -> None:
    with running_in_thread(SCRIPT) as endpoint:
        url = endpoint.base_url.removesuffix("/v1") + path
        answer = httpx2.request(method, url, headers={"authorization": "Bearer local-key"})
        assert answer.status_code == status
        assert published_problems("ErrorResponse", answer.json()) == []
        assert answer.json()["error"]["message"] == message


def test_a_limit_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="stored_bytes is -1; write a number from 0 up"):
        Limits(stored_bytes=-1)
    with pytest.raises(ValueError, match="background_running is 0; write a number from 1 up"):
        Limits(background_running=0)
