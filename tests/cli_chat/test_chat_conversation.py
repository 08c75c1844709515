"""A conversation as a person has it, at a pseudo-terminal of 80 columns and 24 rows."""

from __future__ import annotations

import signal
import sys

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.cli_chat.person import ASKED, CTRL_C, CTRL_D, ENTER, chatting
from tests.cli_chat.script import CHAT, LOST, SLOW
from tests.cli_run.shell import Shell, Watched

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
WAITING = "(Ctrl-C cancels)"


@pytest.mark.promise("chat-whole")
def test_a_whole_conversation_with_a_yes_a_no_a_cancelled_turn_and_a_resume(
    shell: Shell, tracker: Tracker
) -> None:
    with running_in_thread(CHAT + SLOW) as service:
        shell.configure(service, tracker)
        with chatting(shell, "--save", "talk.json", "--by", "me") as person:
            person.prompted(1)
            person.says("write it down")
            person.sees(ASKED)
            assert tracker.effects == []
            person.says("y")
            person.sees("It says: Created issue #4: t")
            person.prompted(2)

            person.says("write it again")
            person.sees(ASKED, times=2)
            person.says("n")
            person.sees("Reason for the model (optional): ")
            person.says("one is enough")
            person.sees("Left alone: one is enough")
            person.prompted(3)

            person.says("slow, please")
            person.sees(WAITING)
            person.types(CTRL_C)
            person.sees("cancelled")
            person.prompted(4)
            assert WAITING not in person.everything

            person.says("tell me more")
            person.sees("You said: tell me more.")
            person.prompted(5)
            person.types(CTRL_D)
            assert person.ends() == 0
            assert "mcpbridge chat --resume talk.json" in person.flat

        with chatting(shell, "--resume", "talk.json") as person:
            person.sees("you said last: tell me more")
            person.sees("You said: tell me more.")
            person.prompted(1)
            person.says("tell me everything")
            person.sees("You said: tell me everything.")
            person.prompted(2)
            person.says("/quit")
            assert person.ends() == 0

    assert tracker.count("create_issue") == 1
    assert [(one["outcome"], one["approver"], one["reason"]) for one in shell.records("decision")] == [
        ("human_allow", "me", ""),
        ("human_deny", "me", "one is enough"),
    ]
    assert shell.mcpbridge("audit", "verify").code == 3


@pytest.mark.promise("chat-type-ahead")
def test_what_is_typed_before_a_question_stands_there_does_not_answer_it(
    shell: Shell, tracker: Tracker
) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        with chatting(shell) as person:
            person.prompted(1)
            person.types(f"write two{ENTER}y{ENTER}y\ny\n")  # while the message is still being typed
            person.sees(ASKED)
            person.types("n\nfirst\ny\na\ny\n")  # all of it before the second question
            person.sees(ASKED, times=2)
            person.says("n")
            person.sees("(optional): ", times=2)
            person.says("nobody said yes")
            person.sees("Left alone: nobody said yes")
            person.prompted(2)
            assert person.rows_that_begin("> y") == 0
            person.types(CTRL_D)
            assert person.ends() == 0

    assert tracker.effects == []
    assert [one["outcome"] for one in shell.records("decision")] == ["human_deny", "human_deny"]


