"""Whatever stands at the address: one clear sentence, in bounded time, and exit code 1."""

from __future__ import annotations

import socket
from collections.abc import Generator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.cli.main import main
from mcpbridge.doctor.verdict import Severity
from tests.doctor.looking import visited

MODELS = {"object": "list", "data": [{"id": "m", "object": "model"}]}
KEY = "canary-key-93be1f"


@pytest.fixture
def silent() -> Generator[str]:
    """Accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


@pytest.fixture
def nobody() -> str:
    """Where nobody listens any more."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


def told(capsys: pytest.CaptureFixture[str], url: str, *options: str) -> str:
    """What the command prints about an endpoint that cannot be examined, on one line."""
    assert main(["doctor", url, "--model", "m", *options]) == 1
    return " ".join(capsys.readouterr().out.split())


def test_a_server_without_any_of_it_is_told(
    httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    httpserver.expect_request("/v1/models").respond_with_data("no", status=404)
    httpserver.expect_request("/v1/responses").respond_with_data("<html>404</html>", status=404)

    said = told(capsys, httpserver.url_for("/v1"))

    assert "no Responses API here; is /v1 missing in the URL?" in said
    assert "The endpoint could not be examined." in said
    assert "Cost: 2 requests" in said


def test_a_server_of_chat_completions_only_is_told(
    httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    httpserver.expect_request("/v1/models").respond_with_json(MODELS)
    httpserver.expect_request("/v1/responses").respond_with_json({"detail": "Not Found"}, status=404)
    httpserver.expect_request("/v1/chat/completions").respond_with_json({"choices": []})

    assert "no Responses API here" in told(capsys, httpserver.url_for("/v1"))


def test_a_server_that_answers_something_else_is_told(
    httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    httpserver.expect_request("/v1/models").respond_with_json(MODELS)
    httpserver.expect_request("/v1/responses").respond_with_json({"choices": []})

    said = told(capsys, httpserver.url_for("/v1"))

    assert "the answer is not a response object" in said
    assert "it does not answer as a Responses API does" in said


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_told_and_not_shown(
    httpserver: HTTPServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("DOCTOR_KEY", KEY)
    refusal = {"error": {"message": f"The key {KEY} is wrong.", "code": "invalid_api_key"}}
    httpserver.expect_request("/v1/models").respond_with_json(refusal, status=status)

    said = told(capsys, httpserver.url_for("/v1"), "--key-env", "DOCTOR_KEY")

    assert "the key is not accepted; see --key-env" in said
    assert f"HTTP {status}: The key [secret] is wrong." in said
    assert KEY not in said
    assert httpserver.log[0][0].headers["Authorization"] == f"Bearer {KEY}"


def test_a_server_that_asks_for_patience_is_told(httpserver: HTTPServer) -> None:
    limited = {"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}
    httpserver.expect_request("/v1/models").respond_with_json(MODELS)
    httpserver.expect_request("/v1/responses").respond_with_json(
        limited, status=429, headers={"Retry-After": "0"}
    )

    examination = visited(httpserver.url_for("/v1"), model="m")

    assert not examination.examined
    assert examination.lines[-1].verdict.means == "it asks for patience; try again later"
    assert examination.cost.requests == 3  # a 429 is tried once more


def test_a_server_that_fails_is_told(httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    httpserver.expect_request("/v1/models").respond_with_json(MODELS)
    httpserver.expect_request("/v1/responses").respond_with_data("oops", status=502)

    assert "the endpoint fails; try again later" in told(capsys, httpserver.url_for("/v1"))


@pytest.mark.parametrize("garbage", ["", "{", "[]", "<!doctype html><p>hello", '{"output": NaN}', "\x00\x01"])
def test_garbage_is_told(httpserver: HTTPServer, capsys: pytest.CaptureFixture[str], garbage: str) -> None:
    httpserver.expect_request("/v1/models").respond_with_data(garbage)
    httpserver.expect_request("/v1/responses").respond_with_data(garbage)

    said = told(capsys, httpserver.url_for("/v1"))

    assert "finding responses" in said
    assert "the answer" in said


def test_a_server_that_never_answers_is_left(silent: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, silent, "--timeout", "200ms")

    assert "nothing can be examined; see the address of ENDPOINT" in said
    assert "timed out" in said or "no answer within" in said


def test_an_address_where_nobody_listens_is_told(nobody: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "could not be reached" in told(capsys, nobody)


def test_a_broken_tls_connection_is_told(httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    url = httpserver.url_for("/v1").replace("http://localhost", "https://127.0.0.1")

    assert "SSL" in told(capsys, url)


def test_a_response_that_a_gateway_wraps_in_other_statuses_is_no_crash(httpserver: HTTPServer) -> None:
    """Everything after the first two checks fails: each is unknown or refused, none an exception."""
    said = {"type": "output_text", "text": "ready"}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "content": [said]}
    body = {"id": "resp_1", "object": "response", "status": "completed", "output": [message]}
    httpserver.expect_request("/v1/models").respond_with_json(MODELS)
    httpserver.expect_oneshot_request("/v1/responses").respond_with_json(body)
    httpserver.expect_request("/v1/responses").respond_with_data("oops", status=500)

    examination = visited(httpserver.url_for("/v1"), model="m")

    assert [line.check.name for line in examination.of(Severity.OK)] == ["models", "responses"]
    assert examination.of(Severity.FINDING) == []
    assert examination.safe


def test_the_model_must_be_named_where_there_are_several(
    httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    several = {"object": "list", "data": [{"id": f"model-{number}"} for number in range(10)]}
    httpserver.expect_request("/v1/models").respond_with_json(several)

    assert main(["doctor", httpserver.url_for("/v1")]) == 2

    said = capsys.readouterr().err
    assert "name the model with --model; there are: model-0," in said
    assert "and 2 more" in said


def test_without_a_list_of_models_it_must_be_named(
    httpserver: HTTPServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["doctor", httpserver.url_for("/v1")]) == 2
    assert "name the model with --model; the endpoint lists none" in capsys.readouterr().err
