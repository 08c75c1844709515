"""What a report counts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mcpbridge.audit.report import Period, html, markdown
from mcpbridge.ports import Record
from tests.audit_report.made import (
    NOON,
    Asked,
    Later,
    decision,
    facts,
    note,
    reported,
    rows,
    section,
    write,
)


@pytest.mark.promise("report-figures")
def test_decisions_and_denials_are_counted_by_outcome_tool_and_rule(tmp_path: Path) -> None:
    log = write(
        tmp_path,
        [
            decision("policy_allow", tool="read", rule_ids=["reads"]),
            decision("grant_allow"),
            decision("policy_deny", tool="send", rule_ids=["no-mail"]),
            decision("policy_deny", tool="send", rule_ids=["no-mail"]),
            decision("timeout"),
        ],
    )

    found = reported(log)

    assert facts(found, "decisions") == {
        "decisions": 5, "allowed by a rule or a grant": 2, "allowed by a person": 0, "denied": 3,
    }  # fmt: skip
    assert rows(found, "denials", "By rule") == [("no-mail", 2), ("writes", 1)]
    assert rows(found, "denials", "By outcome") == [("policy_deny", 2), ("timeout", 1)]
    assert rows(found, "decisions", "By tool")[0] == ("tracker.open", 1, 0, 1)


@pytest.mark.promise("report-fatigue")
def test_whoever_answers_in_no_time_or_always_yes_is_marked(tmp_path: Path) -> None:
    careful = Asked("mira").then(yes=True, after=40, times=15).then(yes=False, after=90, times=10)
    hasty = Asked("bob", authenticated=False).then(yes=True, after=1, times=30)
    new = Asked("eve").then(yes=True, after=0.5, times=3)

    found = reported(write(tmp_path, [*careful.steps, *hasty.steps, *new.steps]))

    people = {str(row[0]): row[1:] for row in rows(found, "people", "By approver")}
    assert set(people) == {"mira", "bob (quick, nearly always yes)", "eve"}
    assert people["bob (quick, nearly always yes)"] == (30, 30, 0, "100 %", 30, "1 s", 30)
    assert people["mira"][:5] == (25, 15, 10, "60 %", 0)
    assert facts(found, "people")["approvers who may be tired"] == 1
    assert facts(found, "people")["under 2 s"] == 33
    assert [(one.id, fact.name) for one, fact in found.alarming] == [("people", "approvers who may be tired")]


def test_where_several_agree_each_of_them_is_counted_and_not_their_sum(tmp_path: Path) -> None:
    of_one = {"conversation_id": "conv_1", "request_id": "mcpr_1"}
    log = write(
        tmp_path,
        [
            note("question_asked", **of_one),
            Later(30),
            note("approval_given", approver="ada", authenticated=True, **of_one),
            Later(30),
            note("approval_given", approver="bob", authenticated=True, **of_one),
            decision("human_allow", approver="ada, bob", authenticated=True),
        ],
    )

    assert [row[:2] for row in rows(reported(log), "people", "By approver")] == [("ada", 1), ("bob", 1)]


@pytest.mark.promise("report-figures")
def test_an_override_says_what_was_unusual_about_it(tmp_path: Path) -> None:
    shadow = [{"effect": "deny", "rule_ids": ["stricter"]}]
    log = write(
        tmp_path,
        [
            decision("human_deny", request="mcpr_1", approver="ada"),
            decision("human_allow", request="mcpr_2", approver="bob", authenticated=True),
            decision(
                "human_allow", request="mcpr_3", approver="bob", authenticated=True,
                definition_changes=["description"], shadow=shadow, arguments={"title": "another"},
            ),
            decision(
                "human_allow", request="mcpr_4", approver="bob", authenticated=True, arguments={"n": 3}
            ),
        ],
    )  # fmt: skip

    found = reported(log)

    assert facts(found, "overrides") == {"allowed by a person": 3, "overrides worth a look": 2}
    assert [(row[0], row[3]) for row in rows(found, "overrides", "Worth a look")] == [
        ("tracker.open", "the same call was denied before"),
        ("tracker.open", "the tool's definition had changed; a shadow policy would have denied it"),
    ]
    assert rows(found, "shadows", "Enforced → shadow") == [("ask → deny", 1)]


@pytest.mark.promise("report-figures")
def test_a_tool_is_new_or_changed_against_everything_before_the_period(tmp_path: Path) -> None:
    def listed(**tools: str) -> Record:
        return note("tools_listed", server_label="bank", tools=tools)

    steps: list[Record | Later] = [
        listed(pay="a", look="b"),
        Later(3600),
        listed(pay="a", look="c", close="d"),
    ]
    log = write(tmp_path, steps)

    later = reported(log, period=Period(since=NOON + timedelta(minutes=30)))
    whole = reported(log)

    assert [row[:2] for row in rows(later, "tools", "In the order they came")] == [
        ("bank.look", "changed"),
        ("bank.close", "new"),
    ]
    assert facts(later, "tools")["tools of servers seen for the first time"] == 0
    assert facts(whole, "tools")["tools of servers seen for the first time"] == 2


@pytest.mark.promise("report-figures")
def test_what_began_and_never_ended_is_told_from_what_is_known_to_be_unknown(tmp_path: Path) -> None:
    def call(kind: str, request: str, **fields: object) -> Record:
        about = {"conversation_id": "conv_1", "request_id": request, "tool": "pay", "server_label": "bank"}
        return note(kind, **about, **fields)

    steps = [
        call("intent", "mcpr_1"), call("outcome", "mcpr_1", status="completed"),
        call("intent", "mcpr_2"), call("outcome_unknown", "mcpr_2", reason="no answer came"),
        call("intent", "mcpr_3"),
        call("recovery", "mcpr_2", outcome="given_up"), note("recovery", removed_bytes=12),
    ]  # fmt: skip
    found = reported(write(tmp_path, steps))

    known = facts(found, "unknown")
    assert (known["completed"], known["unknown outcomes"], known["begun without an outcome"]) == (1, 1, 1)
    assert known["given up, as a person decided"] == 1
    assert known["unfinished last records cut off"] == "1 (12 bytes)"
    assert rows(found, "unknown", "Unknown outcomes, latest first")[0][::2] == ("bank.pay", "no answer came")


@pytest.mark.promise("report-figures")
def test_a_call_in_which_the_process_ended_counts_as_unknown_once_somebody_decided(tmp_path: Path) -> None:
    """A process that is killed writes no `outcome_unknown`: the decision about the call says that it was."""
    about = {"conversation_id": "conv_1", "request_id": "call_1", "tool": "pay", "server_label": "bank"}
    steps = [
        note("intent", **about, attempt=0),
        note("recovery", outcome="repeated", approver="ana", **about, attempt=0),
        note("recovery", outcome="not_run", **about, attempt=1),
    ]
    found = reported(write(tmp_path, steps))

    known = facts(found, "unknown")
    assert (known["unknown outcomes"], known["begun without an outcome"]) == (1, 0)
    assert known["repeated, as a person decided"] == 1
    ((call, _, why),) = rows(found, "unknown", "Unknown outcomes, latest first")
    assert (call, why) == ("bank.pay", "the process ended while it ran")


@pytest.mark.promise("report-figures")
def test_limits_grants_servers_and_signoffs_have_their_sections(tmp_path: Path) -> None:
    of_grant = {"conversation_id": "conv_1", "request_id": "mcpr_1"}
    log = write(
        tmp_path,
        [
            note(
                "server_registered", server_label="web", server_identity="https://web.example", observe=True
            ),
            note("outcome", server_label="web", tool="get", status="completed", evidence="observed"),
            note("ungated", kind="web_search_call"),
            note("grant_made", server_label="bank", tool="look", **of_grant),
            note("grant_used", conversation_id="conv_1", request_id="mcpr_2", granted_for="mcpr_1"),
            decision("limit", reason="three a day"),
            note("review_signoff", reviewer="mira", first_seq=1, last_seq=6),
        ],
    )

    found = reported(log)

    assert facts(found, "servers")["servers observed only"] == 1
    assert facts(found, "servers")["ungated calls"] == 1
    assert rows(found, "servers", "Calls only observed, by server") == [("web", 1)]
    assert rows(found, "limits", "Grants by tool") == [("bank.look", 1, 1, 0)]
    assert rows(found, "limits", "Limits reached, by reason") == [("three a day", 1)]
    assert rows(found, "signoffs", "Latest first")[0][::2] == ("mira", "1-6")


@pytest.mark.promise("report-questions")
def test_what_servers_asked_people_for_has_a_section(tmp_path: Path) -> None:
    asked = {"server_label": "bank", "tool": "pay"}
    answers: list[tuple[str, dict[str, str]]] = [
        ("accept", {"approver": "ada"}),
        ("decline", {"approver": "ada"}),
        ("decline", {}),
    ]
    log = write(
        tmp_path,
        [
            *(note("elicitation_asked", **asked, elicitation=kind) for kind in ("form", "form", "url")),
            *(note("elicitation_answered", **asked, answer=answer, **who) for answer, who in answers),
        ],
    )
    found = reported(log)
    assert facts(found, "questions") == {"asked": 3, "answered": 3, "accepted: something was given": 1}
    assert rows(found, "questions", "By tool") == [("bank.pay", 3)]
    assert rows(found, "questions", "By kind") == [("form", 2), ("url", 1)]
    assert rows(found, "questions", "By answer") == [("decline", 2), ("accept", 1)]
    assert rows(found, "questions", "Accepted, by tool") == [("bank.pay", 1)]
    assert rows(found, "questions", "Who answered") == [("ada", 2), ("nobody named", 1)]
    for page in (markdown(found), html(found)):
        assert "Questions of servers" in page


def test_only_the_period_counts(tmp_path: Path) -> None:
    log = write(
        tmp_path, [decision("policy_deny"), Later(60), decision("timeout"), Later(60), decision("error")]
    )

    found = reported(
        log, period=Period(since=NOON + timedelta(seconds=60), until=NOON + timedelta(seconds=120))
    )

    assert facts(found, "decisions")["decisions"] == 1
    assert rows(found, "denials", "By outcome") == [("timeout", 1)]


def test_an_empty_period_and_a_changed_log_are_told(tmp_path: Path) -> None:
    log = write(tmp_path, [decision("policy_deny")])
    assert reported(log).verdict.exit_code == 3
    assert facts(reported(log, period=Period(since=NOON + timedelta(days=1))), "decisions")["decisions"] == 0

    path = log / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b"policy_deny", b"human_allow"))

    found = reported(log)
    assert (found.verdict.exit_code, found.verdict.status) == (1, "tampered")
    assert "THE LOG WAS CHANGED" in found.verdict.meaning
    assert section(found, "decisions")
