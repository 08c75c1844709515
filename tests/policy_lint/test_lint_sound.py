"""What the linter calls shadowed, vacuous or contradictory is so, for every call of a small world."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpbridge.errors import ConfigurationError
from mcpbridge.policy import Facts, Policy, Rule, load_policy
from mcpbridge.policy.decide import check
from mcpbridge.policy.glob import Glob, tool_pattern_problem
from mcpbridge.policy.lint import Finding, lint
from mcpbridge.policy.lint.emptiness import never_fails, never_holds
from mcpbridge.policy.lint.globs import covers_tools, reaches, stand_ins
from mcpbridge.policy.model import MISSING, Matcher

NAMES: Final = ("a.x", "a.y", "a.xy", "b.x", "ab.x", "a.b.x", "b.yx")
VALUES: Final[tuple[Any, ...]] = (
    *(MISSING, None, True, -1, 0, 1, 1.0, 1.5, 2, 3, 10, "", "x", "xy", "yx", "zzzz"),
    *([], ["x"], ["x", 1], ["zzzz", "y"], {}, {"in": 1}),
)
PEOPLE: Final = (
    Facts(principal=""),
    Facts(principal="ana", user_texts=("x",)),
    Facts(principal="bo", groups=frozenset({"ops"})),
)
GLOBS: Final = ("a.x", "b.x", "a.*", "*.x", "*", "a.x*", "*x", "*.*x*", "ab.x", "a*.x")

Plain = dict[str, Any]
number: Final[st.SearchStrategy[Any]] = st.sampled_from([0, 1, 1.5, 2])
text: Final[st.SearchStrategy[Any]] = st.sampled_from(["x", "y", "xy", "zzzz"])
size: Final[st.SearchStrategy[Any]] = st.integers(0, 3)


def some(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Plain]:
    return st.fixed_dictionaries({}, optional=optional)


def under(names: Sequence[str], inside: st.SearchStrategy[Any]) -> st.SearchStrategy[Plain]:
    return st.tuples(st.sampled_from(names), inside).map(lambda pair: {pair[0]: pair[1]})


leaf: Final = st.one_of(
    some(ge=number, lt=number),
    some(gt=number, le=number),
    under(["in"], st.lists(number | text, min_size=1, unique=True)),
    some(**{"in": st.lists(text, min_size=1, unique=True), "not_in": st.lists(text, min_size=1)}),
    some(starts_with=text, ends_with=text, contains=text, max_len=size, min_len=size),
    under(["eq"], number | text | st.booleans()),
    under(["ne"], number | text),
    under(["type"], st.sampled_from(["string", "number", "integer", "boolean", "array", "object"])),
    some(min_items=size, max_items=size),
    st.just({"grounded": "user_text"}),
)
matchers: Final = st.one_of(
    leaf,
    under(["each", "any"], leaf),
    under(["all_of", "any_of", "none_of"], st.lists(leaf, min_size=1, max_size=3)),
)
WHO: Final[Sequence[Any]] = (
    *(["ana"], ["a*"], ["*"], {"groups": ["ops"]}),
    {"principals": ["bo"], "groups": ["o*"]},
)
more: Final = some(
    when=st.dictionaries(st.sampled_from(["f", "f?", "g", "f.in"]), matchers, min_size=1, max_size=2),
    who=st.sampled_from(WHO),
)
rule: Final = st.tuples(
    st.sampled_from(["allow", "ask", "deny"]),
    st.lists(st.sampled_from(GLOBS), min_size=1, max_size=2, unique=True),
    more,
).map(lambda parts: {"effect": parts[0], "tools": parts[1], **parts[2]})


def calls() -> Iterator[Mapping[str, Any]]:
    for f, g in product(VALUES, ("x", 1, MISSING)):
        yield {name: value for name, value in (("f", f), ("g", g)) if value is not MISSING}


CALLS: Final = tuple(calls())


@pytest.mark.promise("lint-sound")
@settings(max_examples=300, deadline=None)
@given(st.lists(rule, min_size=1, max_size=4))
def test_no_finding_that_claims_a_proof_is_wrong(rules: list[dict[str, Any]]) -> None:
    named = [{"id": f"r{place}", **one} for place, one in enumerate(rules)]
    try:
        policy = load_policy(
            json.dumps({"version": 1, "defaults": {"decision": "ask"}, "rules": named}), file="p.yaml"
        )
    except ConfigurationError:
        return  # the loader refuses some contradictions itself
    for one in policy.rules:
        for condition in one.when:
            holds_emptiness(condition.matchers)
    for finding in lint(policy):
        at = next((place for place, one in enumerate(policy.rules) if one.id == finding.rule_id), None)
        if finding.check == "shadowed" and at is not None:
            holds_shadowed(policy, policy.rules[at])
        if finding.check == "contradictory" and at is not None:
            holds_contradictory(policy, policy.rules[at], finding)


def matched(one: Rule, name: str, arguments: Mapping[str, Any], facts: Facts) -> bool:
    return one.covers(name) and check(one, arguments, facts) is not False


def holds_shadowed(policy: Policy, rule: Rule) -> None:
    above = [one for one in policy.rules if one.strictness > rule.strictness]
    for name, arguments, facts in product(NAMES, CALLS, PEOPLE):
        if matched(rule, name, arguments, facts):
            assert any(matched(one, name, arguments, facts) for one in above), (name, arguments, facts)


def holds_emptiness(group: Sequence[Matcher]) -> None:
    """What *vacuous* rests on, for these matchers together, each by itself, and all inside them."""
    values = list(product(VALUES[1:], PEOPLE))
    if never_holds(group):
        assert not any(all(one.decide(value, facts) for one in group) for value, facts in values), group
    for one in group:
        if never_fails(one):
            assert not any(one.decide(value, facts) is False for value, facts in values), one
        for part in one.parts:
            holds_emptiness(part)


def holds_contradictory(policy: Policy, rule: Rule, finding: Finding) -> None:
    """Two rules of the same scope, or conditions of one rule that exclude each other."""
    if "exactly what" not in finding.message:
        assert not any(check(rule, arguments, facts) is True for arguments in CALLS for facts in PEOPLE)
        return
    twin = next(one for one in policy.rules if f"`{one.id}` (line" in finding.message)
    weak, strong = sorted((rule, twin), key=lambda one: one.strictness)
    for name, arguments, facts in product(NAMES, CALLS, PEOPLE):
        if matched(weak, name, arguments, facts):
            assert matched(strong, name, arguments, facts), (name, arguments, facts)


LETTERS: Final = "ab."
WORDS: Final = tuple(
    word
    for length in range(3, 7)
    for word in map("".join, product(LETTERS, repeat=length))
    if word.partition(".")[0] and word.partition(".")[2]
)
TOOLS: Final = tuple("".join(word) for size in range(1, 6) for word in product(LETTERS, repeat=size))
pattern: Final = st.one_of(
    st.tuples(st.text("ab*", min_size=1, max_size=3), st.text("ab*.", min_size=1, max_size=4)).map(".".join),
    st.text("ab*.", max_size=4).map("*{}".format),
).filter(lambda one: tool_pattern_problem(one) is None)


@settings(max_examples=300, deadline=None)
@given(pattern, st.lists(pattern, min_size=1, max_size=3))
def test_whether_globs_cover_a_glob_is_decided_exactly(inner: str, outer: list[str]) -> None:
    globs, one = [Glob(each) for each in outer], Glob(inner)
    if covers_tools(globs, one):
        assert all(any(glob.matches(word) for glob in globs) for word in WORDS if one.matches(word))
    else:  # and here is a name that only the inner one matches
        missed = [word for word in stand_ins(inner) if not any(glob.matches(word) for glob in globs)]
        assert missed
        assert one.matches(missed[0])


@settings(max_examples=200, deadline=None)
@given(pattern, st.sampled_from(["a", "b", "ab"]))
def test_whether_a_glob_reaches_a_server_is_decided_exactly(glob: str, label: str) -> None:
    bare = glob.replace("*", "")
    tools = [*TOOLS, *(bare[at:] for at in range(len(bare)))]
    named = any(Glob(glob).matches(f"{label}.{tool}") for tool in tools)
    assert reaches(glob, label) is named