@pytest.mark.promise("chat-no-decision")
@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
def test_whoever_leaves_a_question_has_decided_nothing(key: str, shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        with chatting(shell, "--save", "talk.json") as person:
            person.prompted(1)
            person.says("write")
            person.sees(ASKED)
            person.types(key)
            person.sees("nothing was decided, the question stays open")
            person.prompted(2)
            person.says("tell me something else")
            person.sees("Not sent: a question is open.")
            person.prompted(3)
            person.types(CTRL_D)
            assert person.ends() == 3
        assert shell.records("decision") == []

        with chatting(shell, "--resume", "talk.json") as person:
            person.sees(ASKED)
            person.says("y")
            person.sees("It says: Created issue #4: t")
            person.prompted(1)
            person.types(CTRL_D)
            assert person.ends() == 0

    assert tracker.count("create_issue") == 1


def test_enter_asks_an_open_question_again(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        with chatting(shell) as person:
            person.prompted(1)
            person.says("write")
            person.sees(ASKED)
            person.types(CTRL_C)
            person.prompted(2)
            person.says("")
            person.sees(ASKED, times=2)
            person.says("y")
            person.sees("It says: Created issue #4: t")
            person.prompted(3)
            person.types(CTRL_D)
            assert person.ends() == 0


@pytest.mark.promise("chat-unknown")
def test_a_turn_cancelled_with_an_approval_under_way_is_unknown_until_somebody_says(
    shell: Shell, tracker: Tracker
) -> None:
    effects: Watched[object] = Watched()
    tracker.effects = effects  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    with running_in_thread(CHAT + LOST) as service:
        shell.configure(service, tracker)
        with chatting(shell) as person:
            person.prompted(1)
            person.says("write")
            person.sees(ASKED)
            person.says("y")
            effects.wait_until(lambda: len(effects) == 1)
            person.types(CTRL_C)
            person.sees("may have taken effect and is not repeated by itself")
            person.prompted(2)
            person.types(CTRL_D)
            assert person.ends() == 4
            (saved,) = shell.folder.glob("conv_*.state.json")
            assert saved.name in person.flat

        with chatting(shell, "--resume", saved.name) as person:
            person.sees("[r]epeat it / [g]o on without it / [l]ater (default): ")
            person.says("g")
            person.sees("The model is told (optional): ")
            person.says("it is there, I looked")
            person.sees("Left alone: It is not known whether this call took effect: it is there, I looked.")
            person.prompted(1)
            person.types(CTRL_D)
            assert person.ends() == 0

    assert tracker.count("create_issue") == 1
    (recovery,) = shell.records("recovery")
    assert recovery["outcome"] == "given_up"


def test_an_unknown_outcome_may_be_left_for_later(shell: Shell, tracker: Tracker) -> None:
    faults = "faults: [{when: {approved: tracker.create_issue}, status: 500, at: after_effects, times: 1}]\n"
    with running_in_thread(CHAT + faults) as service:
        shell.configure(service, tracker)
        with chatting(shell) as person:
            person.prompted(1)
            person.says("write")
            person.sees(ASKED)
            person.says("y")
            person.prompted(2)
            person.says("")
            person.sees("[l]ater (default): ")
            person.says("")
            person.sees("Left as it is")
            person.prompted(3)
            person.says("/quit")
            assert person.ends() == 4

    assert tracker.count("create_issue") == 1


def test_a_conversation_paused_by_run_goes_on_in_a_chat_and_back(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        shell.paused("write")
        with chatting(shell, "--resume", "state.json") as person:
            person.sees(ASKED)
            person.says("y")
            person.prompted(1)
            person.types(CTRL_D)
            assert person.ends() == 0
        back = shell.here("tell me again", "--state", "state.json")

    assert (back.code, back.out) == (0, "You said: tell me again.\n")


def test_sigterm_saves_and_leaves(shell: Shell) -> None:
    with running_in_thread(CHAT + SLOW) as service:
        shell.configure(service, None)
        with chatting(shell, "--save", "talk.json") as person:
            person.prompted(1)
            person.says("tell me this")
            person.prompted(2)
            person.child.kill(signal.SIGTERM)
            assert person.ends() == 143

        with chatting(shell, "--resume", "talk.json") as person:
            person.sees("you said last: tell me this")
            person.prompted(1)
            person.says("slow")
            person.sees(WAITING)
            person.child.kill(signal.SIGTERM)
            assert person.ends() == 143

    with running_in_thread("rules: [{when: {user: '^slow'}, then: [{say: Here I am.}]}]") as service:
        shell.configure(service, None)
        assert shell.here("--resume", "talk.json").out == "Here I am.\n"
    assert "Traceback" not in person.raw


def test_ctrl_c_at_the_prompt_clears_what_was_typed_and_then_says_how_to_leave(shell: Shell) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, None)
        with chatting(shell) as person:
            person.prompted(1)
            person.types("half a thou")
            person.sees("> half a thou")
            person.types(CTRL_C)
            person.prompted(1)
            person.types(CTRL_C)
            person.sees("Ctrl-D or /quit leaves")
            person.prompted(2)
            person.types(CTRL_D)
            assert person.ends() == 0

        assert service.posts == 0


def test_a_failed_turn_is_told_and_the_chat_goes_on(shell: Shell) -> None:
    with running_in_thread(CHAT + "faults: [{when: {user: now}, status: 400, times: 1}]\n") as service:
        shell.configure(service, None)
        with chatting(shell) as person:
            person.prompted(1)
            person.says("tell me now")
            person.sees("failed")
            person.prompted(2)
            person.says("")
            person.sees("You said: tell me now.")
            person.prompted(3)
            person.types(CTRL_D)
            assert person.ends() == 0


def test_the_files_configuration_may_deny_what_would_be_asked(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker, extra="approvals: {ask: deny}\n")
        with chatting(shell) as person:
            person.prompted(1)
            person.says("write")
            person.sees("no_approver")
            person.prompted(2)
            assert "Allow?" not in person.everything
            person.types(CTRL_D)
            assert person.ends() == 0


def test_a_terminal_that_hangs_up_at_a_question_approves_nothing(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        with chatting(shell, "--save", "talk.json") as person:
            person.prompted(1)
            person.says("write")
            person.sees(ASKED)
            person.child.close(force=False)
            person.child.wait()

        paused = shell.here("--resume", "talk.json", "--json")

    assert tracker.effects == []
    assert shell.records("decision") == []
    assert paused.code == 3
