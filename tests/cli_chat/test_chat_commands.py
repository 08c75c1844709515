"""What begins with a slash."""

from __future__ import annotations

import re
import sys

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.cli_chat.person import ASKED, CTRL_C, CTRL_D, Person, chatting
from tests.cli_chat.script import CHAT
from tests.cli_run.shell import Shell

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


def commands(person: Person, *lines: str) -> None:
    """Type each at its prompt, and wait for the next one."""
    before = person.rows_that_begin(">")
    for number, line in enumerate(lines, start=1):
        person.says(line)
        person.prompted(before + number)


def test_tools_policy_and_audit_tell_what_is_known_ruled_and_recorded(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        with chatting(shell, "--principal", "ada") as person:
            person.prompted(1)
            commands(person, "/tools", "/audit", "read", "/tools", "/policy", "/policy tracker.send_mail")
            commands(person, '/policy tracker.create_issue {"title": "t"}', "/policy nowhere.x", "/audit 2")
            commands(person, "/policy create_issue", "/policy tracker.read_issue {", "/audit some", "/usage")
            person.types(CTRL_D)
            assert person.ends() == 0

    rows = person.everything.split("\n")
    for row in (
        f"tracker  {tracker.url}",
        "  …                           not listed yet: a server's tools are known after",
        "Nothing is on record of this conversation yet.",
        "  list_issues                 allow",
        "  create_issue                ask",
        "  send_mail                   deny",
        "  reads                 allow: *.list_*, *.read_*",
        "  otherwise             ask; unknown tools: deny",
        "tracker.send_mail: deny",
        "  no-mail               deny (policy.yaml)",
        "nowhere.x: deny",
        "  no server that is declared has listed it",
    ):
        assert row in rows
    assert "ask a person, by the policy's default" in person.flat
    assert "The model acts for ada." in person.flat
    assert "outcome tracker.list_issues status=completed" in person.flat
    assert "'create_issue' is no tool; write /policy label.tool" in person.flat
    assert "the arguments of tracker.read_issue are no JSON object" in person.flat
    assert "'some' is no count" in person.flat
    assert "tokens in (" in person.flat


def test_unknown_commands_get_a_suggestion_and_two_slashes_a_slash(shell: Shell) -> None:
    with running_in_thread("rules: [{then: [{say: 'Heard: {{user}}'}]}]") as service:
        shell.configure(service, None)
        with chatting(shell) as person:
            person.prompted(1)
            commands(person, "/polcy", "/", "//etc/hosts", "/help", "/tools", "/image", "/continue")
            person.says("/quit")
            assert person.ends() == 0

        assert service.posts == 1

    assert "/polcy is no command; did you mean '/policy'?" in person.flat
    assert "Heard: /etc/hosts" in person.flat
    assert "No server and no tool is declared." in person.flat
    assert "take back an `always`, or a yes that was not sent yet" in person.flat
    assert "name the file: /image PATH [text]" in person.flat
    assert "Nothing is open." in person.flat


@pytest.mark.promise("chat-undo")
def test_an_always_can_be_taken_back(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        with chatting(shell, "--by", "me") as person:
            person.prompted(1)
            commands(person, "/undo-grant")
            person.says("write")
            person.sees(ASKED)
            person.says("a 1h 5x")
            person.prompted(3)
            commands(person, "write", "/undo-grant")
            assert person.flat.count("Allow?") == 1
            person.says("write")
            person.sees(ASKED, times=2)
            person.says("")
            person.prompted(6)
            person.types(CTRL_D)
            assert person.ends() == 0

    assert "There is nothing to undo" in person.flat
    undone = r'undone always tracker.create_issue \{"title":"t","body":"b"\} \(5\dm left, 4 calls left\)'
    assert re.search(undone, person.flat)
    outcomes = [one["outcome"] for one in shell.records("decision")]
    assert outcomes == ["human_allow", "grant_allow", "human_deny"]
    (withdrawn,) = shell.records("grant_withdrawn")
    (made,) = shell.records("grant_made")
    assert (withdrawn["fingerprint"], withdrawn["approver"]) == (made["fingerprint"], "me")
    assert tracker.count("create_issue") == 2


@pytest.mark.promise("chat-undo")
def test_a_yes_that_was_not_sent_yet_can_be_taken_back(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, tracker)
        with chatting(shell, "--save", "talk.json") as person:
            person.prompted(1)
            person.says("write two")
            person.sees(ASKED)
            person.says("a")
            person.sees(ASKED, times=2)
            person.types(CTRL_C)
            person.prompted(2)
            commands(person, "/undo-grant", "/undo-grant 3", "/undo-grant all")
            assert "write a number from 1 to 2, or all" in person.flat
            person.says("")
            person.sees(ASKED, times=3)
            person.says("y")
            person.prompted(6)
            person.types(CTRL_D)
            assert person.ends() == 0

    assert [effect.arguments["title"] for effect in tracker.effects] == ["two"]
    decided = [(one["outcome"], one["attempt"]) for one in shell.records("decision")]
    assert decided == [("human_allow", 0), ("human_deny", 1), ("human_allow", 0)]


def test_save_keeps_the_conversation_from_then_on_and_overwrites_nothing(shell: Shell) -> None:
    (shell.folder / "taken.json").write_text("{}")
    with running_in_thread(CHAT) as service:
        shell.configure(service, None)
        with chatting(shell) as person:
            person.prompted(1)
            commands(
                person, "tell me this", "/save", "/save taken.json", "/save nowhere/x.json", "/save talk.json"
            )
            commands(person, "tell me that", "/save talk.json")
            in_use = shell.here("hello", "--state", "talk.json")
            person.types(CTRL_D)
            assert person.ends() == 0

        assert "talk.json" in shell.here("tell me more", "--state", "talk.json", "--json").json["state"]

    assert in_use.code == 2
    assert "name the file: /save FILE" in person.flat
    assert "taken.json exists already; mcpbridge chat --resume taken.json goes on with it" in person.flat
    assert "a folder that does not exist" in person.flat
    assert (shell.folder / "taken.json").read_text() == "{}"
