"""The parts of the demo: they fail loudly where something is not as promised."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from mcpbridge import ActionDecided, Decision, Notice, Outcome
from mcpbridge.audit import AuditLog
from mcpbridge.cli.main import main
from mcpbridge.config import SecretSources, check_config
from mcpbridge.core.action import Action
from mcpbridge.core.secret import Mask
from mcpbridge.demo import proof
from mcpbridge.demo.narrator import Narrator, call_text
from mcpbridge.demo.screen import WIDTH, Screen
from mcpbridge.demo.server import Tracker
from mcpbridge.demo.story import FILES
from mcpbridge.ports import Record
from mcpbridge.service.brains.script import load_script

Lines = list[str]


@pytest.fixture
def lines() -> Lines:
    return []


@pytest.fixture
def screen(lines: Lines) -> Screen:
    return Screen(write=lines.append)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    async def write() -> None:
        audit = AuditLog.open(tmp_path / "audit", mask=Mask(), levels={})
        await audit.append(Record(type="decision", fields={"tool": "send_mail", "outcome": "policy_deny"}))
        await audit.append(Record(type="run_finished", fields={"status": "completed"}))
        await audit.close()

    asyncio.run(write())
    return tmp_path / "audit"


def test_the_shipped_files_are_real_ones(tmp_path: Path) -> None:
    for name in ("mcpbridge.yaml", "policy.yaml"):
        shutil.copyfile(FILES / name, tmp_path / name)
    env = {"MCPBRIDGE_DEMO_KEY": "k", "MCPBRIDGE_DEMO_TOKEN": "t"}
    sources = SecretSources(env=env, read_file=Path.read_text, keyring=lambda _service, _user: None)

    assert check_config(tmp_path / "mcpbridge.yaml", sources=sources) == []
    assert load_script(FILES / "script.yaml").rules


def test_a_mail_that_was_sent_after_all_fails_the_demo(screen: Screen) -> None:
    tracker = Tracker(token="t")
    tracker.note("send_mail", to="audit@collector.example")

    with pytest.raises(proof.DemoFailed, match="was sent"):
        proof.show_effects(screen, tracker)


def test_a_credential_in_the_log_fails_the_demo(screen: Screen, log: Path) -> None:
    with pytest.raises(proof.DemoFailed, match="credential"):
        proof.show_trail(screen, log, credentials=["policy_deny"])


def test_a_log_that_does_not_verify_fails_the_demo(screen: Screen, log: Path, tmp_path: Path) -> None:
    proof.forge(log, tmp_path / "forged")

    with pytest.raises(proof.DemoFailed, match="tampered"):
        proof.show_verification(screen, tmp_path / "forged")


def test_a_forgery_changes_one_bit_of_a_denial_and_leaves_the_log_alone(log: Path, tmp_path: Path) -> None:
    forged = proof.forge(log, tmp_path / "forged")

    before = (log / "audit.jsonl").read_bytes()
    after = (tmp_path / "forged" / "audit.jsonl").read_bytes()
    assert (forged.line, forged.before, forged.after) == (1, "policy_deny", "policy_denx")
    assert [a ^ b for a, b in zip(before, after, strict=True) if a != b] == [1]


def test_long_lines_are_broken_and_quotations_stay_quotations(screen: Screen, lines: Lines) -> None:
    screen.entry("result", "of x:\n| " + "word " * 40 + "\n\n  indented " + "word " * 20)

    assert all(len(line) <= WIDTH for line in lines)
    assert sum(line.lstrip().startswith("| ") for line in lines) == 4


def test_what_came_from_outside_cannot_move_the_cursor(screen: Screen, lines: Lines) -> None:
    screen.entry("result", "\x1b[2Jgone")
    screen.record("\x1b[2Jgone")

    assert "\x1b" not in "".join(lines)


def test_a_command_is_never_run_together_with_what_it_does(screen: Screen, lines: Lines) -> None:
    long = "mcpbridge audit show /tmp/mcpbridge-demo-1a2b3c4d/audit"
    screen.command("mcpbridge init", "write a configuration")
    screen.command(long, "read the log")

    assert lines == [
        "  mcpbridge init                write a configuration",
        f"  {long}",
        "                                read the log",
    ]


def test_verdicts_are_coloured_where_colour_is_wanted(lines: Lines) -> None:
    screen = Screen(write=lines.append, color=True)

    screen.heading("Title")
    screen.entry("gate", "DENIED by the rule x.")

    assert lines[1] == "\x1b[1mTitle\x1b[0m"
    assert "\x1b[31mDENIED\x1b[0m by the rule x." in lines[3]


def test_a_notice_and_an_unusual_denial_are_told_too(screen: Screen, lines: Lines) -> None:
    action = Action(
        request_id="mcpr_1",
        server_label="tracker",
        tool="drop",
        via="hosted",
        arguments=None,
        raw_arguments="{",
        malformed="not JSON",
    )
    narrator = Narrator(screen=screen)

    narrator.tell(Notice(type="retry", message="once more"))
    denied = Decision(outcome=Outcome.MALFORMED, reason="The call cannot be used.")
    narrator.tell(ActionDecided(action=action, decision=denied, rules=()))

    assert lines == [
        "  notice   once more",
        "  wants    tracker.drop()",
        "  gate     DENIED (malformed).",
        '           It does not run. The model is told: "The call cannot be used."',
    ]
    assert call_text("a.b", {"n": 1, "s": "x"}) == 'a.b(n=1, s="x")'


def test_the_demo_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    assert "--answers" in capsys.readouterr().out
