"""`mcpbridge run` told to stop by signals, with a bridged program that heeds nothing: nothing runs on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcpbridge.audit import Status, verify
from mcpbridge.service.running import running_in_thread
from tests.bridged.test_bridged_cli import SCRIPT, configured
from tests.bridged.wire import ASK
from tests.cli_run.shell import PATIENCE, Shell, text
from tests.cli_run.test_run_terminal import person
from tests.mcp_servers.scene import PROGRAM, noted, until
from tests.mcp_servers.test_mcp_programs import alive, signal_to_send

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"]
STUBBORN = f"""
import os, runpy, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(sys.argv[1], "a") as file:
    file.write(f"{{os.getpid()}}\\n")
sys.argv[1:] = []
runpy.run_path({str(PROGRAM)!r}, run_name="__main__")
with open(os.environ["CALLS"], "a") as calls:
    calls.write('["told to end"]\\n')
while not os.path.exists("meek"):
    signal.pause()
"""
ASKED = "Allow? [y]es / [n]o (default) / "


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """A folder in which `mcpbridge run` meets a program that ignores SIGTERM and the end of its input."""

    shell: Shell

    @property
    def calls(self) -> Path:
        return self.shell.folder / "calls"

    def said(self) -> list[str]:
        """What the program was called for, and that its input ended."""
        return [entry[0] for entry in noted(self.calls)]

    def left(self) -> list[int]:
        """Those of its processes that are still there. They are ended; the next one ends with its input."""
        (self.shell.folder / "meek").touch()
        pids = self.shell.folder / "pids"
        found = [int(line) for line in pids.read_text().split()] if pids.exists() else []
        left = [pid for pid in found if alive(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return left


@pytest.fixture
def stopped(tmp_path: Path) -> Generator[Stopped]:
    with running_in_thread(SCRIPT) as service:
        shell = configured(tmp_path, service)
        script = tmp_path / "stubborn.py"
        script.write_text(STUBBORN)
        file = tmp_path / "mcpbridge.yaml"
        command = json.dumps([sys.executable, "-I", "-S", str(script), str(tmp_path / "pids")])
        before, _, after = file.read_text().partition("command: ")
        calls = f", env: {{CALLS: {json.dumps(str(tmp_path / 'calls'))}}}"
        file.write_text(before + "command: " + command + calls + after[after.index("}\n") :])
        made = Stopped(shell=shell)
        try:
            yield made
        finally:
            made.left()


@pytest.mark.promise("bridged-nothing-left")
@pytest.mark.promise("bridged-unknown")
@pytest.mark.parametrize("name", SIGNALS)
def test_stopped_in_a_bridged_call_its_outcome_is_unknown_and_no_program_is_left(
    name: str, stopped: Stopped
) -> None:
    number, shell = signal_to_send(name), stopped.shell
    with shell.started("slow", "--state", "state.json") as process:
        asyncio.run(until(lambda: "slow" in stopped.said()))
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE)
    left = stopped.left()
    again = shell.here("--resume", "state.json")

    assert left == []
    assert process.returncode == 4, err
    assert f"stopped by {name}" in err.decode()
    assert shell.decided() == [("decision", "slow", "policy_allow"), ("outcome_unknown", "unknown")]
    assert again.code == 4
    assert stopped.said().count("slow") == 1
    assert verify(shell.folder / "audit").status is Status.UNSEALED


@pytest.mark.promise("bridged-nothing-left")
@pytest.mark.promise("bridged-resumable")
@pytest.mark.parametrize("name", SIGNALS)
def test_stopped_at_a_question_about_a_bridged_call_it_can_be_answered_later(
    name: str, stopped: Stopped
) -> None:
    number, shell = signal_to_send(name), stopped.shell
    (shell.folder / "policy.yaml").write_text(ASK)
    with (shell.folder / "mcpbridge.yaml").open("a") as file:
        file.write("approvals: {ask: terminal}\n")
    with person(shell, "echo", "--state", "state.json") as somebody:
        somebody.reads(ASKED)
        somebody.process.send_signal(number)
        code, out = somebody.ends()
    left = stopped.left()
    question = json.loads(shell.here("--resume", "state.json", "--json").out)["approvals"][0]["id"]
    done = shell.here("--resume", "state.json", "--decide", f"{question}=yes")

    assert left == []
    assert (code, out) == (128 + number, "")
    assert (done.code, done.out) == (0, 'It says: {"text": "hello"}\n')
    assert stopped.said().count("echo") == 1
    assert verify(shell.folder / "audit").status is Status.UNSEALED


@pytest.mark.promise("bridged-hurried")
@pytest.mark.parametrize("names", [("SIGINT", "SIGINT"), ("SIGINT", "SIGTERM"), ("SIGTERM", "SIGTERM")])
def test_a_second_signal_hurries_the_ending_and_leaves_no_program_and_no_record_out(
    names: tuple[str, str], stopped: Stopped
) -> None:
    """Naively, it does what it would have done, which ends the gate alone."""
    (first, second), shell = map(signal_to_send, names), stopped.shell
    with shell.started("slow", "--state", "state.json") as process:
        asyncio.run(until(lambda: "slow" in stopped.said()))
        process.send_signal(first)
        asyncio.run(until(lambda: "told to end" in stopped.said()))
        process.send_signal(second)
        _, err = process.communicate(timeout=PATIENCE)
    left = stopped.left()

    assert left == []
    assert process.returncode == 4, err
    assert f"stopped by {names[0]}" in err.decode()
    assert shell.decided() == [("decision", "slow", "policy_allow"), ("outcome_unknown", "unknown")]
    assert shell.here("--resume", "state.json").code == 4
    assert verify(shell.folder / "audit").status is Status.UNSEALED


@pytest.mark.promise("bridged-hurried")
def test_a_signal_that_finds_only_endings_hurries_them_and_changes_no_result(stopped: Stopped) -> None:
    number, shell = signal_to_send("SIGTERM"), stopped.shell
    with shell.started("echo") as process:
        asyncio.run(until(lambda: "told to end" in stopped.said()))
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    left = stopped.left()

    assert left == []
    assert (process.returncode, text(out)) == (0, 'It says: {"text": "hello"}\n'), err
    assert verify(shell.folder / "audit").status is Status.UNSEALED
