"""`mcpbridge demo`: what a newcomer sees, and that it is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Thread

import pytest

from mcpbridge.audit import read, verify
from mcpbridge.cli.main import main
from mcpbridge.core.ruling import Outcome
from tests.cli_other.shared import MAIN, environment


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the demo's own folder is made in."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def demo(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["demo", *arguments]) == 0
    written = capsys.readouterr()
    assert written.err == ""
    return written.out


def kept(temporary: Path) -> Path:
    [folder] = temporary.iterdir()
    return folder


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.promise("demo-runs")
def test_without_a_terminal_it_runs_through_and_shows_each_promised_part(tmp_path: Path) -> None:
    env = environment(TMPDIR=str(tmp_path), PYTHONWARNINGS="error")
    for name in ("OPENAI_API_KEY", "NO_COLOR", "TERM"):
        env.pop(name, None)

    done = subprocess.run(
        [*MAIN, "demo"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=env
    )

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "This is a scripted service and no language model" in lines[2]
    said = flat(done.stdout)
    assert said.index("Nothing leaves this machine") < said.index("1. What is running")
    for part in (
        "wants tracker.list_issues() gate ALLOWED by the rule reading; nobody was asked.",
        "runs local.who_is_on_call, a Python function of this program",
        "This is an attack",
        "gate DENIED by the rule mail-stays-in-the-house. It does not run.",
        'The model is told: "Mail goes to shop.example only. Go on without sending anything."',
        "model I sent nothing. I was told: Mail goes to shop.example only.",
        "asks newcomer wants to call tracker.create_issue",
        "answer yes (given beforehand)",
        "Created issue #4",
        "mcpbridge kept 3 encrypted reasoning items from turn 1 and sent them back.",
        "The service verified all of them",
        "create_issue 1x, send_mail 0x",
        "tracker.send_mail policy_deny [mail-stays-in-the-house]",
        '"unsealed" is not an error',
        "`mcpbridge audit verify` exits with 3",
        "policy_deny becomes policy_denx",
        ": this line was altered",
        "verify FOUND line ",
        "`mcpbridge audit verify` exits with 1",
        "mcpbridge init",
    ):
        assert part in said
    assert "\x1b" not in done.stdout
    assert max(len(line) for line in lines if "/" not in line) < 80
    assert list(tmp_path.iterdir()) == []


def test_behind_a_proxy_nothing_leaves_this_machine(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:1"
    env = environment(TMPDIR=str(tmp_path), HTTP_PROXY=nowhere, http_proxy=nowhere, ALL_PROXY=nowhere)

    done = subprocess.run(
        [*MAIN, "demo"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=env
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_a_no_with_a_reason_keeps_the_write_from_running_and_reaches_the_model(
    temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = flat(demo(capsys, "--answers", "no:not today"))

    assert "answer no: not today (given beforehand)" in said
    assert (
        'gate DENIED by a person (scripted answer). It does not run. The model is told: "not today"' in said
    )
    assert "model I opened no issue. I was told: not today" in said
    assert "mcpbridge demo --answers yes say yes to the question this time" in said
    assert "--answers no" not in said
    assert "mcpbridge demo --keep" in said
    assert "what its tools really did: list_issues 1x, read_issue 1x, create_issue 0x, send_mail 0x." in said
    assert "Created issue" not in said
    assert list(temporary.iterdir()) == []


def test_what_is_kept_proves_what_was_printed(temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = demo(capsys, "--keep", "--answers", "yes")

    folder = kept(temporary)
    assert str(folder) in out
    assert "mcpbridge demo --answers no" in out
    assert "mcpbridge demo --keep" not in out
    assert sorted(path.name for path in folder.iterdir()) == [
        "audit",
        "forged-audit",
        "mcpbridge.yaml",
        "policy.yaml",
        "script.yaml",
    ]
    found = verify(folder / "audit")
    assert found.exit_code == 3
    assert f"the chain is intact: {found.records} records" in out
    decided = {(r["tool"], r["outcome"]) for r in read(folder / "audit", types=["decision"])}
    assert decided == {
        ("list_issues", Outcome.POLICY_ALLOW),
        ("who_is_on_call", Outcome.POLICY_ALLOW),
        ("read_issue", Outcome.POLICY_ALLOW),
        ("send_mail", Outcome.POLICY_DENY),
        ("create_issue", Outcome.HUMAN_ALLOW),
    }
    assert verify(folder / "forged-audit").exit_code == 1
    [line] = re.findall(r"in a copy: record (\d+),", out)
    assert verify(folder / "forged-audit").flaws[0].line == int(line)


def test_an_answer_that_is_none_is_a_usage_error(temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--answers", "perhaps"]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert "use yes, always, no or no:reason" in written.err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_at_a_terminal_the_person_is_really_asked(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    master, slave = os.openpty()
    shown = bytearray()

    def person() -> None:
        for prompt, typed in ((b"conversation: ", b"n\n"), (b"(optional): ", b"too early\n")):
            while prompt not in shown:
                shown.extend(os.read(master, 1024))
            os.write(master, typed)

    typing = Thread(target=person, daemon=True)
    typing.start()
    with open(slave, encoding="utf-8") as stdin, open(os.dup(slave), "w", encoding="utf-8") as stderr:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stderr", stderr)
        assert main(["demo"]) == 0
        typing.join()
    os.close(master)

    said = flat(capsys.readouterr().out)
    assert b"Approval needed" in shown
    assert "answer no" not in said
    assert 'The model is told: "too early"' in said
    assert "Nobody is asked" not in said
