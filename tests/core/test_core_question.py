"""The screen shows what will happen, and nothing in a call can make it show something else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.core.action import Action, ToolDefinition
from mcpbridge.core.question import Question, screen, visible
from mcpbridge.core.ruling import Effect, Outcome, RuleMatch, Ruling
from mcpbridge.core.strict_json import parse_arguments

RULING = Ruling(
    effect=Effect.ASK,
    outcome=None,
    reason="writes need a person",
    matches=(
        RuleMatch(rule_id="writes", effect=Effect.ASK),
        RuleMatch(rule_id="reads", effect=Effect.ALLOW),
    ),
)


def action(arguments: Any = None, *, tool: str = "write") -> Action:
    return Action(
        request_id="mcpr_1",
        server_label="files",
        tool=tool,
        via="hosted",
        arguments=arguments,
        raw_arguments="{}",
        server_identity="https://files.test/mcp",
    )


def test_the_screen_says_who_what_where_and_why() -> None:
    assert screen(action({"path": "a", "n": 1}), RULING, principal="ana") == (
        "ana wants to call files.write\n"
        "  server     https://files.test/mcp (called by the model provider)\n"
        '  arguments  path  "a"\n'
        "             n     1\n"
        "  asked by   writes: writes need a person"
    )


def test_the_screen_says_so_where_there_is_nothing_to_say() -> None:
    ruling = Ruling(effect=Effect.ASK, outcome=None, reason="")
    assert screen(action(), ruling, principal="").splitlines()[0] == "the model wants to call files.write"
    assert screen(action(), ruling, principal="").splitlines()[2:] == [
        "  arguments  none",
        "  asked by   the policy's default",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 漢 😀", "plain ü 漢 😀"),
        ("\x1b[2J", "\\u001b[2J"),
        ("a\rb\tc\x00\x7f", "a\\u000db\\u0009c\\u0000\\u007f"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066\u200b\ufeff", "\\u2066\\u200b\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("a\u00a0b\u3000c", "a b c"),
        ("a\u2028b\x85c", "a\\u2028b\\u0085c"),
    ],
)
def test_controls_and_bidi_marks_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_newlines_are_kept_where_they_may_be() -> None:
    assert visible("a\nb") == "a\nb"
    assert visible("a\nb", newlines=False) == "a\\u000ab"


FORGED = "x\n  server     https://friendly.test (a function in this process)"


@pytest.mark.parametrize(
    "text",
    [
        screen(action({"path": FORGED}), RULING, principal="ana"),
        screen(action({FORGED: 1}), RULING, principal="ana"),
        screen(action({"path": {FORGED: [FORGED]}}), RULING, principal="ana"),
        screen(action({"path": "a"}, tool=FORGED), RULING, principal="ana"),
        screen(action({"path": "a"}), RULING, principal=FORGED),
        screen(action({"path": "a"}), replace(RULING, reason=FORGED), principal="ana"),
    ],
)
def test_no_newline_forges_a_line(text: str) -> None:
    lines = text.splitlines()
    assert len(lines) == 4
    assert [line[:12] for line in lines[1:]] == ["  server    ", "  arguments ", "  asked by  "]
    assert lines[1] == "  server     https://files.test/mcp (called by the model provider)"


def test_a_long_value_is_cut_and_its_rest_is_counted() -> None:
    text = screen(action({"path": "x" * 10_000}), RULING, principal="ana")
    assert "… (6002 more characters)" in text
    assert len(text) < 5_000


def test_a_long_name_does_not_pad_the_other_lines() -> None:
    arguments = {"n" * 100_000: 1} | {f"k{number}": number for number in range(1_000)}
    assert len(screen(action(arguments), RULING, principal="ana")) < 100_000


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4), st.text(max_size=20))
def test_the_screen_is_printable_whatever_is_called(arguments: dict[str, str], tool: str) -> None:
    lines = screen(action(arguments, tool=tool), RULING, principal=tool).split("\n")
    assert len(lines) == 3 + max(len(arguments), 1)
    assert all(line.isprintable() for line in lines)


def test_an_answer_is_bound_to_the_screen() -> None:
    question = Question(action=action(), ruling=RULING, conversation_id="c", principal="ana", screen="S")
    assert question.screen_hash == hashlib.sha256(b"S").hexdigest()


def test_a_ruling_names_the_rules_that_carry_it() -> None:
    assert RULING.rule_ids == ("writes",)


def test_three_outcomes_allow() -> None:
    assert {outcome.value for outcome in Outcome if outcome.allowed} == {
        "policy_allow",
        "human_allow",
        "grant_allow",
    }


@pytest.mark.parametrize(
    "change",
    [{"tool": "delete"}, {"server_label": "docs"}, {"server_identity": "x"}, {"raw_arguments": '{"a":1}'}],
)
def test_a_fingerprint_is_bound_to_server_name_and_arguments(change: dict[str, str]) -> None:
    one = action()
    assert replace(one, **change).fingerprint() != one.fingerprint()  # type: ignore[arg-type]
    assert replace(one, request_id="other").fingerprint() == one.fingerprint()


def test_a_definitions_hash_does_not_depend_on_the_order_of_keys() -> None:
    first = ToolDefinition(name="a", input_schema={"x": 1, "y": {"b": 1, "a": 2}})
    second = ToolDefinition(name="a", input_schema={"y": {"a": 2, "b": 1}, "x": 1})
    assert first.hash() == second.hash() != replace(first, description="d").hash()


def test_a_number_is_shown_as_it_will_be_sent() -> None:
    arguments = parse_arguments('{"amount": 100.000000000000007, "list": [{"n": 1e23}], "usual": 2.50}')
    shown = screen(action(arguments), RULING, principal="")
    assert (
        'amount  100.000000000000007\n             list    [{"n": 1E+23}]\n             usual   2.5' in shown
    )
