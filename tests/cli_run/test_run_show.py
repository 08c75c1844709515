"""What is shown: one line each, nothing that moves the cursor, and no stop because a reader left."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mcpbridge import AlreadyDecided, Conversation, McpbridgeError, Secret, Usage
from mcpbridge.cli.run_end import End, broken, resume_command
from mcpbridge.cli.show import Show
from mcpbridge.core.action import Action
from mcpbridge.core.ruling import Decision, Outcome
from mcpbridge.engine.events import (
    ActionDecided,
    CallFinished,
    CallStarted,
    Event,
    Notice,
    ReasoningDelta,
    ResponseReceived,
    TextDelta,
    ToolsListed,
)

CONVERSATION = Conversation(id="conv_1")
ACTION = Action(
    request_id="c1", server_label="local", tool="note", via="local", arguments={}, raw_arguments="{}"
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(*events: Event) -> list[str]:
    stderr = io.StringIO()
    show = Show(io.StringIO(), stderr, as_json=False, stream=False)
    show.mask.add([Secret("canary-123456")])
    for event in events:
        show.event(event)
    return stderr.getvalue().splitlines()


def completed(text: str) -> End:
    return End(status="completed", code=0, conversation=CONVERSATION, text=text)


def finished(output: str) -> CallFinished:
    return CallFinished(
        request_id="c1",
        server_label="local",
        tool="note",
        status="completed",
        evidence="executed_here",
        output=output,
    )


def test_each_event_is_one_line() -> None:
    allowed = Decision(outcome=Outcome.HUMAN_ALLOW, approver="me")

    assert shown(
        ToolsListed(server_label="docs", tools=("a", "b"), changed=("b",)),
        ToolsListed(server_label="docs", tools=(), error="HTTP 401"),
        ActionDecided(action=ACTION, decision=allowed, rules=()),
        CallStarted(action=ACTION),
        finished(""),
        finished("two\nlines\x1b[2J \u202e"),
        Notice(type="retry", message=""),
        ReasoningDelta(text="hm"),
    ) == [
        "tools    docs: a, b; changed since: b",
        "tools    docs: could not be listed: HTTP 401",
        "allowed  local.note {}  human_allow (me)",
        "calling  local.note",
        "result   local.note completed, ran here",
        "result   local.note completed, ran here: two lines\\u001b[2J \\u202e",
        "notice   retry",
    ]


def test_what_failed_here_is_not_said_to_have_run() -> None:
    failed = replace(finished("nothing was sent"), status="failed")
    reported = replace(failed, evidence="reported_by_provider")
    late = replace(finished(""), status="timeout")

    assert shown(failed, reported, late) == [
        "result   local.note failed: nothing was sent",
        "result   local.note failed, reported by the provider: nothing was sent",
        "result   local.note timeout, ran here",
    ]


def test_long_texts_are_clipped_and_secrets_masked() -> None:
    (long,) = shown(finished("x" * 500))
    assert long.endswith("x…")
    assert len(long) < 250
    assert shown(finished("it is canary-123456")) == [
        "result   local.note completed, ran here: it is [secret]"
    ]


def test_the_answer_cannot_move_the_cursor_of_a_terminal_but_is_exact_in_a_pipe() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        Show(stream, io.StringIO(), as_json=False, stream=False).end(completed("a\tb\x1b[2J\n"), config=None)

    assert terminal.getvalue() == "a   b\\u001b[2J\n"
    assert pipe.getvalue() == "a\tb\x1b[2J\n"


def test_deltas_of_several_responses_stand_on_lines_of_their_own() -> None:
    stdout = io.StringIO()
    show = Show(stdout, io.StringIO(), as_json=False, stream=True)
    for event in (
        TextDelta(text="Let me "),
        TextDelta(text="look."),
        ResponseReceived(response_id="r1", usage=Usage()),
        TextDelta(text="Done."),
        ResponseReceived(response_id="r2", usage=Usage()),
    ):
        show.event(event)

    assert show.end(completed("Done."), config=None) == 0
    assert stdout.getvalue() == "Let me look.\nDone.\n"


def test_an_answer_that_came_without_deltas_is_printed_all_the_same() -> None:
    stdout = io.StringIO()
    show = Show(stdout, io.StringIO(), as_json=False, stream=True)
    show.event(TextDelta(text="Half an ans"))
    show.event(Notice(type="retry", message="again"))
    show.event(ResponseReceived(response_id="r1", usage=Usage()))
    show.event(ResponseReceived(response_id="r2", usage=Usage()))
    show.end(completed("Done."), config=None)

    assert stdout.getvalue() == "Half an ans\nDone.\n"


def test_silence_is_explained() -> None:
    stderr = io.StringIO()
    Show(io.StringIO(), stderr, as_json=False, stream=False).end(completed(""), config=None)

    assert stderr.getvalue() == "mcpbridge: the model gave no answer\n"


def test_a_reader_who_left_stops_nothing_and_changes_no_exit_code(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stderr = io.StringIO()
    with open(writing, "w") as stdout:
        show = Show(stdout, stderr, as_json=False, stream=True)
        show.event(TextDelta(text="a"))
        show.event(TextDelta(text="b"))
        code = show.end(completed("ab"), config=None)

    assert code == 0
    assert stderr.getvalue() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to be had")
def test_an_answer_that_cannot_be_written_is_no_success() -> None:
    stderr = io.StringIO()
    with open("/dev/full", "w") as stdout:
        code = Show(stdout, stderr, as_json=False, stream=False).end(completed("ab"), config=None)

    assert code == 1
    assert stderr.getvalue() == "mcpbridge: standard output: No space left on device\n"


def test_of_a_stale_state_no_way_on_is_told() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    error = AlreadyDecided("mcpr_1", outcome="human_allow", seq=7)
    end = replace(broken(Conversation(id="conv_1"), error), saved=Path("copy.json"))
    code = Show(stdout, stderr, as_json=True, stream=False).end(end, config=None)

    assert code == 2
    assert "mcpr_1 was already decided" in stderr.getvalue()
    assert "--resume" not in stderr.getvalue()
    assert "state" not in json.loads(stdout.getvalue())


def test_an_unknown_outcome_that_could_not_be_saved_says_so() -> None:
    conversation = Conversation(id="conv_1", begun=("c1",))
    stderr = io.StringIO()
    end = broken(conversation, McpbridgeError("the state cannot be saved"))
    code = Show(io.StringIO(), stderr, as_json=False, stream=False).end(end, config=None)

    assert code == 4
    assert stderr.getvalue().splitlines() == [
        "mcpbridge: outcome unknown: the state cannot be saved",
        "mcpbridge: c1 may have taken effect, and is not repeated by itself",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="quoted for cmd.exe there")
def test_a_command_can_be_pasted() -> None:
    command = resume_command(Path("my state.json"), ["a", "b"], "no:not now", config="c.yaml")

    assert command == (
        "mcpbridge run -c c.yaml --resume 'my state.json' --decide 'a=no:not now' --decide 'b=no:not now'"
    )
