"""What `mcpbridge run` answers, where, and with which exit code."""

from __future__ import annotations

import json

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.cli_run.shell import KEY, SCRIPT, Shell


def test_an_allowed_call_completes_with_the_answer_alone_on_standard_output(
    shell: Shell, tracker: Tracker
) -> None:
    with running_in_thread(SCRIPT, api_key=KEY) as service:
        shell.configure(service, tracker)
        ended = shell.run("read the issues")

    assert ended.code == 0
    assert ended.out.startswith("It says: #1 Checkout fails")
    assert ended.out.count("\n") == 3
    assert [line.split()[0] for line in ended.err.splitlines()] == ["tools", "allowed", "result"]
    assert "tracker.list_issues {}  policy_allow by reads" in ended.err
    assert "reported by the provider: #1 Checkout fails" in ended.err
    assert shell.decided() == [("decision", "list_issues", "policy_allow"), ("outcome", "completed")]


def test_a_streamed_answer_is_the_same_answer(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        whole, streamed = shell.here("read"), shell.here("read", "--stream")

        assert service.bodies[-1]["stream"] is True

    assert streamed.code == 0
    assert streamed.out == whole.out


def test_json_is_one_object_also_when_streaming(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        found = shell.here("read", "--json", "--stream").json

    assert found["status"] == "completed"
    assert found["text"].startswith("It says: #1")
    assert found["output"] is None
    (approval,) = found["approvals"]
    assert approval == {
        "id": approval["id"],
        "server": "tracker",
        "tool": "list_issues",
        "arguments": "{}",
        "rules": ["reads"],
        "outcome": "policy_allow",
    }
    assert found["denied"] == []
    assert found["usage"]["total_tokens"] > 0
    assert found["conversation_id"].startswith("conv_")
    assert "error" not in found
    assert "state" not in found


def test_a_prompt_of_a_dash_is_standard_input(shell: Shell) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, None)
        ended = shell.here("-", stdin="hello wörld\n".encode())
        latin, empty = shell.here("-", stdin="wörld".encode("latin-1")), shell.here("-", stdin="\n")

    assert (ended.code, ended.out) == (0, "Hello, turn wörld.\n")
    assert (latin.code, empty.code) == (2, 2)
    assert "standard input is not UTF-8" in latin.err
    assert "the prompt is empty" in empty.err


@pytest.mark.promise("empty-answer")
def test_a_denial_alone_is_no_failure_and_silence_after_it_is_explained(
    shell: Shell, tracker: Tracker
) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        ended = shell.here("mail the list")

    assert (ended.code, ended.out) == (0, "")
    assert "gave no answer after a denial: tracker.send_mail (Mail is not for agents.)" in ended.err
    assert tracker.count("send_mail") == 0


def test_nobody_is_asked_where_the_configuration_says_deny(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker, extra="approvals: {ask: deny}\n")
        found = shell.here("write", "--json").json

    assert found["status"] == "completed"
    assert found["text"] == "Left alone: nobody is there to ask"
    assert [denied["outcome"] for denied in found["denied"]] == ["no_approver"]
    assert tracker.effects == []


def test_a_failure_is_one_sentence_and_in_json_an_error(shell: Shell) -> None:
    script = (
        SCRIPT + "faults: [{status: 500, body: {error: {message: 'out of \\u001b[31morder', code: x}}}]\n"
    )
    with running_in_thread(script) as service:
        shell.configure(service, None)
        plain, as_json = shell.here("hello"), shell.here("hello", "--json")

    assert (plain.code, plain.out) == (1, "")
    assert plain.err.splitlines()[-1] == "mcpbridge: HTTP 500: out of \\u001b[31morder"
    assert as_json.code == 1
    assert as_json.json["status"] == "failed"
    assert as_json.json["error"]["type"] == "ModelUnavailable"
    assert as_json.json["error"]["request_ids"] == []


def test_the_principal_is_on_record_and_rules_know_it(shell: Shell, tracker: Tracker) -> None:
    policy = (
        "version: 1\ndefaults: {decision: deny}\n"
        "rules: [{id: ci, effect: allow, tools: [tracker.list_issues], who: [ci-bot]}]\n"
    )
    with running_in_thread(SCRIPT + "  - {when: {denied: '*'}, then: [{say: No.}]}\n") as service:
        shell.configure(service, tracker, policy=policy)
        bot, anybody = shell.here("read", "--principal", "ci-bot"), shell.here("read")

    assert bot.out.startswith("It says")
    assert anybody.out == "No.\n"
    assert [record["principal"] for record in shell.records("decision")] == ["ci-bot", ""]


def test_verbose_says_notices_as_diagnostics_too(shell: Shell) -> None:
    with running_in_thread(SCRIPT, quirks=["reject-encrypted-include"]) as service:
        shell.configure(service, None)
        plain = shell.here("hello there")
        verbose, before = shell.here("hello there", "-v"), shell.mcpbridge("-v", "run", "hello there")

    assert "notice   capability_fallback: " in plain.err
    assert "[warning" not in plain.err
    assert all("[warning" in ended.err for ended in (verbose, before))


def test_diagnostics_as_json_are_left_to_programs(shell: Shell) -> None:
    with running_in_thread(SCRIPT, quirks=["reject-encrypted-include"]) as service:
        shell.configure(service, None, extra="logging: {format: json}\n")
        ended = shell.here("hello there")

    (line,) = [line for line in ended.err.splitlines() if line.startswith("{")]
    assert json.loads(line)["event"] == "capability_fallback"
