"""docs/policy-commands.md: its files, its commands, and what they print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mcpbridge.cli.main import main
from mcpbridge.policy.lint import CHECKS

DOCS = Path(__file__).parents[2] / "docs" / "policy-commands.md"
TEXT = DOCS.read_text(encoding="utf-8")
FILES = re.findall(r"```\w+ file=(\S+)\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"```console\n\$ mcpbridge (.*?)\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("command", "prints"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_command_of_the_documentation_prints_what_stands_there(
    command: str,
    prints: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in FILES:
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert main(shlex.split(command)) in (0, 1)
    assert capsys.readouterr().out == prints


def test_the_documentation_shows_each_command_and_names_each_check() -> None:
    assert {command.split()[1] for command, _ in COMMANDS} == {"check", "test", "explain"}
    assert "$ mcpbridge policy replay" in TEXT
    rows = re.findall(r"^\| `([a-z-]+)` \| (error|warning|note) \|", TEXT, re.MULTILINE)
    assert dict(rows) == {id_: check.level.value for id_, check in CHECKS.items()}


@pytest.mark.parametrize("command", ["check", "test", "explain", "replay", "draft"])
def test_each_command_has_help_within_80_columns(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stopped:
        main(["policy", command, "--help"])
    assert stopped.value.code == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
