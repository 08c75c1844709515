"""What a server asks for in the middle of a call is put to a person, on record, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcpbridge import (
    Approve,
    Approver,
    CallbackApprover,
    Deny,
    DenyApprover,
    Elicitation,
    Elicited,
    Question,
    ScriptedApprover,
)
from mcpbridge.testing import FakeToolbox, function_call, message, response
from tests.bridged.scene import ALL, Scene

FORM = Elicitation(
    server_label="docs",
    tool="book",
    message="Which seat?\x1b[2J",
    schema={
        "type": "object",
        "properties": {
            "seat": {"type": "string", "description": "row and letter", "default": "12A"},
            "meal": {"type": "string", "enum": ["none", "soup"]},
        },
        "required": ["seat"],
    },
)
VISIT = Elicitation(
    server_label="docs", tool="book", message="Sign here", mode="url", url="https://sign.example/?id=1&x=%20y"
)


def asked(
    folder: Path, question: Elicitation, answer: Approver | None, policy: str = ALL
) -> tuple[Elicited, Scene]:
    """What the server is answered."""
    box, answers = FakeToolbox("book"), list[Elicited]()

    async def book(_: Any) -> str:
        observer = box.observers[-1]
        assert observer is not None
        answers.append(await observer.elicit(question))
        return "booked"

    box.answers["book"] = book
    steps = [response(function_call("docs__book", {}, call_id="call_1")), response(message("told"))]
    scene = Scene(folder=folder, boxes={"docs": box}, steps=steps, policy=policy, approver=answer)
    scene.run("go")
    [answered] = answers
    return answered, scene


@pytest.mark.promise("bridged-elicitation")
def test_a_yes_sends_what_the_screen_showed(tmp_path: Path) -> None:
    screens: list[str] = []

    def yes(question: Question) -> Approve:
        screens.append(question.screen)
        return Approve(by="ana")

    answered, scene = asked(tmp_path, FORM, CallbackApprover(yes))

    assert answered == Elicited(action="accept", content={"seat": "12A"})
    assert screens == [
        "docs.book asks for something while it runs\n"
        "  server     https://docs.example/mcp (called by mcpbridge)\n"
        "  it says    Which seat?\\u001b[2J\n"
        '  answer     seat  "12A"  (row and letter)\n'
        '             meal  left out  (one of ["none", "soup"])\n'
        "  yes        sends the answer as it stands here, or as it is written instead"
    ]
    before, after = scene.records("elicitation_asked", "elicitation_answered")
    assert (before["request_id"], before["elicitation"]) == ("call_1", "form")
    assert (after["answer"], after["approver"]) == ("accept", "ana")
    assert after["arguments"] == {"seat": "12A"}
    assert scene.outputs() == {"call_1": "booked"}


@pytest.mark.promise("bridged-elicitation")
@pytest.mark.parametrize(
    ("answer", "expected", "reason"),
    [
        (Approve(by="ana", arguments={"seat": "1F"}), Elicited(action="accept", content={"seat": "1F"}), ""),
        (
            Approve(by="ana", arguments={"seat": 7}),
            Elicited(action="cancel"),
            "the answer does not fit the server's form: seat: 7 is not of type",
        ),
        (Approve(by="ana", arguments={}), Elicited(action="cancel"), '"seat" is a required property'),
        (Deny(by="ana", reason="none of its business"), Elicited(action="decline"), "none of its business"),
    ],
    ids=["other values", "a wrong type", "too little", "a no"],
)
def test_what_a_person_writes_is_sent_if_it_fits_what_was_asked(
    answer: Any, expected: Elicited, reason: str, tmp_path: Path
) -> None:
    answered, scene = asked(tmp_path, FORM, CallbackApprover(lambda _: answer))

    assert answered == expected
    [record] = scene.records("elicitation_answered")
    assert reason in record["reason"]


def plain_yes(_question: Question) -> Approve:
    return Approve(by="ana")


REQUIRED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "day": {"type": "string"},
        "floor": {"type": "integer"},
        "sure": {"type": "boolean"},
        "zone": {"type": "string", "enum": ["production", "staging"]},
        "size": {"oneOf": [{"const": "s"}, {"const": "l"}]},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
        "seat": {"type": "string", "default": "1F"},
        "note": {"type": "string"},
    },
    "required": ["day", "floor", "sure", "zone", "size", "tags", "seat"],
}


@pytest.mark.promise("bridged-elicitation-nothing-made-up")
@pytest.mark.parametrize("by", [CallbackApprover(plain_yes), ScriptedApprover(["yes"])])
def test_a_plain_yes_answers_no_required_field_that_the_server_proposes_nothing_for(
    by: Approver, tmp_path: Path
) -> None:
    answered, scene = asked(tmp_path, replace(FORM, schema=REQUIRED), by)

    assert answered == Elicited(action="cancel")
    before, after = scene.records("elicitation_asked", "elicitation_answered")
    why = "nobody has said yet what to answer for day, floor, sure, zone, size, tags"
    assert before["arguments"] == {"seat": "1F"}
    assert (after["answer"], after["reason"]) == ("cancel", why)
    assert "arguments" not in after
    [notice] = [one for one in scene.notices if one.type == "question_declined"]
    assert why in notice.message


@pytest.mark.promise("bridged-elicitation-nothing-made-up")
def test_the_screen_says_what_has_to_be_written_and_what_is_left_out(tmp_path: Path) -> None:
    screens: list[str] = []

    def writes(question: Question) -> Approve:
        screens.append(question.screen)
        return Approve(by="ana", arguments={"day": "Friday", "seat": "2A"})

    schema = {**REQUIRED, "required": ["day", "seat"]}
    answered, _ = asked(tmp_path, replace(FORM, schema=schema), CallbackApprover(writes))

    lines = screens[0].splitlines()
    assert "  answer     day  must be written" in lines
    assert '             seat  "1F"' in lines
    assert "             note  left out" in lines
    assert lines[-1] == "  yes        is not enough: day must be written"
    assert answered == Elicited(action="accept", content={"day": "Friday", "seat": "2A"})


def test_a_plain_yes_sends_no_optional_field_that_the_server_proposes_nothing_for(tmp_path: Path) -> None:
    schema = {**REQUIRED, "required": ["seat"]}

    answered, _ = asked(tmp_path, replace(FORM, schema=schema), CallbackApprover(plain_yes))

    assert answered == Elicited(action="accept", content={"seat": "1F"})


@pytest.mark.promise("bridged-elicitation-told")
@pytest.mark.parametrize("nobody", [None, DenyApprover()])
def test_who_runs_it_is_told_of_a_question_that_nobody_could_be_asked(
    nobody: Approver | None, tmp_path: Path
) -> None:
    _, scene = asked(tmp_path, FORM, nobody)

    [notice] = [one for one in scene.notices if one.type == "question_declined"]
    assert notice.message == (
        "docs.book asked something and got no answer, nobody is there; "
        "run at a terminal with `approvals: {ask: terminal}`, or pass approver= in Python"
    )
    assert len(notice.message) <= 160, "the command line shows it whole"
    assert notice.fields == {"request_id": "call_1", "server_label": "docs", "tool": "book"}


def test_a_person_s_own_no_is_told_to_nobody_again(tmp_path: Path) -> None:
    _, scene = asked(tmp_path, FORM, CallbackApprover(lambda _: Deny(by="ana")))

    assert [one.type for one in scene.notices] == []


@pytest.mark.promise("bridged-elicitation")
def test_where_nobody_can_be_asked_the_server_is_declined_and_the_call_goes_on(tmp_path: Path) -> None:
    answered, scene = asked(tmp_path, FORM, None)

    assert answered == Elicited(action="decline")
    assert scene.records("elicitation_answered")[0]["reason"] == "nobody can be asked while a call runs"
    assert scene.outputs() == {"call_1": "booked"}


@pytest.mark.promise("bridged-elicitation")
def test_an_address_is_shown_whole_and_fetched_by_nobody(tmp_path: Path) -> None:
    screens: list[str] = []

    def yes(question: Question) -> Approve:
        screens.append(question.screen)
        return Approve(by="ana")

    answered, _ = asked(tmp_path, VISIT, CallbackApprover(yes))

    assert answered == Elicited(action="accept")
    assert "  address    https://sign.example/?id=1&x=%20y\n" in screens[0]
