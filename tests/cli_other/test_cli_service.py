"""`mcpbridge service`, and what the command line loads."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from mcpbridge.cli.main import main
from mcpbridge.cli.streams import wants_color
from mcpbridge.service.quirks import IMITATES
from tests.cli_other.shared import MAIN, environment

_SCRIPT = "rules:\n  - then:\n      - say: hello\n"


@pytest.fixture
def script(here: Path) -> str:
    path = here / "script.yaml"
    path.write_text(_SCRIPT, encoding="utf-8")
    return f"script:{path.name}"


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process there")
def test_the_service_runs_until_it_is_stopped_and_says_how_to_use_it(script: str) -> None:
    command = [*MAIN, "service", "--brain", script, "--port", "0", "--api-key", "k-77-x"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline()]
        base_url = said[0].split()[-1]
        request = urllib.request.Request(f"{base_url}/models", headers={"Authorization": "Bearer k-77-x"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
            assert response.status == 200
        process.send_signal(signal.SIGINT)
        out = "".join([*said, *process.stdout])
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert f"export MCPBRIDGE_LOCAL_URL={base_url}" in out
    assert "endpoint: local" in out
    assert "k-77-x" not in out
    assert out.endswith("Stopped.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process at once there")
def test_a_tracker_to_try_with_runs_beside_it_until_sigterm_ends_both_with_exit_0(here: Path) -> None:
    command = [*MAIN, "service", "--port", "0", "--with-tracker"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        said = list(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
        config = [line.removeprefix("  ") for line in said if line.startswith("  ") and "export" not in line]
        (here / "mcpbridge.yaml").write_text("".join(config), encoding="utf-8")
        exported = dict(line.split()[1].split("=") for line in said if "export" in line)
        answer = subprocess.run(
            [*MAIN, "run", "list the issues"],
            env={**environment(), **exported},
            capture_output=True,
            text=True,
            check=True,
        )
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert "#1 Checkout fails with a gift card" in answer.stdout
    assert (process.returncode, rest) == (0, "Stopped.\n")


class StopsWhenReady(io.StringIO):
    """Standard output of somebody who presses Ctrl-C as soon as the service says how."""

    def write(self, text: str, /) -> int:
        written = super().write(text)
        if "Ctrl-C stops it." in text:
            signal.raise_signal(signal.SIGINT)
        return written


def test_ctrl_c_ends_the_service_with_exit_0(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = StopsWhenReady()
    monkeypatch.setattr(sys, "stdout", out)

    assert main(["service", "--brain", script, "--port", "0"]) == 0

    assert "{name: scripted, endpoint: local}" in out.getvalue()
    assert out.getvalue().endswith("Stopped.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--brain", "wizard"], "--brain 'wizard' is not known; write planner, script:FILE or chat:BASE_URL"),
        (["--brain", "script:"], "write planner, script:FILE or chat:BASE_URL"),
        (["--brain", "script:none.yaml"], "there is no file none.yaml"),
        (
            ["--brain", "chat:http://llm.example/v1"],
            "would carry the conversation unencrypted; write https://",
        ),
        (["--brain", "chat:ollama"], "is no address; write chat:http://127.0.0.1:11434/v1, for example"),
        (["--brain", "chat:https://me:s3cret@llm.example/v1"], "a key into MCPBRIDGE_CHAT_API_KEY"),
        (["--api-key", "env:NO_SUCH_KEY"], "the environment variable NO_SUCH_KEY is not set"),
        (["--api-key", "one", "--api-key", "one"], "each given once"),
    ],
)
def test_a_wrong_option_says_what_to_write(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["service", "--port", "0", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "s3cret" not in err


@pytest.mark.parametrize("option", [["--list-quirks"], ["--quirk", "help"]])
def test_every_quirk_is_listed_with_what_it_imitates(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["service", *option]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[1:]] == [str(quirk) for quirk in IMITATES]
    assert all(text in out for text in IMITATES.values())


def test_the_planner_is_the_brain_when_none_is_named_and_says_what_it_is(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = StopsWhenReady()
    monkeypatch.setattr(sys, "stdout", out)

    assert main(["service", "--port", "0", "--quirk", "drop-mcp-call"]) == 0

    assert out.getvalue().startswith("The planner (rules that match words, no language model) at http://")
    assert "model: {name: planner, endpoint: local}" in out.getvalue()
    assert "Imitates faults of real servers: drop-mcp-call" in out.getvalue()


def test_the_chat_brain_never_shows_its_key(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = StopsWhenReady()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("MCPBRIDGE_CHAT_API_KEY", "sk-chat-1234567")

    assert main(["service", "--port", "0", "--brain", "chat:http://127.0.0.1:9/v1"]) == 0

    assert "The models of http://127.0.0.1:9/v1 (chat completions) at http://" in out.getvalue()
    assert "sk-chat" not in out.getvalue()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process there")
def test_each_request_is_logged_when_that_is_asked_for(here: Path) -> None:
    command = [*MAIN, "service", "--port", "0", "--log", "json", "--api-key", "env:SERVICE_KEY"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment(), "SERVICE_KEY": "k-88-y"},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        base_url = process.stdout.readline().split()[-1]
        request = urllib.request.Request(f"{base_url}/models", headers={"Authorization": "Bearer k-88-y"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
            assert response.status == 200
        line = json.loads(process.stderr.readline())
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read() + process.stderr.read()
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/models", 200)
    assert "k-88-y" not in rest + str(line)


def test_a_script_that_cannot_be_played_is_told_with_its_line(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "bad.yaml").write_text("rules:\n  - then:\n      - sing: hello\n")

    assert main(["service", "--brain", "script:bad.yaml"]) == 2
    assert "bad.yaml:3" in capsys.readouterr().err


def test_an_unknown_quirk_names_those_there_are(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["service", "--brain", script, "--quirk", "rude"]) == 2
    assert "unknown quirk 'rude'; there are: allowed-tools-ignored, " in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["service", "--brain", script, "--port", port]) == 2
    assert f"cannot listen on port {port}" in capsys.readouterr().err


def test_a_port_is_a_number_up_to_65535(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["service", "--brain", script, "--port", "99999"])
    assert "is no port" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["demo", "--help"],
        ["servers", "probe", "--help"],
        ["audit", "show", "--help"],
        ["init", "--help"],
    ],
)
def test_help_loads_neither_openai_nor_mcp(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom mcpbridge.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'openai', 'mcp', 'pydantic', 'starlette'} & set(sys.modules)\nassert not heavy, heavy\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_colour_is_for_terminals_that_want_it() -> None:
    master, slave = os.openpty()
    with open(slave, "w", encoding="utf-8") as terminal:
        assert wants_color(terminal, {})
        assert not wants_color(terminal, {"NO_COLOR": "1"})
        assert not wants_color(terminal, {"TERM": "dumb"})
    os.close(master)
    with open(os.devnull, "w", encoding="utf-8") as file:
        assert not wants_color(file, {})
