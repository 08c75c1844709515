"""`mcpbridge audit explain` of what a server asked in the middle of a call: the question, not the call."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mcpbridge import Approve, Bridge, CallbackApprover, Deny
from mcpbridge.cli.main import main
from mcpbridge.core.ruling import Answer
from mcpbridge.testing import FakeToolbox, function_call, message, response
from tests.bridged.scene import Scene
from tests.bridged.test_bridged_asks import FORM


def answered(folder: Path, *answers: Answer) -> list[dict[str, Any]]:
    """The log of a call in which the server asks as often as there are answers."""
    box, given = FakeToolbox("book"), iter(answers)

    async def book(_: Any) -> str:
        observer = box.observers[-1]
        assert observer is not None
        for _answer in answers:
            await observer.elicit(FORM)
        return "booked"

    box.answers["book"] = book
    steps = [response(function_call("docs__book", {}, call_id="call_00000001")), response(message("told"))]
    scene = Scene(folder=folder, boxes={"docs": box}, steps=steps)

    async def whole() -> None:
        approver = CallbackApprover(lambda _: next(given))
        async with Bridge.from_yaml(
            scene.config(), model=scene.model, approver=approver, toolboxes=scene.boxes, state_key=b"k" * 32
        ) as bridge:
            await bridge.run("go")

    asyncio.run(whole())
    files = sorted((folder / "audit").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def explained(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(["audit", "explain", *words, str(folder / "audit")]) == 0
    return capsys.readouterr().out


def seqs(log: list[dict[str, Any]], type_: str) -> list[int]:
    return [record["seq"] for record in log if record["type"] == type_]


@pytest.mark.promise("explain-server-question")
def test_a_server_s_question_is_explained_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = answered(tmp_path, Approve(by="ana"), Deny(by="bo", reason="none of its business"))
    [call] = seqs(log, "decision")
    asked, told = seqs(log, "elicitation_asked"), seqs(log, "elicitation_answered")

    for number in (asked[0], told[0]):
        text = explained(tmp_path, capsys, str(number))
        assert f"#{told[0]} docs.book asked something: accept" in text
        assert "decided by ana (a claimed name)" in text
        assert 'answer     seat  "12A"' in text
        assert '{"seat": "12A"}' in text
        assert "no rule decides what a server asks" in text
        assert f"audit explain {call}" in text
    for number in (asked[1], told[1]):
        text = explained(tmp_path, capsys, str(number))
        assert f"#{told[1]} docs.book asked something: decline" in text
        assert "none of its business" in text
        assert "nothing" in text.partition("What the server got")[2].splitlines()[1]
    assert "docs.book: policy_allow" in explained(tmp_path, capsys, str(call))
    assert "docs.book: policy_allow" in explained(tmp_path, capsys, "call_00000001")


@pytest.mark.promise("explain-server-question")
def test_programs_read_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = answered(tmp_path, Approve(by="ana"))
    [call], [asked] = seqs(log, "decision"), seqs(log, "elicitation_asked")

    found = json.loads(explained(tmp_path, capsys, str(asked), "--json"))

    assert found["asked"]["seq"] == asked
    assert (found["record"]["type"], found["record"]["answer"]) == ("elicitation_answered", "accept")
    assert found["decision"] == call
    assert found["screen"].startswith("docs.book asks for something while it runs\n")
