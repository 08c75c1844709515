"""`rule` against the reference of the tests, on generated policies and calls."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mcpbridge.core.ruling import Effect
from mcpbridge.policy import Facts, Policy, load_policy, rule

from . import reference
from .calls import call

TEXTS = ["", "a", "ab", "EUR", "eur", "5"]
NUMBERS: list[Any] = [0, 1, -1, 5, 5.0, 2.5, 10**30]
NAMES = ["a.get", "a.get_x", "b.get", "b.x.get", "a.b"]
PATTERNS = ["a.get", "a.*", "*.get*", "*", "b.*get", "*x*"]
FIELDS = ["x", "y", "x?", "y?", "o.x", "o.x?", "o", "o.p.q?"]
EFFECTS = ["allow", "ask", "deny"]

odd: st.SearchStrategy[Any] = st.sampled_from([None, True, False, float("nan"), float("inf")])
scalars: st.SearchStrategy[Any] = st.sampled_from(TEXTS) | st.sampled_from(NUMBERS) | odd
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xypq"), inner, max_size=3),
    max_leaves=6,
)
operands: st.SearchStrategy[Any] = st.sampled_from([*TEXTS, *NUMBERS, True, False])
sizes = st.integers(0, 3)
parts = st.sampled_from(["a", "E", "R", "5"])
Matchers = st.SearchStrategy[dict[str, Any]]


def single(names: str, operand: st.SearchStrategy[Any]) -> Matchers:
    return st.tuples(st.sampled_from(names.split()), operand).map(lambda pair: {pair[0]: pair[1]})


def combined(inner: Matchers) -> Matchers:
    several = st.lists(inner, min_size=1, max_size=3)
    return single("each any", inner) | single("all_of any_of none_of", several)


ranges: Matchers = st.tuples(st.integers(-2, 2), st.integers(1, 5)).map(
    lambda pair: {"gt": pair[0], "le": pair[0] + pair[1]}
)
leaf: Matchers = st.one_of(
    single("eq ne", operands),
    single("in not_in", st.lists(operands, min_size=1, max_size=3)),
    single("gt ge lt le", st.sampled_from(NUMBERS)),
    single("type", st.sampled_from(["string", "number", "integer", "boolean", "array", "object"])),
    single("min_len max_len min_items max_items", sizes),
    single("starts_with ends_with contains", parts),
    ranges,
)
matchers: Matchers = st.recursive(leaf, combined, max_leaves=4)
whos: st.SearchStrategy[Any] = st.one_of(
    st.just(["ana"]),
    st.just(["a*"]),
    st.just({"groups": ["ops"]}),
    st.just({"principals": ["bob"], "groups": ["*"]}),
)


@st.composite
def rule_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 6))):
        one: dict[str, Any] = {"id": f"r{number}", "effect": draw(st.sampled_from(EFFECTS))}
        one["tools"] = draw(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2, unique=True))
        when = draw(
            st.dictionaries(st.sampled_from(FIELDS), matchers, max_size=3).filter(
                lambda found: len({key.rstrip("?") for key in found}) == len(found)
            )
        )
        if when:
            one["when"] = when
            if one["effect"] == "allow" and draw(st.booleans()):
                one["other_arguments"] = "any"
        if draw(st.integers(0, 3)) == 0:
            one["who"] = draw(whos)
        rules.append(one)
    return rules


calls = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "arguments": st.dictionaries(st.sampled_from(["x", "y", "o", "z"]), values, max_size=4),
        "principal": st.sampled_from(["", "ana", "bob"]),
        "groups": st.sampled_from([frozenset[str](), frozenset({"ops"})]),
        "known": st.sampled_from([True, True, False]),
    }
)


def compile_policy(rules: list[dict[str, Any]], decision: str, unknown: str) -> Policy:
    """JSON is YAML, so the generated rules take the same way in as a person's."""
    defaults = {"decision": decision, "unknown_tool": unknown}
    return load_policy(json.dumps({"version": 1, "defaults": defaults, "rules": rules}), file="p.yaml")


def facts_of(found: dict[str, Any]) -> Facts:
    return Facts(principal=found["principal"], groups=found["groups"], known_tool=found["known"])


@settings(max_examples=120, deadline=None)
@given(
    rule_lists(),
    st.lists(calls, min_size=5, max_size=5),
    st.sampled_from(["ask", "deny"]),
    st.sampled_from(["ask", "deny"]),
)
def test_the_ruling_equals_the_reference(
    rules: list[dict[str, Any]], found: list[dict[str, Any]], decision: str, unknown: str
) -> None:
    made = compile_policy(rules, decision, unknown)
    for one in found:
        ruling = rule(call(one["name"], one["arguments"]), [made], facts_of(one))
        effect, ids = reference.decide(rules, decision, unknown, one)
        assert (ruling.effect.value, {match.rule_id for match in ruling.matches}) == (effect, ids)
        assert ruling.reason


@settings(max_examples=50, deadline=None)
@given(rule_lists(), calls, st.randoms(use_true_random=False))
def test_the_order_of_the_rules_never_matters(
    rules: list[dict[str, Any]], found: dict[str, Any], order: random.Random
) -> None:
    shuffled = rules[:]
    order.shuffle(shuffled)
    action, facts = call(found["name"], found["arguments"]), facts_of(found)
    one = rule(action, [compile_policy(rules, "ask", "deny")], facts)
    other = rule(action, [compile_policy(shuffled, "ask", "deny")], facts)
    assert (one.effect, one.outcome, one.reason) == (other.effect, other.outcome, other.reason)
    assert {match.rule_id: match for match in one.matches} == {
        match.rule_id: match for match in other.matches
    }


@settings(max_examples=50, deadline=None)
@given(rule_lists(), rule_lists(), calls)
def test_a_further_policy_never_loosens(
    rules: list[dict[str, Any]], more: list[dict[str, Any]], found: dict[str, Any]
) -> None:
    first, second = compile_policy(rules, "ask", "ask"), compile_policy(more, "deny", "deny")
    action, facts = call(found["name"], found["arguments"]), facts_of(found)
    alone = [rule(action, [made], facts) for made in (first, second)]
    together = rule(action, [first, second], facts)
    order = list(Effect)
    assert together.effect is max((ruling.effect for ruling in alone), key=order.index)
    assert together.matches == alone[0].matches + alone[1].matches


@settings(max_examples=30, deadline=None)
@given(rule_lists(), calls)
def test_a_malformed_call_is_never_allowed(rules: list[dict[str, Any]], found: dict[str, Any]) -> None:
    made = compile_policy(rules, "ask", "deny")
    action = call(found["name"], found["arguments"], malformed="the arguments name a key twice")
    assert rule(action, [made], facts_of(found)).effect is Effect.DENY
