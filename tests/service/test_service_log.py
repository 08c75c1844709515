"""The access log: one line for each request, with what a person looks for and nothing secret."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import httpx2
import pytest
from openai import APIConnectionError, BadRequestError

from mcpbridge.service.http.access_log import AccessLog
from mcpbridge.service.running import running_in_thread
from tests.service.talking import openai_client

SCRIPT = """
rules: [{then: [{say: hi}]}]
faults: [{when: {user: drop}, drop: true}]
"""
SECRET = "a-key-nobody-may-read"


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.promise("service-log")
def test_each_request_is_one_line_without_bodies_keys_and_headers() -> None:
    stream = io.StringIO()
    log = AccessLog(form="json", stream=stream)
    options: Any = {"api_key": SECRET, "quirks": ["echo-secrets"], "access_log": log}
    with running_in_thread(SCRIPT, **options) as endpoint, openai_client(endpoint) as client:
        response = client.responses.create(model="m", input="private words", extra_query={"token": "hush"})
        list(client.responses.create(model="m", input="private words", stream=True))
        client.responses.retrieve(response.id)
        with pytest.raises(BadRequestError):
            client.responses.create(model="m", input="x", previous_response_id="resp_1")
        with pytest.raises(APIConnectionError):
            client.responses.create(model="m", input="drop")
        assert httpx2.get(f"{endpoint.base_url}/models?key={SECRET}").status_code == 401
    created, streamed, retrieved, refused, dropped, stranger = _lines(stream)

    assert created.pop("timestamp")
    assert created.pop("ms") >= 0
    assert created.pop("bytes_in") > 30
    assert created.pop("bytes_out") > 400
    assert created == {
        "event": "request",
        "method": "POST",
        "path": "/v1/responses",
        "status": 200,
        "key": hashlib.sha256(SECRET.encode()).hexdigest()[:8],
        "response": response.id,
        "model": "m",
        "outcome": "completed",
        "quirks": "echo-secrets",
    }
    assert (streamed["outcome"], streamed["status"]) == ("completed", 200)
    assert streamed["bytes_out"] > 1000
    assert (retrieved["method"], retrieved["path"]) == ("GET", f"/v1/responses/{response.id}")
    assert (refused["status"], refused["error"]) == (400, "previous_response_not_found")
    assert dropped["status"] == 499
    assert (stranger["status"], "key" in stranger) == (401, False)
    for secret in (SECRET, "private", "hush", "Bearer"):
        assert secret not in stream.getvalue()


def test_a_line_of_text_stays_one_line_whatever_a_client_sends() -> None:
    stream = io.StringIO()
    options: Any = {"access_log": AccessLog(stream=stream)}
    with running_in_thread(SCRIPT, **options) as endpoint, openai_client(endpoint) as client:
        client.responses.create(model='m\nstatus=500 "x"', input="hi")
        headers = {"authorization": f"Bearer {endpoint.api_key}"}
        assert httpx2.get(f"{endpoint.base_url}/a%0Ab%20c", headers=headers).status_code == 404
    first, second = stream.getvalue().splitlines()
    assert first.startswith("timestamp=")
    assert " event=request method=POST path=/v1/responses status=200 " in first
    assert "path=/v1/a%0Ab%20c status=404 " in second


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_control_character_and_no_endless_value_reaches_the_log(form: Any) -> None:
    stream = io.StringIO()
    options: Any = {"access_log": AccessLog(form=form, stream=stream)}
    with running_in_thread(SCRIPT, **options) as endpoint, openai_client(endpoint) as client:
        client.responses.create(model="a\x1b[2J\x9b2J\r\u2028b\\n", input="hi")
        client.responses.create(model="m" * 5_000, input="hi")
        headers = {"authorization": f"Bearer {endpoint.api_key}"}
        httpx2.get(f"{endpoint.base_url}/responses/{'x' * 5_000}", headers=headers)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() and len(line) < 1_000 for line in lines)
    if form == "text":
        assert r"model=a\x1b[2J\x9b2J\r\u2028b\\n" in lines[0]


def test_nothing_is_logged_unless_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    with running_in_thread(SCRIPT) as endpoint, openai_client(endpoint) as client:
        client.responses.create(model="m", input="hi")
    assert capfd.readouterr() == ("", "")
