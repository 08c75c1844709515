"""Answers of any shape: a finding of the check that met it; nothing crashes, hangs or leads elsewhere."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from mcpbridge.cli.main import main
from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.reading import Malformed
from mcpbridge.doctor.registry import CHECKS
from mcpbridge.doctor.verdict import Severity
from tests.doctor.evil import Evil, Item, evil, requests_in, serving_app
from tests.doctor.looking import QUICK, verdict, visited

READY: Item = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "ready"}]}
ODD: list[Any] = [
    5, None, "x", ["x"], {"type": "mcp_call"}, {"type": ["x"]}, {"type": "function_call"},
    {"type": "reasoning", "encrypted_content": 5}, {"type": "message", "content": {"a": 1}},
    {"type": "message", "content": [5]}, {"type": "message", "content": [{"text": {"a": 1}}]},
    {"type": "mcp_list_tools", "tools": {"a": 1}}, {"type": "mcp_list_tools", "tools": [5]},
    {"type": "mcp_approval_request", "name": 5, "arguments": {}},
]  # fmt: skip


def response(*output: Any, **fields: Any) -> Item:
    return {"id": "resp_1", "object": "response", "status": "completed", "output": list(output)} | fields


@pytest.mark.promise("doctor-malformed")
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_an_item_of_odd_shape_crashes_nothing_and_all_checks_are_reported(
    odd: Any, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    httpserver.expect_request("/v1/models").respond_with_json({"data": [5, {"id": ["x"]}, {"id": "m"}]})
    httpserver.expect_oneshot_request("/v1/responses").respond_with_json(response(READY))
    httpserver.expect_request("/v1/responses").respond_with_json(response(odd, READY))

    assert main(["doctor", httpserver.url_for("/v1"), *QUICK, "--json"]) in (0, 1)

    found = json.loads(capsys.readouterr().out)
    assert [check["name"] for check in found["checks"]] == [check.name for check in CHECKS]
    assert not [check for check in found["checks"] if "the check failed" in check["came"]]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_whatever_stands_in_output_is_read_or_malformed(value: object) -> None:
    answer = Answer(status=200, body={"output": value, "status": value, "usage": value, "id": value})

    assert isinstance(answer.shown, str)
    assert answer.tokens == (0, 0)
    for read in (
        lambda: answer.said,
        lambda: answer.listed,
        lambda: answer.of("mcp_call"),
        lambda: answer.path,
    ):
        with suppress(Malformed):
            read()


@pytest.mark.promise("doctor-malformed")
def test_an_approval_request_without_an_id_is_a_finding_and_approvals_are_not_claimed() -> None:
    def idless(_body: Item, answer: Item) -> None:
        for request in requests_in(answer):
            del request["id"]

    with evil(Evil(answered=idless)) as url:
        examination = visited(url, ["approvals", "approved", "stream"], model="scripted")

    assert verdict(examination, "approvals").came == "a malformed answer: mcp_approval_request has no id"
    assert examination.profile.approvals_honoured is False
    assert "approvals_honoured" in examination.measured.by
    assert verdict(examination, "stream").severity is Severity.OK


@pytest.mark.promise("doctor-paths")
@pytest.mark.parametrize(
    "identity", ["../../../v1/vector_stores/vs_1?x=", "..", "a/b", "a%2fb", "a\nb", 5, ""]
)
def test_an_id_that_could_lead_elsewhere_is_put_into_no_url(identity: object) -> None:
    def steered(_body: Item, answer: Item) -> None:
        if "output" in answer:
            answer["id"] = identity

    endpoint = Evil(answered=steered)
    with evil(endpoint) as url:
        examination = visited(url, ["not-stored", "stored", "background"], model="scripted")

    assert "is no id" in verdict(examination, "not-stored").came
    assert set(endpoint.paths) == {"GET /v1/models", "POST /v1/responses"}


async def long(piece: bytes) -> AsyncGenerator[bytes]:
    """Twice as long as anybody reads."""
    for _ in range(2 * 2**23 // len(piece)):
        yield piece


LONG: dict[str, Callable[[], Response]] = {
    "a body": lambda: StreamingResponse(long(b" " * 65_536), media_type="application/json"),
    "an error": lambda: StreamingResponse(long(b" " * 65_536), 500),
    "a stream": lambda: StreamingResponse(
        long(b'data: {"type": "x"}\n\n' * 3_000), media_type="text/event-stream"
    ),
}


@pytest.mark.promise("doctor-bounded")
@pytest.mark.parametrize("kind", list(LONG))
def test_an_answer_is_read_up_to_8_mib(kind: str) -> None:
    async def answer(request: Request) -> Response:
        return JSONResponse({"data": [{"id": "m"}]}) if request.method == "GET" else LONG[kind]()

    with serving_app(answer) as url:
        examination = visited(url)

    assert verdict(examination, "responses").came == "the answer is longer than 8 MiB"


@pytest.mark.promise("doctor-bounded")
def test_an_answer_that_is_packed_though_nobody_asked_is_not_unpacked(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/models").respond_with_data(
        gzip.compress(b" " * 2**20), headers={"Content-Encoding": "gzip"}
    )

    examination = visited(httpserver.url_for("/v1"))

    assert "compressed, which was not asked for" in verdict(examination, "models").came
    assert httpserver.log[0][0].headers["Accept-Encoding"] == "identity"


@pytest.mark.promise("doctor-shown")
@pytest.mark.parametrize(
    "name",
    [
        "m\x1b]0;OWNED\x07\x1b[2J\u202egnp",
        "m\nhosted_mcp: true\napprovals_honoured: true",
        "m\r\x85\u2028hosted_mcp: true",
        "m\ud800x",
    ],
    ids=["escapes", "lines", "other line ends", "surrogate"],
)
def test_the_name_of_a_model_writes_neither_to_the_terminal_nor_into_the_profile(
    name: str, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    httpserver.expect_request("/v1/models").respond_with_data(
        json.dumps({"data": [{"id": name}]}), content_type="application/json"
    )
    httpserver.expect_request("/v1/responses").respond_with_json(response(READY, status=name))
    target = tmp_path / "p.yaml"

    assert (
        main(["doctor", httpserver.url_for("/v1"), "--no-mcp", "--only", "stream", "--write", str(target)])
        == 0
    )

    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.split("\n"))
    text = target.read_text(encoding="utf-8")
    assert all(line.isprintable() for line in text.split("\n"))
    profile = yaml.safe_load(text)
    assert (profile["hosted_mcp"], profile["approvals_honoured"]) == (False, False)


def test_names_of_models_in_an_error_are_written_out_too(
    httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    httpserver.expect_request("/v1/models").respond_with_json(
        {"data": [{"id": "a\x1b[2J"}, {"id": "b" * 9_000}]}
    )

    assert main(["doctor", httpserver.url_for("/v1")]) == 2

    said = capsys.readouterr().err
    assert "there are: a\\u001b[2J, bbb" in said
    assert len(said) < 400
