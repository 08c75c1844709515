"""Approvers and grants that can be met, asked and bound raise nothing."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.policy import load_policy
from mcpbridge.policy.glob import Glob
from mcpbridge.policy.lint import lint
from mcpbridge.policy.lint.globs import meet

from .shared import NUMBER, TEXT, world

BANK = world(bank={"pay": {"amount": NUMBER, "to": TEXT}, "close": {}})


def checks(rest: str, defaults: str = "{decision: deny}") -> list[str]:
    made = load_policy(f"version: 1\ndefaults: {defaults}\n{rest}", file="p.yaml")
    return [one.check for one in lint(made, BANK) if one.check != "no-examples"]


@pytest.mark.parametrize(
    "rules",
    [
        "rules: [{id: a, effect: ask, tools: [bank.pay]}]",
        'rules: [{id: a, effect: ask, tools: ["*.pa*"]}]',
        "rules: [{id: a, effect: ask, tools: [bank.pay], when: {amount: {gt: 5}}}]",
        "pins: {on_change: ask}\nrules: [{id: a, effect: allow, tools: [bank.pay]}]",
    ],
)
def test_people_who_may_be_asked_raise_nothing(rules: str) -> None:
    assert checks(f'{rules}\napprovers: [{{tools: ["bank.p*"], quorum: 2, of: [bo, cy]}}]') == []


def test_what_is_asked_by_default_or_in_part_raises_nothing() -> None:
    asks = "{decision: ask}"
    entry = "approvers: [{tools: [bank.pay, bank.close], of: [bo]}]"
    assert checks(f"rules: [{{id: a, effect: allow, tools: [bank.pay]}}]\n{entry}", asks) == []
    some = "rules: [{id: a, effect: deny, tools: [bank.pay], when: {amount: {gt: 5}}}]"
    assert checks(f"{some}\n{entry}", asks) == []


@pytest.mark.parametrize(
    "entry",
    [
        "{tools: [bank.pay], of: [ana, bo, cy], quorum: 2, not_requester: true}",
        "{tools: [bank.pay], of: [ana, bo], quorum: 2}",
        "{tools: [bank.pay], quorum: 2, not_requester: true}",
        "{tools: [bank.pay], of: [bo], not_requester: true}",
        "{tools: [bank.pay], of: [bo], escalate: {after: 4m, to: [cy]}}",
    ],
)
def test_a_number_of_people_that_can_be_reached_in_time_raises_nothing(entry: str) -> None:
    assert checks(f"rules: []\napprovers: [{entry}]", "{decision: ask, ask_timeout: 5m}") == []


@pytest.mark.parametrize(
    "rest",
    [
        "rules: []\ngrants: {bind: [to, amount]}",
        "rules: [{id: a, effect: ask, tools: [local.mail]}]\ngrants: {bind: [recipient]}",
    ],
)
def test_arguments_that_some_tool_has_or_a_function_may_have_raise_nothing(rest: str) -> None:
    assert checks(rest, "{decision: ask}") == []


PATTERNS = st.text("ab*", min_size=1, max_size=5)


@given(PATTERNS, PATTERNS)
def test_two_patterns_meet_where_some_name_is_matched_by_both(one: str, other: str) -> None:
    # The shortest such name has no character that stands in neither of them.
    names = ("".join(word) for length in range(len(one + other) + 1) for word in product("ab", repeat=length))
    assert meet(one, other) is any(Glob(one).matches(name) and Glob(other).matches(name) for name in names)
