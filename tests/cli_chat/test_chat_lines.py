"""Where no person sits: lines come through a pipe, answers go out, and nobody is asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.cli_chat.script import CHAT
from tests.cli_run.shell import PATIENCE, Shell, command


def test_each_line_is_a_message_and_standard_output_has_the_answers(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        ended = shell.mcpbridge("chat", stdin="tell me this\n\nread\n/usage\nformat \\\nplease")

    assert ended.code == 0
    assert ended.out.startswith("You said: tell me this.\nIt says: #1 Checkout")
    assert "Some *text* and **bold** words.\n" in ended.out
    assert "allowed  tracker.list_issues" in ended.err
    assert "tokens in" in ended.err
    assert "\x1b" not in ended.out + ended.err
    assert "> " not in ended.out


@pytest.mark.promise("chat-no-decision")
def test_a_question_ends_it_with_exit_code_3_and_says_how_to_decide(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        ended = shell.mcpbridge("chat", "--save", "talk.json", stdin="write\ny\ntell me more\n")
        again = shell.mcpbridge("chat", "--resume", "talk.json", stdin="y\n")

    assert (ended.code, ended.out, again.code) == (3, "", 3)
    assert "wants to call tracker.create_issue" in ended.err
    assert "mcpbridge run --resume talk.json --decide mcpr_" in ended.err
    assert tracker.effects == []


def test_a_failure_ends_it_with_its_exit_code(shell: Shell) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, None)
        failed = shell.mcpbridge("chat", stdin="nobody knows\ntell me more\n")
        wrong = shell.mcpbridge("chat", stdin="/image gone.png\ntell me more\n")

        assert service.posts == 1

    assert (failed.code, failed.out, wrong.code, wrong.out) == (1, "", 2, "")
    assert "the image gone.png cannot be read" in wrong.err


def test_an_unknown_outcome_ends_it_with_exit_code_4(shell: Shell, tracker: Tracker) -> None:
    faults = "faults: [{when: {approved: tracker.create_issue}, status: 500, at: after_effects, times: 1}]\n"
    policy = "version: 1\ndefaults: {decision: deny}\nrules: [{id: all, effect: allow, tools: ['*']}]\n"
    with running_in_thread(CHAT + faults) as service:
        shell.configure(service, tracker, policy=policy)
        ended = shell.mcpbridge("chat", stdin="write\ntell me more\n")

    assert ended.code == 4
    assert "may have taken effect" in ended.err
    assert len(list(shell.folder.glob("conv_*.state.json"))) == 1
    assert tracker.count("create_issue") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume", "gone.json"], "there is no saved conversation in gone.json"),
        (["--save", "mcpbridge.yaml"], "mcpbridge.yaml exists already"),
        (["--save", "a", "--resume", "b"], "not allowed with"),
        (["--resume", "a", "--principal", "b"], "--principal: not allowed with --resume"),
        (["-c", "gone.yaml"], "gone.yaml"),
    ],
)
def test_what_cannot_begin_says_so(words: list[str], message: str, shell: Shell) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, None)
        ended = shell.mcpbridge("chat", *words)

    assert ended.code in (1, 2)
    assert message in ended.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
def test_a_reader_who_leaves_ends_it_without_a_complaint(shell: Shell) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, None)
        with subprocess.Popen(
            command("chat"),
            cwd=shell.folder,
            env=shell.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            process.stdout.close()
            _, err = process.communicate(b"tell me this\ntell me that\n", timeout=PATIENCE)

        assert service.posts == 1

    assert process.returncode == 0
    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from mcpbridge.cli.main import make_parser; make_parser()\n"
        "heavy = {'prompt_toolkit', 'rich', 'markdown_it', 'openai', 'mcp'}\n"
        "print(sorted(heavy & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
