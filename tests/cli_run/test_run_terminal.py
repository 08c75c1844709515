"""At a terminal the question is asked at once; anything unclear is a no."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.cli_run.shell import PATIENCE, SCRIPT, Shell, command, text

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
ASKED = "Allow? [y]es / [n]o (default) / [a]lways for this conversation: "


@dataclass(kw_only=True)
class Person:
    """Somebody at a pseudo-terminal, which is the standard input and error of a process."""

    process: subprocess.Popen[bytes]
    terminal: int
    seen: str = field(default="")

    def reads(self, awaited: str) -> None:
        while awaited not in self.seen:
            ready, _, _ = select.select([self.terminal], [], [], PATIENCE)
            assert ready, f"never shown: {awaited!r}; shown: {self.seen!r}"
            self.seen += os.read(self.terminal, 65536).decode(errors="replace")

    def types(self, line: str) -> None:
        os.write(self.terminal, f"{line}\n".encode())

    def ends(self) -> tuple[int, str]:
        """The exit code and the standard output."""
        out, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, text(out)

    def reads_the_rest(self) -> str:
        """Everything that was shown, once nobody writes any more."""
        while select.select([self.terminal], [], [], 0)[0]:
            try:
                self.seen += os.read(self.terminal, 65536).decode(errors="replace")
            except OSError:  # Linux says so where the other end was closed
                break
        return self.seen


@contextmanager
def person(shell: Shell, *words: str) -> Generator[Person]:
    terminal, theirs = os.openpty()
    with subprocess.Popen(
        command("run", *words),
        cwd=shell.folder,
        env={**shell.environment, "TERM": "xterm"},
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield Person(process=process, terminal=terminal)
        finally:
            process.kill()
            os.close(theirs)
            os.close(terminal)


def test_a_yes_runs_the_call_and_is_on_record(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        with person(shell, "write", "--by", "me") as somebody:
            somebody.reads("wants to call tracker.create_issue")
            somebody.reads(ASKED)
            assert tracker.effects == []
            somebody.types("y")
            code, out = somebody.ends()
            shown = somebody.reads_the_rest()

    assert (code, out) == (0, "It says: Created issue #4: t\n")
    assert "\x1b[32mallowed  \x1b[0mtracker.create_issue" in shown
    assert tracker.count("create_issue") == 1
    (decision,) = shell.records("decision")
    assert (decision["outcome"], decision["approver"]) == ("human_allow", "me")


def test_a_no_takes_a_reason_for_the_model(shell: Shell, tracker: Tracker) -> None:
    shell.env["NO_COLOR"] = "1"
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        with person(shell, "write") as somebody:
            somebody.reads(ASKED)
            somebody.types("n")
            somebody.reads("Reason for the model (optional): ")
            somebody.types("ask me tomorrow")
            ended = somebody.ends()
            shown = somebody.reads_the_rest()

    assert ended == (0, "Left alone: ask me tomorrow\n")
    assert "\x1b" not in shown
    assert tracker.effects == []


@pytest.mark.promise("strict-yes")
def test_enter_alone_is_a_no(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        with person(shell, "write") as somebody:
            somebody.reads(ASKED)
            somebody.types("")
            ended = somebody.ends()

    assert ended == (0, "Left alone: a person denied this call\n")
    assert tracker.effects == []


def test_what_was_decided_elsewhere_is_not_asked_again(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        paused = shell.here("write two", "--state", "state.json", "--json").json
        first = paused["approvals"][0]["id"]
        with person(shell, "--resume", "state.json", "--decide", f"{first}=no") as somebody:
            somebody.reads(ASKED)
            assert '"two"' in somebody.seen
            assert '"one"' not in somebody.seen.partition("Approval needed")[2]
            somebody.types("y")
            code, _ = somebody.ends()

    assert code == 0
    assert [effect.arguments["title"] for effect in tracker.effects] == ["two"]


def test_ctrl_c_at_the_question_decides_nothing_and_saves(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        with person(shell, "write") as somebody:
            somebody.reads(ASKED)
            somebody.process.send_signal(signal.SIGINT)
            code, _ = somebody.ends()

    assert code == 130
    assert shell.records("decision") == []
    assert len(list(shell.folder.glob("conv_*.state.json"))) == 1


def test_a_prompt_from_standard_input_leaves_nobody_to_ask(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        with person(shell, "-") as somebody:
            somebody.types("write")
            os.write(somebody.terminal, b"\x04")
            code, _ = somebody.ends()
            shown = somebody.reads_the_rest()

    assert code == 3
    assert "Allow?" not in shown
