"""`mcpbridge init` and `mcpbridge check`."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from mcpbridge.cli.init import write_start
from mcpbridge.cli.main import main
from mcpbridge.cli.parsing import command_line
from tests.cli_other.shared import WriteConfig


def test_what_init_writes_passes_check_once_the_key_is_set(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    assert main(["init"]) == 0
    out = capsys.readouterr().out
    assert "Wrote mcpbridge.yaml and policy.yaml." in out
    assert "mcpbridge check" in out

    assert main(["check"]) == 2
    assert "mcpbridge.yaml:7: the environment variable OPENAI_API_KEY is not set" in capsys.readouterr().out

    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-1c9e77")
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    assert "gpt-5.6 at https://api.openai.com/v1/ (openai)" in out
    assert "deepwiki  https://mcp.deepwiki.com/mcp  3 tools" in out
    assert "policy.yaml  3 rules, otherwise ask" in out
    assert "sk-canary" not in out


def test_init_makes_the_folder_and_says_to_go_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "agents/first"]) == 0

    assert "cd agents" in capsys.readouterr().out
    assert sorted(file.name for file in (here / "agents" / "first").iterdir()) == [
        ".gitignore",
        "mcpbridge.yaml",
        "policy.yaml",
    ]


@pytest.mark.parametrize("taken", ["mcpbridge.yaml", "policy.yaml"])
def test_init_overwrites_nothing_and_leaves_nothing_half_done(
    here: Path, capsys: pytest.CaptureFixture[str], taken: str
) -> None:
    (here / taken).write_text("mine")

    assert main(["init"]) == 2

    assert f"{taken} is there already; --force overwrites both files" in capsys.readouterr().err
    assert [(file.name, file.read_text()) for file in here.iterdir()] == [(taken, "mine")]


def test_init_with_force_replaces_both_files(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "policy.yaml").write_text("mine")

    assert main(["init", "--force"]) == 0

    capsys.readouterr()
    assert "version: 1" in (here / "policy.yaml").read_text()
    assert main(["check"]) == 0
    assert len(list(here.iterdir())) == 3


def test_init_in_a_place_that_cannot_be_written_is_a_usage_error(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "file").write_text("")

    assert main(["init", "file/below"]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_the_files_get_the_usual_mode(here: Path) -> None:
    (here / "other").write_text("")
    write_start(here, force=False)

    mode = stat.S_IMODE((here / "other").stat().st_mode)
    assert stat.S_IMODE((here / "mcpbridge.yaml").stat().st_mode) == mode


def test_check_names_every_problem_with_file_and_line(
    write_config: WriteConfig, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(
        "{label: a b, url: 'https://x.example/mcp'}", "{label: ok, url: 'ftp://x'}", rest="polcy: x\n"
    )

    assert main(["check"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("mcpbridge.yaml:4: ")
    assert lines[1].startswith("mcpbridge.yaml:5: ")
    assert lines[2].startswith("mcpbridge.yaml:6: ")
    assert lines[3] == "3 problems in mcpbridge.yaml"

    assert main(["check", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert [problem["line"] for problem in found["problems"]] == [4, 5, 6]


def test_check_says_what_was_checked(write_config: WriteConfig, capsys: pytest.CaptureFixture[str]) -> None:
    write_config(
        "{label: watched, url: 'https://w.example/mcp', observe: true}",
        rest="approvals: {ask: deny, timeout: 30s}\n"
        "accept_ungated: [web_search]\nhosted_tools: [{type: web_search}]\n",
    )

    assert main(["check"]) == 0

    out = capsys.readouterr().out
    assert "hosted MCP, approvals honoured" in out
    assert "all tools, OBSERVED: its calls run without asking" in out
    assert "approvals  deny, 30s" in out
    assert "UNGATED    web_search: these never ask" in out
    assert main(["check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["servers"] == ["watched"]


def test_check_without_a_file_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-c", "none.yaml"]) == 2
    out = capsys.readouterr().out
    assert "none.yaml: there is no such file; run `mcpbridge init`, or name one with -c FILE" in out
    assert "1 problem in none.yaml" in out


def test_init_keeps_what_a_run_writes_out_of_version_control(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init"]) == 0
    assert "Wrote .gitignore" in capsys.readouterr().out
    assert (here / ".gitignore").read_text().splitlines()[1:] == ["audit/", "*.state.json", "*.json.lock"]

    (here / ".gitignore").write_text("audit/\n")
    assert main(["init", "--force"]) == 0
    assert "Add to .gitignore: *.state.json  *.json.lock" in capsys.readouterr().out
    assert (here / ".gitignore").read_text() == "audit/\n"


def test_the_folder_to_go_to_is_quoted_for_the_shell(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "my agents"]) == 0
    assert command_line(["cd", "my agents"]) in capsys.readouterr().out


RULES = """version: 1
defaults: {decision: ask}
rules:
  - {id: fine, effect: allow, tools: [docs.search, "docs.*", "d*.read", "*.list_*", "*delete*", local.note]}
  - {id: typo, effect: allow, tools: [dosc.search]}
  - {id: none, effect: deny, tools: ["x*.send"]}
  - {id: closed, effect: allow, tools: [docs.serch]}
"""


def test_check_warns_of_rules_about_what_is_not_declared(
    write_config: WriteConfig, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config("{label: docs, url: 'https://d.example/mcp', allowed_tools: [search]}")
    config.write_text(config.read_text().replace("ask-before-write", "./p.yaml"))
    (here / "p.yaml").write_text(RULES)

    assert main(["check"]) == 0
    assert capsys.readouterr().out.splitlines()[:4] == [
        "p.yaml:5: warning: the rule `typo` names dosc.search, and no server 'dosc' is declared; "
        "did you mean "
        "'docs'?",
        "p.yaml:6: warning: the rule `none` names x*.send, and no server 'x*' is declared",
        "p.yaml:7: warning: the rule `closed` names docs.serch, and allowed_tools of the server 'docs' does "
        "not; did you mean 'search'?",
        "mcpbridge.yaml: no problems, 3 warnings",
    ]
    assert main(["check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], {problem["severity"] for problem in found["problems"]}) == (True, {"warning"})


def test_what_init_writes_and_what_is_shipped_needs_no_warning(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init"]) == 0
    assert main(["check"]) == 0
    assert "warning" not in capsys.readouterr().out


def test_the_total_names_every_file_with_problems_and_counts_one_rule(
    write_config: WriteConfig, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(rest="polcy: x\n")
    config.write_text(config.read_text().replace("ask-before-write", "./p.yaml"))
    (here / "p.yaml").write_text("version: 2\ndefaults: {decision: ask}\n")

    assert main(["check"]) == 2
    assert capsys.readouterr().out.splitlines()[-1] == "2 problems in mcpbridge.yaml and p.yaml"

    (here / "p.yaml").write_text(
        "version: 1\ndefaults: {decision: ask}\nrules: [{id: a, effect: deny, tools: ['*']}]"
    )
    config.write_text(config.read_text().replace("polcy: x\n", ""))
    assert main(["check"]) == 0
    assert "p.yaml  1 rule, otherwise ask" in capsys.readouterr().out


def test_check_without_servers_says_none(
    write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config()

    assert main(["check"]) == 0
    assert "servers    none" in capsys.readouterr().out
