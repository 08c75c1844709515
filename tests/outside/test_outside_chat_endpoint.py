"""The chat brain and a chat-completions server that nobody here wrote: fakellm, as PyPI has it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from mcpbridge.demo.server import Tracker
from mcpbridge.service.brains.chat.chat import ChatBrain
from mcpbridge.service.brains.chat.endpoint import ChatEndpoint
from mcpbridge.service.running import running_in_thread
from tests.outside.test_outside_openai import INCLUDE, answers, ask, hosted, replayed

RULES = """
rules:
  - name: after a denial
    when: {tool_result_contains: "denied"}
    respond: {content: "Then I leave it."}
  - name: after the call
    when: {tool_result_contains: "Created issue"}
    respond: {content: "Your ticket is open."}
  - name: the call
    when: {messages_contain: "roof", tools_include: tracker__create_issue}
    respond: {tool_calls: [{name: tracker__create_issue, arguments: {title: Broken roof}}]}
"""


@pytest.fixture
def fakellm(tmp_path: Path) -> Generator[str, None, None]:
    """The base URL of their server, which plays the rules above."""
    (tmp_path / "fakellm.yaml").write_text(RULES)
    command = [sys.executable, "-m", "uvicorn", "fakellm.server:app", "--port", "0", "--no-access-log"]
    environment = {**os.environ, "FAKELLM_CONFIG": str(tmp_path / "fakellm.yaml")}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server:
        try:
            yield f"{_address(server)}/v1"
        finally:
            server.terminate()


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stderr is not None
    lines = list[str]()
    for line in server.stderr:
        lines.append(line)
        found = re.search(r"running on (http://\S+)", line)
        if found:
            return found[1]
    raise AssertionError("".join(lines))


@contextmanager
def client_of(fakellm: str) -> Generator[OpenAI, None, None]:
    """The openai client at the service whose model is their server."""
    brain = ChatBrain(ChatEndpoint.at(fakellm))
    with (
        running_in_thread(brain) as endpoint,
        OpenAI(base_url=endpoint.base_url, api_key=endpoint.api_key) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("approve", "ran", "text"),
    [(True, ["create_issue"], "Your ticket is open."), (False, [], "Then I leave it.")],
)
def test_a_model_that_knows_functions_only_gets_hosted_tools_with_approvals(
    fakellm: str, tracker: Tracker, approve: bool, ran: list[str], text: str
) -> None:
    with client_of(fakellm) as client:
        items: list[Any] = [{"role": "user", "content": "The roof is broken."}]
        fixed: Any = {"model": "gpt-4o", "tools": [hosted(tracker)], "store": False, "include": INCLUDE}
        first = ask(client, input=items, **fixed)
        before = [effect.tool for effect in tracker.effects]
        items += [*replayed(first), *answers(first, approve=approve, reason="Because.")]
        second = ask(client, input=items, **fixed)

    assert before == []
    assert [effect.tool for effect in tracker.effects] == ran
    assert second.output_text == text
