"""After a person's yes to a server's wish for words: why there are none, people are told."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge import Approve, CallbackApprover, ModelError, Notice
from mcpbridge.testing import Step, message, response
from tests.bridged.asking import SAMPLE, asker

UNFINISHED = response(message("half"), status="incomplete", incomplete_details={"reason": "content_filter"})


@pytest.fixture
def site() -> Generator[HTTPServer, None, None]:
    with HTTPServer(host="127.0.0.1", port=0, threaded=True) as server:
        yield server


def broken(items: Any) -> Any:
    raise ModelError("HTTP 400: no such model \x1b[2J" + "x" * 1_000)


@pytest.mark.promise("bridged-sampling-failure-told")
@pytest.mark.parametrize(
    ("step", "why"),
    [
        (broken, "HTTP 400: no such model \\u001b[2J" + "x" * 267 + "…"),
        (UNFINISHED, "the model did not finish its answer"),
    ],
)
def test_the_person_who_said_yes_hears_that_the_model_failed_and_why(
    site: HTTPServer, tmp_path: Path, step: Step, why: str
) -> None:
    server = asker(site, modern=False, questions=[SAMPLE])
    yes = CallbackApprover(lambda _: Approve(by="ana"))
    scene = server.scene(tmp_path, step, extra=", sampling: ask", approver=yes)

    scene.run("go")

    [notice] = [one for one in scene.notices if one.type == "sampling_failed"]
    assert notice == Notice(
        type="sampling_failed",
        message=f"asker.ask wanted words of the model and got none: {why}",
        fields={"request_id": "call_1", "server_label": "asker", "tool": "ask"},
    )
    assert "HTTP 400" not in json.dumps(server.answers)
    assert "finish" not in json.dumps(server.answers)


def test_words_that_a_server_gets_are_no_notice(site: HTTPServer, tmp_path: Path) -> None:
    server = asker(site, modern=False, questions=[SAMPLE])
    yes = CallbackApprover(lambda _: Approve(by="ana"))
    scene = server.scene(tmp_path, response(message("high")), extra=", sampling: ask", approver=yes)

    scene.run("go")

    assert [notice.type for notice in scene.notices] == []
