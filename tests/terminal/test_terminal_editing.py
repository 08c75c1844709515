"""A person changes the arguments at the terminal: in one line, or in their editor."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path
from typing import Literal

import pytest

from mcpbridge.adapters.terminal import TerminalApprover
from mcpbridge.core.action import Action
from mcpbridge.core.question import Question, screen
from mcpbridge.core.ruling import Answer, Approve, Deny, Effect, Ruling


def question(via: Literal["local", "hosted"] = "local") -> Question:
    action = Action(
        request_id="call_1",
        server_label="local",
        tool="pay",
        via=via,
        arguments={"amount": 900},
        raw_arguments='{"amount": 900}',
    )
    ruling = Ruling(effect=Effect.ASK, outcome=None, reason="")
    return Question(
        action=action,
        ruling=ruling,
        conversation_id="c",
        principal="ana",
        screen=screen(action, ruling, principal="ana"),
    )


def answered(
    typed: str, *, environ: dict[str, str] | None = None, via: Literal["local", "hosted"] = "local"
) -> tuple[Answer, str]:
    shown = io.StringIO()
    approver = TerminalApprover(io.StringIO(typed), shown, user="ana", environ=environ or {})
    return asyncio.run(approver.ask(question(via))), shown.getvalue()


def editor(folder: Path, code: str) -> dict[str, str]:
    """An editor that runs this code with the file's path in `file`."""
    program = folder / "editor.py"
    program.write_text(f"import pathlib, sys\nfile = pathlib.Path(sys.argv[1])\n{code}\n")
    return {"EDITOR": f'"{Path(sys.executable).as_posix()}" "{program.as_posix()}"'}


@pytest.mark.promise("edited-arguments")
def test_one_line_of_json_is_shown_and_confirmed() -> None:
    answer, shown = answered('e\n{"amount": 5}\ny\n')

    assert answer == Approve(by="ana", arguments={"amount": 5})
    assert "[e]dit" in shown
    assert '"amount": 5' in shown.split("New arguments")[1]


def test_the_editor_gets_the_arguments_and_what_it_leaves_counts(tmp_path: Path) -> None:
    environ = editor(tmp_path, "file.write_text(file.read_text().replace('900', '7'))")

    answer, _ = answered("edit\nyes\n", environ=environ)

    assert answer == Approve(by="ana", arguments={"amount": 7})


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("e\n{amount: 5}\nn\n\n", "Not changed: "),
        ('e\n{"amount": 5, "amount": 6}\nn\n\n', "Not changed: "),
        ("e\n[1]\nn\n\n", "Not changed: "),
        ('e\n{"amount": 5}\n\nn\n\n', "Run it with these arguments?"),
    ],
    ids=["no JSON", "twice the same key", "no object", "not confirmed"],
)
def test_what_is_no_clear_change_is_asked_again(typed: str, told: str) -> None:
    answer, shown = answered(typed)

    assert answer == Deny(by="ana", reason="")
    assert told in shown


def test_an_editor_that_fails_changes_nothing(tmp_path: Path) -> None:
    answer, shown = answered("e\nn\n\n", environ=editor(tmp_path, "sys.exit(3)"))

    assert answer == Deny(by="ana", reason="")
    assert "Not changed: the editor" in shown


def test_hosted_calls_offer_no_edit() -> None:
    answer, shown = answered("e\nn\n\n", via="hosted")

    assert answer == Deny(by="ana", reason="")
    assert "[e]dit" not in shown
