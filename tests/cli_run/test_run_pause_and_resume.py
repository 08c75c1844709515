"""Paused in one process, decided in another: each step with the audit lines that prove it (must-show 2)."""

from __future__ import annotations

import getpass
import re
import shlex
import shutil
import sys

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.cli_run.shell import SCRIPT, Shell


def test_without_a_terminal_a_question_pauses_and_says_how_to_answer(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        paused = shell.run("write", "-c", "mcpbridge.yaml", "--principal", "ci-bot")
        commands = [line for line in paused.err.splitlines() if line.startswith("  mcpbridge run")]
        yes, no = (shlex.split(command) for command in commands)
        resumed = shell.mcpbridge(*yes[1:])

    assert (paused.code, paused.out) == (3, "")
    assert "ci-bot wants to call tracker.create_issue" in paused.err
    assert 'title  "t"' in paused.err
    assert re.fullmatch(r"conv_[0-9a-f]+\.state\.json", yes[5])
    assert no[-1] == yes[-1].removesuffix("yes") + "no:reason"
    assert (resumed.code, resumed.out) == (0, "It says: Created issue #4: t\n")
    assert tracker.count("create_issue") == 1


def test_a_yes_from_another_process_runs_the_call_once(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        question = shell.paused()
        assert tracker.effects == []
        done = shell.run("--resume", "state.json", "--decide", f"{question}=yes", "--by", "oncall", "--json")

    assert done.code == 0
    assert done.json["status"] == "completed"
    assert done.json["state"] == "state.json"
    assert [(one["id"], one["outcome"]) for one in done.json["approvals"]] == [(question, "human_allow")]
    assert tracker.count("create_issue") == 1
    (asked,) = shell.records("question_asked")
    decision, outcome = shell.records("decision", "outcome")
    assert (decision["type"], outcome["type"]) == ("decision", "outcome")
    assert (decision["outcome"], decision["approver"], decision["authenticated"]) == (
        "human_allow",
        "oncall",
        False,
    )
    assert decision["screen_hash"] == asked["screen_hash"]
    assert (outcome["request_id"], outcome["evidence"]) == (question, "reported_by_provider")
    assert asked["seq"] < decision["seq"] < outcome["seq"]


@pytest.mark.promise("denial-reason")
def test_a_no_from_another_process_reaches_the_model_with_its_reason(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        question = shell.paused()
        done = shell.run(
            "--resume", "state.json", "--decide", f"{question}=no: not = on: Fridays", "--stream"
        )

    assert (done.code, done.out) == (0, "Left alone: not = on: Fridays\n")
    assert "denied   tracker.create_issue" in done.err
    assert tracker.effects == []
    (decision,) = shell.records("decision")
    assert (decision["outcome"], decision["reason"]) == ("human_deny", "not = on: Fridays")
    assert shell.records("outcome") == []


def test_paused_json_shows_the_open_question(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        found = shell.here("write", "--json", "--state", "here.json").json

    assert (found["status"], found["text"], found["state"]) == ("paused", "", "here.json")
    (approval,) = found["approvals"]
    assert approval == {
        "id": approval["id"],
        "server": "tracker",
        "tool": "create_issue",
        "arguments": '{"title":"t","body":"b"}',
        "rules": [],
        "outcome": None,
    }


@pytest.mark.promise("second-resume")
@pytest.mark.parametrize("second", ["yes", "no:changed my mind"])
def test_a_second_resume_of_the_same_question_is_refused(second: str, shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        question = shell.paused()
        shutil.copy(shell.folder / "state.json", shell.folder / "copy.json")
        first = shell.here("--resume", "state.json", "--decide", f"{question}=yes")
        again = shell.here("--resume", "state.json", "--decide", f"{question}={second}")
        copied = shell.run("--resume", "copy.json", "--decide", f"{question}={second}", "--json")
        posts = service.posts

    assert (first.code, again.code, copied.code) == (0, 2, 2)
    assert f"{question} was already decided (human_allow, audit record" in again.err
    assert f"{question} was already decided (human_allow, audit record" in copied.err
    assert copied.json["error"]["type"] == "AlreadyDecided"
    assert tracker.count("create_issue") == 1
    assert posts == 2
    assert len(shell.records("decision")) == 1


def test_partly_decided_stays_paused(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        first, second = [
            one["id"] for one in shell.here("write two", "--state", "state.json", "--json").json["approvals"]
        ]
        partly = shell.run("--resume", "state.json", "--decide", f"{second}=yes", "--json")
        posts = service.posts
        done = shell.here("--resume", "state.json", "--decide", f"{first}=no:one is enough")

    assert partly.code == 3
    assert {one["id"]: one["outcome"] for one in partly.json["approvals"]} == {
        second: "human_allow",
        first: None,
    }
    assert posts == 1
    assert done.code == 0
    assert [effect.arguments["title"] for effect in tracker.effects] == ["two"]
    assert [record["outcome"] for record in shell.records("decision")] == ["human_allow", "human_deny"]


def test_a_stranger_to_the_conversation_is_no_question(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        question = shell.paused()
        ended = shell.here("--resume", "state.json", "--decide", "mcpr_other=yes")

    assert ended.code == 2
    assert f"mcpr_other is not an open question of this conversation (open: {question})" in ended.err
    assert tracker.effects == []


def test_a_resume_without_decisions_shows_the_questions_again(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        question = shell.paused()
        ended = shell.here("--resume", "state.json")

    assert ended.code == 3
    assert f"--decide {question}=yes" in ended.err
    assert len(shell.records("question_asked")) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_saved_state_is_for_its_owner_only(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        shell.here("write")

    (saved,) = shell.folder.glob("conv_*.state.json")
    assert saved.stat().st_mode & 0o777 == 0o600


def test_who_decides_may_be_somebody_without_a_name(
    shell: Shell, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise OSError("no username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nobody)
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        question = shell.paused()
        done = shell.here("--resume", "state.json", "--decide", f"{question}=yes")

    assert done.code == 0
    assert shell.records("decision")[0]["approver"] == ""
