"""`mcpbridge run` against the reference server from npm, every step in a process of its own (must-show 2)."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from mcpbridge.service.running import running_in_thread
from tests.cli_run.everything import install, running
from tests.cli_run.shell import Shell

pytestmark = pytest.mark.node

POLICY = """
version: 1
defaults: {decision: ask}
rules: [{id: echo, effect: allow, tools: [everything.echo]}]
"""
SCRIPT = """
rules:
  - when: {user: "^echo"}
    then: [{mcp: {server: everything, tool: echo, arguments: {message: hello}}}]
  - when: {user: "^add"}
    then: [{mcp: {server: everything, tool: get-sum, arguments: {a: 2, b: 40}}}]
  - when: {mcp_result: "everything.*"}
    then: [{say: "It says: {{last_output}}"}]
  - when: {denied: "everything.*"}
    then: [{say: "Left alone: {{denial_reason}}"}]
"""


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with running(install(tmp_path_factory.mktemp("node"))) as url:
        yield url


@pytest.fixture
def governed(everything: str, tmp_path: Path) -> Generator[Shell]:
    with running_in_thread(SCRIPT) as service:
        shell = Shell(folder=tmp_path)
        shell.configure(
            service, None, policy=POLICY, extra=f"servers: [{{label: everything, url: '{everything}'}}]\n"
        )
        yield shell


def test_an_allowed_call_completes(governed: Shell) -> None:
    ended = governed.run("echo")

    assert (ended.code, ended.out) == (0, "It says: Echo: hello\n")
    assert governed.decided() == [("decision", "echo", "policy_allow"), ("outcome", "completed")]


def test_paused_then_a_yes_in_another_process_then_refused(governed: Shell) -> None:
    paused = governed.run("add", "--state", "state.json", "--json")
    question = paused.json["approvals"][0]["id"]
    assert governed.decided() == []
    done = governed.run("--resume", "state.json", "--decide", f"{question}=yes", "--by", "oncall")
    again = governed.run("--resume", "state.json", "--decide", f"{question}=yes")

    assert (paused.code, done.code, again.code) == (3, 0, 2)
    assert "42" in done.out
    assert "was already decided" in again.err
    assert governed.decided() == [("decision", "get-sum", "human_allow"), ("outcome", "completed")]
    assert governed.records("decision")[0]["approver"] == "oncall"


def test_paused_then_a_no_in_another_process_which_the_model_is_told(governed: Shell) -> None:
    paused = governed.run("add", "--state", "state.json", "--json")
    question = paused.json["approvals"][0]["id"]
    done = governed.run("--resume", "state.json", "--decide", f"{question}=no:sums are for people")

    assert (paused.code, done.code) == (3, 0)
    assert done.out == "Left alone: sums are for people\n"
    assert governed.decided() == [("decision", "get-sum", "human_deny")]
    assert governed.records("decision")[0]["reason"] == "sums are for people"
