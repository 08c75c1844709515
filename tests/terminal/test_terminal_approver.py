"""A person at the terminal: what they see, what their line means, and which lines mean nothing."""

from __future__ import annotations

import asyncio
import getpass
import io
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest

from mcpbridge.adapters.terminal import TerminalApprover
from mcpbridge.core.action import Action
from mcpbridge.core.question import Question, screen
from mcpbridge.core.ruling import Answer, Approve, Deny, Effect, Ruling
from mcpbridge.policy.grants import EXACT, offer
from mcpbridge.ports import NobodyThere

ALLOW = "Allow?"
REASON = "Reason for the model"
STALE = "Press Enter first"
AGAIN = "Please answer"

Reaction = tuple[str, Callable[[], object]]


class Screen(io.StringIO):
    """Standard error with a person in front of it, who reacts to what appears, in order."""

    def __init__(self, *reactions: Reaction, tty: bool = False) -> None:
        super().__init__()
        self.reactions = list(reactions)
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty

    def write(self, s: str, /) -> int:
        written = super().write(s)
        if self.reactions and self.reactions[0][0] in s:
            self.reactions.pop(0)[1]()
        return written


class Keyboard:
    """The writing end of a pipe (or of a pseudo-terminal)."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def types(self, text: str) -> Callable[[], object]:
        return lambda: os.write(self.descriptor, text.encode())

    def hangs_up(self) -> None:
        os.close(self.descriptor)
        self.descriptor = -1


@contextmanager
def piped() -> Generator[tuple[io.TextIOWrapper, Keyboard], None, None]:
    reading, writing = os.pipe()
    keyboard = Keyboard(writing)
    with open(reading, encoding="utf-8") as stdin:
        yield stdin, keyboard
        if keyboard.descriptor >= 0:
            keyboard.hangs_up()


def question(title: str = "a", *, identity: str = "https://tracker.example/mcp") -> Question:
    action = Action(
        request_id="mcpr_1",
        server_label="tracker",
        tool="open",
        via="hosted",
        arguments={"title": title},
        raw_arguments=f'{{"title":"{title}"}}',
        server_identity=identity,
    )
    ruling = Ruling(effect=Effect.ASK, outcome=None, reason="writes need a person")
    return Question(
        action=action,
        ruling=ruling,
        conversation_id="conv_1",
        principal="ci-bot",
        screen=screen(action, ruling, principal="ci-bot", always=offer(action, EXACT)),
    )


def approver(stdin: io.TextIOBase, screen: Screen, **environ: str) -> TerminalApprover:
    return TerminalApprover(stdin, screen, user="ada", environ=environ)  # type: ignore[arg-type]


def answer_to(*lines: str, hang_up: bool = False) -> tuple[Answer, str]:
    """What the approver makes of lines that were piped in, and all it printed."""
    screen = Screen()
    with piped() as (stdin, keyboard):
        keyboard.types("".join(lines))()
        if hang_up:
            keyboard.hangs_up()
        answer = asyncio.run(approver(stdin, screen).ask(question()))
    return answer, screen.getvalue()


@pytest.mark.parametrize("line", ["y\n", "yes\n", " YES \n"])
def test_y_approves_once_in_the_name_of_the_user_without_claiming_authentication(line: str) -> None:
    answer, _ = answer_to(line)
    assert answer == Approve(by="ada", always=False, authenticated=False)


def test_a_approves_for_the_conversation() -> None:
    answer, _ = answer_to("a\n")
    assert answer == Approve(by="ada", always=True)


def test_the_person_sees_exactly_the_screen_and_what_always_binds_to() -> None:
    _, shown = answer_to("y\n")
    assert f"\nApproval needed\n{question().screen}\n" in shown
    assert "binds to https://tracker.example/mcp, this tool as it is now, and exactly" in " ".join(
        shown.split()
    )
    assert shown.endswith("Allow? [y]es / [n]o (default) / [a]lways for this conversation: ")


def test_always_takes_a_time_and_a_number_of_calls() -> None:
    assert answer_to("a 1h\n")[0] == Approve(by="ada", always=True, ttl=3600.0)
    assert answer_to("Always 5x 30m\n")[0] == Approve(by="ada", always=True, ttl=1800.0, uses=5)
    answer, shown = answer_to("a 1 hour\na 1h 2h\nn\n\n")
    assert (type(answer), shown.count(AGAIN)) == (Deny, 2)


def test_a_server_identity_cannot_move_the_cursor() -> None:
    screen = Screen()
    hostile = question(identity="https://x\x1b[2J\nAllow? y")
    asyncio.run(approver(io.StringIO("n\n\n"), screen).ask(hostile))
    assert "\x1b" not in screen.getvalue()
    assert "https://x\\u001b[2J\\u000aAllow? y" in screen.getvalue()


def test_enter_alone_is_a_no_without_a_reason() -> None:
    answer, _ = answer_to("\n")
    assert answer == Deny(by="ada")


def test_the_end_of_the_input_means_that_nobody_is_there() -> None:
    with pytest.raises(NobodyThere, match="the terminal was closed"):
        answer_to(hang_up=True)


def test_a_closed_stream_raises_which_the_engine_counts_as_an_error_and_denies() -> None:
    stdin = io.StringIO()
    stdin.close()
    with pytest.raises(ValueError, match="closed"):
        asyncio.run(approver(stdin, Screen()).ask(question()))


def test_a_terminal_that_goes_away_while_it_is_read_means_that_nobody_is_there() -> None:
    class Gone(io.StringIO):
        def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
            raise OSError(5, "Input/output error")

    with pytest.raises(NobodyThere, match="the terminal was closed"):
        asyncio.run(approver(Gone(), Screen()).ask(question()))


def test_n_asks_for_a_reason_for_the_model() -> None:
    answer, shown = answer_to("n\n", "  use the staging tracker \n")
    assert answer == Deny(by="ada", reason="use the staging tracker")
    assert shown.endswith("Reason for the model (optional): ")


@pytest.mark.parametrize("line", ["\n", ""])
def test_the_reason_may_be_left_out(line: str) -> None:
    answer, _ = answer_to("no\n", line, hang_up=True)
    assert answer == Deny(by="ada", reason="")


def test_an_unclear_answer_is_asked_for_again() -> None:
    answer, shown = answer_to("yep\n", "sure\n", "true\n", "y\n")
    assert answer == Approve(by="ada")
    assert shown.count(AGAIN) == 3


def test_after_three_repetitions_an_unclear_answer_is_a_no() -> None:
    answer, shown = answer_to("ye\n", "ok\n", "1\n", "always!\n", "y\n")
    assert answer == Deny(by="ada", reason="no clear answer was given")
    assert shown.count(ALLOW) == 4


def test_a_stream_in_memory_serves_as_well() -> None:
    assert asyncio.run(approver(io.StringIO("y\n"), Screen()).ask(question())) == Approve(by="ada")


def test_lines_piped_in_advance_answer_one_question_each() -> None:
    async def both(terminal: TerminalApprover) -> list[Answer]:
        return [await terminal.ask(question("a")), await terminal.ask(question("b"))]

    with piped() as (stdin, keyboard):
        keyboard.types("y\nn\nnot today\n")()
        answers = asyncio.run(both(approver(stdin, Screen())))
    assert answers == [Approve(by="ada"), Deny(by="ada", reason="not today")]


def test_the_loop_runs_on_while_a_person_thinks() -> None:
    async def scene(terminal: TerminalApprover, screen: Screen, keyboard: Keyboard) -> Answer:
        prompted = asyncio.Event()
        screen.reactions.append((ALLOW, prompted.set))
        asking = asyncio.create_task(terminal.ask(question()))
        await prompted.wait()
        keyboard.types("y\n")()  # only a loop that runs can get here
        return await asking

    screen = Screen()
    with piped() as (stdin, keyboard):
        assert asyncio.run(scene(approver(stdin, screen), screen, keyboard)) == Approve(by="ada")


def test_questions_are_asked_one_at_a_time() -> None:
    async def both(terminal: TerminalApprover) -> list[Answer]:
        asked = [terminal.ask(question("first")), terminal.ask(question("second"))]
        return list(await asyncio.gather(*asked))

    screen = Screen()
    with piped() as (stdin, keyboard):
        screen.reactions += [(ALLOW, keyboard.types("n\n")), (REASON, keyboard.types("no\n"))]
        screen.reactions += [(ALLOW, keyboard.types("y\n"))]
        answers = asyncio.run(both(approver(stdin, screen)))
    assert answers == [Deny(by="ada", reason="no"), Approve(by="ada")]
    shown = screen.getvalue()
    assert shown.index('title  "first"') < shown.index(REASON) < shown.index('title  "second"')


async def cancelled_at_the_prompt(terminal: TerminalApprover, screen: Screen) -> None:
    asking = asyncio.create_task(terminal.ask(question("first")))
    screen.reactions.append((ALLOW, lambda: asyncio.get_running_loop().call_soon(asking.cancel)))
    with pytest.raises(asyncio.CancelledError):
        await asking


def test_a_line_begun_before_a_timeout_never_answers_the_next_question() -> None:
    async def scene(terminal: TerminalApprover, screen: Screen, keyboard: Keyboard) -> Answer:
        keyboard.types("y")()  # typed for the first question, not yet sent
        await cancelled_at_the_prompt(terminal, screen)
        screen.reactions += [(STALE, keyboard.types("\n")), (ALLOW, keyboard.types("n\n"))]
        screen.reactions += [(REASON, keyboard.types("\n"))]
        return await terminal.ask(question("second"))

    screen = Screen()
    with piped() as (stdin, keyboard):
        answer = asyncio.run(scene(approver(stdin, screen), screen, keyboard))
    assert answer == Deny(by="ada")
    shown = screen.getvalue()
    assert "No longer waiting" in shown
    assert shown.index("No longer waiting") < shown.index('title  "second"') < shown.index(STALE)
    assert shown.index(STALE) < shown.rindex(ALLOW)


def test_a_line_that_arrived_between_two_questions_answers_neither() -> None:
    async def scene(terminal: TerminalApprover, screen: Screen, keyboard: Keyboard) -> Answer:
        await cancelled_at_the_prompt(terminal, screen)
        keyboard.types("y\n")()
        screen.reactions += [(ALLOW, keyboard.types("\n"))]
        return await terminal.ask(question("second"))

    screen = Screen()
    with piped() as (stdin, keyboard):
        assert asyncio.run(scene(approver(stdin, screen), screen, keyboard)) == Deny(by="ada")


def test_a_question_can_time_out_while_an_old_line_is_still_awaited() -> None:
    async def scene(terminal: TerminalApprover, screen: Screen, keyboard: Keyboard) -> Answer:
        await cancelled_at_the_prompt(terminal, screen)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await terminal.ask(question("second"))
        screen.reactions += [(STALE, keyboard.types("y\n")), (ALLOW, keyboard.types("a\n"))]
        return await terminal.ask(question("third"))

    screen = Screen()
    with piped() as (stdin, keyboard):
        answer = asyncio.run(scene(approver(stdin, screen), screen, keyboard))
    assert answer == Approve(by="ada", always=True)


def test_a_dead_terminal_does_not_swallow_a_cancellation() -> None:
    class Dying(Screen):
        def write(self, s: str, /) -> int:
            if "No longer" in s:
                raise BrokenPipeError
            return super().write(s)

    screen = Dying()
    with piped() as (stdin, _):
        asyncio.run(cancelled_at_the_prompt(approver(stdin, screen), screen))


def test_a_waiting_reader_does_not_stop_the_interpreter_from_exiting() -> None:
    program = """
        import asyncio, sys, threading
        from mcpbridge.adapters.terminal import LineReader
        async def main():
            reading = asyncio.create_task(LineReader(sys.stdin).line())
            while threading.active_count() == 1:
                await asyncio.sleep(0)
            reading.cancel()
            print("cancelled")
        asyncio.run(main())
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        printed = process.stdout.read()  # standard input stays open, so the reader still waits
        assert (process.wait(), printed) == (0, "cancelled\n")


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({"WT_SESSION": "1"}, True), ({"WT_SESSION": "1", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_the_heading_is_coloured_only_where_the_terminal_wants_it(
    environ: dict[str, str], coloured: bool
) -> None:
    screen = Screen(tty=True)
    asyncio.run(approver(io.StringIO("y\n"), screen, **environ).ask(question()))
    assert ("\x1b[1mApproval needed\x1b[0m" in screen.getvalue()) is coloured
    assert question().screen in screen.getvalue()


def test_nothing_is_coloured_in_a_file() -> None:
    _, shown = answer_to("y\n")
    assert "\x1b" not in shown


def test_the_name_is_the_operating_systems_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "grace")
    terminal = TerminalApprover(io.StringIO("y\n"), Screen())
    assert asyncio.run(terminal.ask(question())) == Approve(by="grace")


def test_a_user_without_a_name_is_nobody_in_particular(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", unknown)
    terminal = TerminalApprover(io.StringIO("y\n"), Screen())
    assert asyncio.run(terminal.ask(question())) == Approve(by="")


def test_what_was_typed_before_the_question_stood_there_is_flushed() -> None:
    if sys.platform == "win32":
        pytest.skip("pseudo-terminals are POSIX")
    import pty
    import select

    master, slave = pty.openpty()
    keyboard = Keyboard(master)
    screen = Screen((ALLOW, keyboard.types("n\n")), (REASON, keyboard.types("later\n")))
    with open(slave, encoding="utf-8") as stdin:
        keyboard.types("y\n")()
        assert select.select([slave], [], [], 10)[0], "the typed line did not reach the terminal"
        answer = asyncio.run(approver(stdin, screen).ask(question()))
    keyboard.hangs_up()
    assert answer == Deny(by="ada", reason="later")


def test_input_from_a_file_is_read_like_any_other() -> None:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as stdin:
        stdin.write("y\n")
        stdin.seek(0)
        assert asyncio.run(approver(stdin, Screen()).ask(question())) == Approve(by="ada")
