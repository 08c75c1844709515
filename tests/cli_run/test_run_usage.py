"""Command lines that cannot be carried out: exit code 2, and a sentence that says what to change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mcpbridge.cli.main import main
from mcpbridge.cli.run_end import turn_command
from mcpbridge.service.running import running_in_thread
from tests.cli_run.shell import SCRIPT, Shell

WRONG: dict[str, tuple[list[str], str]] = {
    "nothing to do": ([], "a PROMPT is required"),
    "two ways": (["--resume", "s.json", "hello"], "--resume: not allowed with PROMPT"),
    "two files": (["--resume", "s.json", "--state", "t.json"], "--state; --resume FILE names the state, and"),
    "a principal": (["--resume", "s.json", "--principal", "me"], "--resume: not allowed with --principal"),
    "nothing to decide": (["hello", "--decide", "a=yes"], "--decide: needs --resume FILE"),
    "no decision": (["--resume", "s.json", "--decide", "a=maybe"], "'a=maybe' is not ID=yes"),
    "no question": (["--resume", "s.json", "--decide", "=yes"], "'=yes' is not ID=yes"),
    "twice": (["--resume", "s.json", "--decide", "a=yes", "--decide", "a=no"], "a is decided twice"),
}


@pytest.mark.parametrize(("words", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_combination_is_refused_as_argparse_does(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["run", *words])

    assert exit_.value.code == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    first, *rest = printed.err.splitlines()
    assert sentence in first
    assert rest[0].startswith("usage: mcpbridge run")
    assert printed.out == ""


@pytest.mark.parametrize("prompt", ["", " \n", "\udcff"])
def test_an_empty_or_broken_prompt_is_refused(prompt: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", prompt]) == 2
    assert "mcpbridge: the prompt is" in capsys.readouterr().err


def test_a_missing_configuration_is_named(shell: Shell) -> None:
    plain, as_json = shell.here("hello"), shell.here("hello", "-c", "other.yaml", "--json")

    assert (plain.code, as_json.code) == (2, 2)
    assert "mcpbridge.yaml" in plain.err
    assert "other.yaml" in as_json.err
    assert as_json.json["status"] == "failed"
    assert as_json.json["error"]["type"] == "ConfigurationError"


def test_a_state_that_is_not_there_leaves_no_lock_behind(shell: Shell) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, None)
        ended = shell.here("--resume", "nope.json")

    assert ended.code == 2
    assert "there is no saved state in nope.json" in ended.err
    assert list(shell.folder.glob("*.lock")) == []


def test_the_way_to_a_further_turn_is_quoted_and_names_the_configuration(shell: Shell) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, None)
        shell.here("hello one", "--state", "my talk.json")
        ended = shell.here("--resume", "my talk.json", "-c", "mcpbridge.yaml")

    assert ended.code == 2
    assert turn_command(Path("my talk.json"), config="mcpbridge.yaml") in ended.err


def test_a_missing_credential_is_named_and_the_turn_can_go_on_later(shell: Shell) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, None)
        key = shell.env.pop("SERVICE_KEY")
        without = shell.here("hello again", "--state", "s.json")
        shell.env["SERVICE_KEY"] = key
        later = shell.here("hello again", "--state", "s.json")

    assert without.code == 2
    assert "SERVICE_KEY" in without.err
    assert (later.code, later.out) == (0, "Hello, turn again.\n")


def test_help_loads_neither_openai_nor_mcp() -> None:
    look = (
        "import sys; from mcpbridge.cli.main import make_parser; make_parser().format_help(); "
        "print({name.partition('.')[0] for name in sys.modules} & {'openai', 'mcp', 'pydantic', 'httpx2'})"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
