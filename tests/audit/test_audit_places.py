"""Where the PATH of a log may stand among the words of a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcpbridge.audit.holds import holds
from mcpbridge.cli.main import main

from .logs import decision, written


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "log", [decision("mcpr_1"), decision("mcpr_2")])
    return tmp_path / "log"


@pytest.mark.parametrize(
    "words",
    [
        "hold add case-7 PATH --reason r",
        "hold add case-7 --reason r PATH",
        "hold add --reason r case-7 PATH",
        "hold add --reason r case-7 --by ada PATH",
        "hold add --reason r --by ada case-7 PATH",
    ],
)
def test_a_path_may_stand_behind_options(words: str, log: Path) -> None:
    assert main(["audit", *words.replace("PATH", str(log)).split()]) == 0
    assert [hold.name for hold in holds(log)] == ["case-7"]


@pytest.mark.parametrize(
    "words",
    [
        "show mcpr_1 --no-index PATH",
        "show --no-index PATH mcpr_1",
        "show PATH --no-index mcpr_1",
        "explain mcpr_1 --json PATH",
        "explain --json mcpr_1 PATH",
    ],
)
def test_an_id_and_a_path_may_stand_apart(words: str, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *words.replace("PATH", str(log)).split()]) == 0
    assert "mcpr_1" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["verify PATH --offline PATH", "hold add case-7 PATH --reason r extra"])
def test_a_word_too_many_is_still_an_error(words: str, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["audit", *words.replace("PATH", str(log)).split()])
    assert left.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err


def test_an_option_that_does_not_exist_is_still_an_error(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["audit", "verify", "--offlin", "--bogus", str(log)])
    assert "--bogus" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        "show --principal BYTE",
        "show --no-index --request BYTE",
        "show --tool BYTE",
        "show --rule BYTE",
        "tail --approver BYTE",
    ],
)
def test_what_is_no_utf_8_is_in_no_record(words: str, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "index", str(log)]) == 0
    capsys.readouterr()
    given = [
        "\udcff" if word == "BYTE" else word for word in words.split()
    ]  # as Python takes it from a shell
    assert main(["audit", *given, str(log)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("index", [[], ["--no-index"]])
def test_an_id_that_is_no_utf_8_is_no_request_s(
    index: list[str], log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "index", str(log)]) == 0
    assert main(["audit", "explain", "mcpr_\udcff_12345678", *index, str(log)]) == 2
    assert "no request of the log is" in capsys.readouterr().err


def test_the_password_in_a_witness_s_address_is_refused_and_not_repeated(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["verify", str(log), "--witness", "https://ada:hunter2@witness.example", "key"]
    assert main(["audit", *words]) == 2
    shown = capsys.readouterr()
    assert "--witness: a URL holds no user or password" in shown.err
    assert "hunter2" not in shown.out + shown.err
