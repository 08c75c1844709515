"""`mcpbridge run` with a policy in operation: edited arguments, a rule to take away, a freeze."""

from __future__ import annotations

import json

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.cli_run.shell import SCRIPT, Shell

ASK = "version: 1\ndefaults: {decision: ask}\nrules: []\n"
THREE = """
rules:
  - when: {user: "^thrice", mcp_result: "tracker.*"}
    then: [{say: "done"}]
  - when: {user: "^thrice"}
    then:
      - mcp: {server: tracker, tool: create_issue, arguments: {title: t, body: b}}
      - mcp: {server: tracker, tool: create_issue, arguments: {title: t, body: b}}
      - mcp: {server: tracker, tool: create_issue, arguments: {title: u, body: b}}
  - when: {mcp_result: "tracker.*"}
    then: [{say: "done"}]
"""


@pytest.mark.promise("rule-suggestion")
def test_after_three_answers_a_rule_is_printed_at_the_end_and_nothing_is_changed(
    shell: Shell, tracker: Tracker
) -> None:
    with running_in_thread(THREE) as service:
        shell.configure(service, tracker, policy=ASK)
        paused = shell.here("thrice", "--state", "s.json", "--json")
        answers = [word for one in paused.json["approvals"] for word in ("--decide", f"{one['id']}=yes")]
        done = shell.here("--resume", "s.json", *answers)

    assert done.code == 0, done.err
    assert done.out == "done\n"
    assert "you allowed tracker.create_issue 3 times; a rule `allow-tracker-create_issue`" in done.err
    assert '+      "title": {in: ["t", "u"]}\n' in done.err
    assert '+      "body": {eq: "b"}\n' in done.err
    assert (shell.folder / "policy.yaml").read_text() == ASK


def test_decide_edit_is_refused_for_what_the_provider_runs_and_for_what_is_no_json(
    shell: Shell, tracker: Tracker
) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker, policy=ASK)
        question = shell.paused()
        (shell.folder / "args.json").write_text(json.dumps({"title": "other"}))
        (shell.folder / "broken.json").write_text("{")
        edited = shell.here("--resume", "state.json", "--decide", f"{question}=edit:args.json")
        broken = shell.run("--resume", "state.json", "--decide", f"{question}=edit:broken.json")
        missing = shell.run("--resume", "state.json", "--decide", f"{question}=edit")

    assert edited.code == 2
    assert "tracker.create_issue is run by the model provider" in edited.err
    assert (broken.code, missing.code) == (2, 2)
    assert "broken.json: " in broken.err
    assert "write ID=edit:FILE" in missing.err
    assert tracker.effects == []


@pytest.mark.promise("freeze")
def test_a_paused_question_that_is_answered_during_a_freeze_does_not_run(
    shell: Shell, tracker: Tracker
) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker, policy=ASK)
        question = shell.paused()
        assert shell.mcpbridge("freeze", "--reason", "stop").code == 0
        done = shell.here("--resume", "state.json", "--decide", f"{question}=yes")

    assert "Everything is frozen" in done.out
    assert "notice   frozen: Everything is frozen" in done.err
    assert [record["outcome"] for record in shell.records("decision")] == ["frozen"]
    assert tracker.effects == []
