"""What a server asks in a call, at the terminal: what may be written, and what is told at once."""

from __future__ import annotations

import io
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge import Approve, CallbackApprover, Elicited
from mcpbridge.adapters.terminal import TerminalApprover
from mcpbridge.testing import message, response
from tests.bridged.asking import SAMPLE, asker
from tests.bridged.test_bridged_asks import FORM, VISIT, asked

TITLED = {
    "size": {"type": "string", "oneOf": [{"const": "s", "title": "Small"}, {"const": "l", "title": "Large"}]},
    "meal": {"type": "string", "enum": ["none", "soup"], "enumNames": ["No meal", "Soup of the day"]},
    "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "maxItems": 2},
    "days": {
        "type": "array",
        "title": "when",
        "items": {"anyOf": [{"const": "mo", "title": 'Monday"], \x1b[2J'}, {"const": "fr"}]},
        "minItems": 1,
        "default": ["fr"],
    },
}


@pytest.fixture
def site() -> Generator[HTTPServer, None, None]:
    server = HTTPServer(host="127.0.0.1", port=0, threaded=True)
    server.start()
    try:
        yield server
    finally:
        server.clear()
        server.stop()


def terminal(typed: str) -> tuple[TerminalApprover, io.StringIO]:
    """Ana, who has typed this, and what she is shown."""
    shown = io.StringIO()
    return TerminalApprover(io.StringIO(typed), shown, user="ana", environ={}), shown


@pytest.mark.promise("bridged-elicitation-edited")
def test_an_answer_that_does_not_fit_is_told_at_once_and_asked_for_again(tmp_path: Path) -> None:
    ana, shown = terminal('e\n{"seat": 7}\ne\n{"seat": "1F"}\ny\n')

    answered, scene = asked(tmp_path, FORM, ana)

    assert answered == Elicited(action="accept", content={"seat": "1F"})
    assert "Not sent: the answer does not fit the server's form: seat: 7 is not of type" in shown.getvalue()
    assert shown.getvalue().count("New answer, as JSON in one line: ") == 2
    assert shown.getvalue().count("Send this answer? ") == 1
    assert "Run it with" not in shown.getvalue()
    [record] = scene.records("elicitation_answered")
    assert (record["answer"], record["arguments"]) == ("accept", {"seat": "1F"})


@pytest.mark.promise("bridged-elicitation-edited")
def test_a_yes_to_a_proposal_that_does_not_fit_is_told_at_once_too(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 18, "default": 0}}}
    ana, shown = terminal('y\ne\n{"age": 20}\ny\n')

    answered, _ = asked(tmp_path, replace(FORM, schema=schema), ana)

    assert answered == Elicited(action="accept", content={"age": 20})
    assert "Not sent: the answer does not fit the server's form: age: 0 is less than" in shown.getvalue()


@pytest.mark.promise("bridged-elicitation-nothing-made-up")
def test_a_yes_answers_no_required_field_for_which_nothing_is_proposed(tmp_path: Path) -> None:
    fields = {"day": {"type": "string"}, "sure": {"type": "boolean"}, "seat": {"default": "1F"}, "note": {}}
    schema = {"type": "object", "properties": fields, "required": ["day", "sure", "seat"]}
    ana, shown = terminal('y\ne\n{"day": "Friday", "sure": true, "seat": "1F"}\ny\n')

    answered, _ = asked(tmp_path, replace(FORM, schema=schema), ana)

    assert answered.content == {"day": "Friday", "sure": True, "seat": "1F"}
    assert (
        "Not sent: nobody has said yet what to answer for day, sure.\nPlease answer y, n or e"
        in shown.getvalue()
    )


def test_what_a_server_wrote_into_its_form_moves_no_cursor_in_a_complaint(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "const": "\x1b[2Jx", "default": ""}}}
    ana, shown = terminal("y\nn\n\n")

    answered, _ = asked(tmp_path, replace(FORM, schema=schema), ana)

    assert answered == Elicited(action="decline")
    assert "Not sent: " in shown.getvalue()
    assert "\x1b" not in shown.getvalue()


@pytest.mark.promise("bridged-elicitation-edited")
def test_an_address_offers_nothing_to_write(tmp_path: Path) -> None:
    ana, shown = terminal("e\ny\n")

    answered, _ = asked(tmp_path, VISIT, ana)

    assert answered == Elicited(action="accept")
    assert "[e]dit" not in shown.getvalue()
    assert "New answer" not in shown.getvalue()
    assert "Please answer y or n." in shown.getvalue()


def test_an_address_is_not_visited_by_somebody_who_writes_another(tmp_path: Path) -> None:
    other = CallbackApprover(lambda _: Approve(by="ana", arguments={"url": "https://other.example/"}))

    answered, scene = asked(tmp_path, VISIT, other)

    assert answered == Elicited(action="cancel")
    assert "cannot be changed, only refused" in scene.records("elicitation_answered")[0]["reason"]


@pytest.mark.promise("bridged-elicitation-edited")
def test_a_wish_for_words_is_not_edited_and_the_words_are(site: HTTPServer, tmp_path: Path) -> None:
    server = asker(site, modern=True, questions=[SAMPLE])
    ana, shown = terminal('e\ny\ne\n{"words": "High."}\ne\n{"text": "High."}\ny\n')
    words = response(message("The tide is high."))
    scene = server.scene(tmp_path, words, extra=", sampling: review", approver=ana)

    scene.run("go")

    wish, review = shown.getvalue().split("gets these words of the model")
    assert "[e]dit" not in wish
    assert "Please answer y or n." in wish
    assert "[e]dit" in review
    assert 'Not sent: what was written in place of the answer is no text; write {"text": "…"}.' in review
    assert [answer["content"]["text"] for answer in server.answers] == ["High."]


@pytest.mark.promise("bridged-elicitation-choices")
def test_every_choice_of_a_form_is_on_the_screen_with_its_title(tmp_path: Path) -> None:
    schema: dict[str, Any] = {"type": "object", "properties": TITLED}
    ana, shown = terminal("y\n")

    answered, _ = asked(tmp_path, replace(FORM, schema=schema), ana)

    assert [line for line in shown.getvalue().splitlines() if " of [" in line] == [
        '  answer     size  left out  (one of ["s" = "Small", "l" = "Large"])',
        '             meal  left out  (one of ["none" = "No meal", "soup" = "Soup of the day"])',
        '             tags  left out  (some of ["a", "b"], at most 2)',
        '             days  ["fr"]  (when; some of ["mo" = "Monday\\"], \\u001b[2J", "fr"], at least 1)',
    ]
    assert answered.content == {"days": ["fr"]}
