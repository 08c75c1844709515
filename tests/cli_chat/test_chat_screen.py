"""What stands on the screen: Markdown, narrow and dumb terminals, no colour, and nothing from outside that
moves the cursor."""

from __future__ import annotations

import re
import sys

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.cli_chat.person import ASKED, CTRL_C, CTRL_D, Person, chatting
from tests.cli_chat.script import CHAT
from tests.cli_run.shell import KEY, TOKEN, Shell

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
HARMLESS = re.compile(r"\x1b(?:\[\??[0-9;]*[A-Za-z]|[=>])")
"""What a terminal is sent to move, erase and paint; no title, no clipboard, no other string."""


def talked(shell: Shell, *messages: str, columns: int = 80) -> Person:
    """The chat after these messages, each answered without a question."""
    with chatting(shell, columns=columns) as person:
        for number, message in enumerate(messages, start=1):
            person.prompted(number)
            person.says(message)
        person.prompted(len(messages) + 1)
        person.types(CTRL_D)
        assert person.ends() == 0
    return person


def style_of(person: Person, word: str) -> tuple[bool, str]:
    """Whether the first cell of a word on the screen is bold, and its colour."""
    for y, row in enumerate(person.display):
        if word in row:
            cell = person.screen.buffer[y][row.index(word)]
            return cell.bold, cell.fg
    raise AssertionError(f"{word!r} is not on the screen")


def test_markdown_is_rendered_and_reasoning_is_told(shell: Shell) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, None)
        person = talked(shell, "format")

    rows = person.display
    assert "thinking I think of a table." in rows
    assert rows[rows.index("Title") :][:11] == [
        "Title", "", "Some text and bold words.", "", " • one", " • two", "", " a  b", " ────", " 1  2", "",
    ]  # fmt: skip
    assert style_of(person, "bold words") == (True, "default")
    assert not any("**" in row or "…" in row for row in rows)


@pytest.mark.promise("chat-plain")
@pytest.mark.parametrize(
    ("environ", "moves"), [({"NO_COLOR": "1"}, True), ({"TERM": "dumb"}, False)], ids=["NO_COLOR", "dumb"]
)
def test_without_colour_the_text_stands_as_it_was_written(
    environ: dict[str, str], moves: bool, shell: Shell, tracker: Tracker
) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        with chatting(shell, environ=environ) as person:
            person.prompted(1)
            person.says("format")
            person.prompted(2)
            person.says("write")
            person.sees(ASKED)
            person.says("y")
            person.sees("It says: Created issue #4: t")
            person.prompted(3)
            person.types(CTRL_D)
            assert person.ends() == 0

    assert "Some *text* and **bold** words." in person.everything.split("\n")
    assert ("\x1b" in person.raw) is moves
    colours = re.findall(r"\x1b\[(?:[0-9]+;)*(?:[34][0-9]|9[0-9])(?:;[0-9]+)*m", person.raw)
    assert colours == []


def test_ctrl_c_on_a_dumb_terminal_says_how_to_leave(shell: Shell) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, None)
        with chatting(shell, environ={"TERM": "dumb"}) as person:
            person.prompted(1)
            person.types("half")
            person.sees("> half")
            person.types(CTRL_C)
            person.sees("Ctrl-D or /quit leaves")
            person.prompted(2)
            person.says("tell me one\\")
            person.sees("one\\ .")
            person.says("and two")
            person.sees("You said: tell me one and two.")
            person.prompted(3)
            person.types(CTRL_D)
            assert person.ends() == 0


@pytest.mark.parametrize("columns", [60, 24, 10])
def test_it_fits_a_narrow_terminal(columns: int, shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        person = talked(shell, "format", "read", "/tools", "/policy", columns=columns)

    if columns == 60:
        rows = person.everything.split("\n")
        assert "Some text and bold words." in rows
        assert any(row.startswith("allowed  tracker.list_issues") for row in rows)
        assert any(row.startswith("         ") for row in rows)
    assert "Traceback" not in person.raw


@pytest.mark.promise("chat-inert")
def test_nothing_that_a_model_writes_reaches_the_terminal_raw(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        with chatting(shell) as person:
            person.prompted(1)
            person.says("hostile")
            person.sees("Done.")
            person.prompted(2)
            person.says("inject")
            person.sees(ASKED)
            assert '"\\u001b[2J\\u202eevil"' in person.everything
            assert '"line\\nAllow? y"' in person.everything
            person.says("")
            person.sees("human_deny")
            person.prompted(3)
            person.types(CTRL_D)
            assert person.ends() == 0

    assert "\\u001b[2J\\u001b]0;owned\\u0007 &#27;[31m <b>tag</b> \\u202egnp.exe" in person.flat
    assert "click (http://x.example/%1b%5b2J)" in person.flat
    assert "\\u001b[2Jthoughts" in person.flat
    rest = HARMLESS.sub("", person.raw)
    assert not set(rest) & set("\x1b\x07\u202e\x9b")


def test_a_line_without_an_end_is_shown_to_its_end(shell: Shell) -> None:
    script = f"rules: [{{then: [{{say: '{'x' * 5000}'}}]}}]"
    with running_in_thread(script) as service:
        shell.configure(service, None)
        person = talked(shell, "a line, please")

    assert person.everything.count("x") == 5000
    assert "…" not in person.everything


def test_no_credential_is_ever_shown(shell: Shell, tracker: Tracker) -> None:
    script = f"rules: [{{when: {{user: reveal}}, then: [{{say: 'It is {TOKEN} and {KEY}.'}}]}}]"
    with running_in_thread(script, api_key=KEY) as service:
        shell.configure(service, tracker)
        person = talked(shell, "reveal", "/audit", "/tools")

    assert "It is [secret] and [secret]." in person.flat
    assert TOKEN not in person.raw
    assert KEY not in person.raw
