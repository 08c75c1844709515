"""`mcpbridge policy draft`: from a file, from standard input, from live servers."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from mcpbridge.cli.main import main
from mcpbridge.cli.parsing import Parser
from mcpbridge.cli.policy_draft import add
from mcpbridge.core.ruling import Effect
from mcpbridge.demo.server import Tracker
from mcpbridge.errors import McpbridgeError, UsageError
from mcpbridge.policy import Facts, load_policy, rule
from tests.cli_other.shared import TOKEN, WriteConfig
from tests.policy.calls import call

from .shared import LISTS

OFFICE = str(LISTS / "office.json")


def run(*words: str) -> int:
    parser = Parser(prog="mcpbridge policy")
    add(parser.add_subparsers(required=True))
    args = parser.parse_args(["draft", *words])
    return int(args.run(args))


def test_a_file_gives_a_policy_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(OFFICE, "--label", "crm") == 0
    policy = load_policy(capsys.readouterr().out, file="p.yaml")
    assert "crm-reads" in {one.id for one in policy.rules}


def test_standard_input_is_a_file_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(Path(OFFICE).read_text(encoding="utf-8")))
    assert run("-", "--label", "crm") == 0
    assert 'crm: 12 tools, from "standard input"' in capsys.readouterr().out


def test_a_draft_goes_into_a_new_file_and_replaces_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "policy.yaml"
    assert run(OFFICE, "-o", str(target)) == 0
    assert capsys.readouterr().out.startswith(f"{target} is written.")
    before = target.read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="is there already"):
        run(OFFICE, "-o", str(target))
    assert target.read_text(encoding="utf-8") == before


def test_json_tells_what_was_guessed_about_each_tool(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(OFFICE, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    tools = {tool["tool"]: tool for tool in found["tools"]}
    assert tools["office.list_messages"]["decision"] == "allow"
    assert tools["office.send_message"]["decision"] == "bound"
    assert tools["office.delete_message"]["decision"] == "ask"
    assert tools["office.delete_message"]["asks_because"] == "it destroys or takes back"
    assert found["definitions"] in found["policy"]


@pytest.mark.promise("drafted-policy")
def test_live_servers_are_listed_and_nothing_is_called(
    tracker: Tracker, write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    header = "headers: {Authorization: 'Bearer ${env:TRACKER_TOKEN}'}"
    write_config(
        f"{{label: tracker, url: '{tracker.url}', {header}}}", "{label: mail, connector_id: connector_gmail}"
    )
    before = tracker.count("send_mail")
    assert run("-c", "mcpbridge.yaml") == 0
    written = capsys.readouterr()
    assert TOKEN not in written.out
    assert "mail is not in the draft: only the provider can reach it" in written.err
    policy = load_policy(written.out, file="p.yaml")
    mail = {"to": "ana@corp.example", "subject": "x", "body": "y"}
    asked, allowed = (
        rule(call("tracker.send_mail", mail), [policy], Facts(principal="ana", user_texts=said)).effect
        for said in ((), ("write to ana@corp.example",))
    )
    assert (asked, allowed) == (Effect.ASK, Effect.ALLOW)
    assert rule(call("tracker.list_issues"), [policy], Facts(principal="ana")).effect is Effect.ALLOW
    assert tracker.count("send_mail") == before


def test_what_a_probe_printed_can_be_drafted_from_later(
    tracker: Tracker, write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    header = "headers: {Authorization: 'Bearer ${env:TRACKER_TOKEN}'}"
    write_config(f"{{label: tracker, url: '{tracker.url}', {header}, allowed_tools: [list_issues]}}")
    assert main(["servers", "probe", "--json"]) == 0
    Path("probe.json").write_text(capsys.readouterr().out, encoding="utf-8")
    assert run("probe.json") == 0
    [rule_of_it] = load_policy(capsys.readouterr().out, file="p.yaml").rules
    assert [glob.pattern for glob in rule_of_it.tools] == ["tracker.list_issues"]


def test_a_server_that_cannot_be_listed_is_no_silent_gap(
    tracker: Tracker, write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = "headers: {Authorization: 'Bearer ${env:WRONG_TOKEN}'}"
    write_config(f"{{label: tracker, url: '{tracker.url}', {wrong}}}")
    with pytest.raises(McpbridgeError, match="nothing is drafted: tracker at"):
        run("-c", "mcpbridge.yaml")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "from what? Write"),
        (["missing.json"], "missing.json: No such file"),
        (["bad.json"], "bad.json: not UTF-8 text"),
        (["empty.json"], "empty.json, line 1: not JSON"),
        (["empty.json", "--server", "x"], "--server belongs to -c"),
        (["empty.json", "-c", "mcpbridge.yaml"], "belong to a file"),
        (["-c", "mcpbridge.yaml", "--label", "x"], "belong to a file"),
        (["-c", "mcpbridge.yaml", "--server", "x"], "no server 'x' is declared"),
        (["-c", "mcpbridge.yaml"], "no servers are declared"),
        ([OFFICE, "-o", "no/such/folder.yaml"], "No such file or directory"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_sentence(
    words: list[str], says: str, write_config: WriteConfig
) -> None:
    write_config()
    Path("bad.json").write_bytes(b"\xff\xfe\xff")
    Path("empty.json").write_text("", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        run(*words)
    assert says in str(caught.value)
