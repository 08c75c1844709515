"""What `/tools` says the policy could do: never less, and never more, than what it does."""

from __future__ import annotations

import json
from itertools import product

import pytest

from mcpbridge.cli.chat.outlook import outlook, spoken
from mcpbridge.core.action import Action
from mcpbridge.core.ruling import Effect
from mcpbridge.policy import Facts, Policy, load_policy, rule

RULES = {
    "allow": "{id: a, effect: allow, tools: ['t.f']}",
    "allow_if": "{id: b, effect: allow, tools: ['t.*'], when: {x: {eq: 1}}}",
    "ask": "{id: c, effect: ask, tools: ['t.f']}",
    "ask_if": "{id: d, effect: ask, tools: ['t.f'], when: {x: {eq: 2}}}",
    "deny_if": "{id: e, effect: deny, tools: ['*.f'], when: {x: {eq: 3}}}",
    "deny_other": "{id: f, effect: deny, tools: ['t.g']}",
    "ask_who": "{id: g, effect: ask, tools: ['t.f'], who: {principals: [ada]}}",
    "allow_who": "{id: h, effect: allow, tools: ['t.f'], who: {principals: [ada]}}",
}
ARGUMENTS = [{}, {"x": 1}, {"x": 2}, {"x": 3}, {"x": 4}]


def policy(default: str, unknown: str, *names: str) -> Policy:
    rules = "\n".join(f"  - {RULES[name]}" for name in names)
    text = f"version: 1\ndefaults: {{decision: {default}, unknown_tool: {unknown}}}\nrules:\n{rules}\n"
    return load_policy(text, file="p.yaml")


def ruled(policies: list[Policy], facts: Facts) -> tuple[Effect, ...]:
    """Every effect that some arguments really meet."""
    found = {
        rule(
            Action(
                request_id="r",
                server_label="t",
                tool="f",
                via="hosted",
                arguments=arguments,
                raw_arguments=json.dumps(arguments),
            ),
            policies,
            facts,
        ).effect
        for arguments in ARGUMENTS
    }
    return tuple(effect for effect in Effect if effect in found)


@pytest.mark.parametrize("default", ["ask", "deny"])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("principal", ["ada", "bob", ""])
def test_it_names_exactly_the_effects_that_some_arguments_meet(
    default: str, known: bool, principal: str
) -> None:
    facts = Facts(principal=principal, known_tool=known)
    sets = [
        ["deny_other"], ["allow", "deny_other"], ["ask"], ["allow_if", "ask_if", "deny_if"],
        ["allow", "ask_if", "deny_if"], ["ask_who", "allow"], ["allow_who", "deny_if"],
    ]  # fmt: skip
    for names, unknown in product(sets, ("ask", "deny")):
        one = policy(default, unknown, *names)
        expected = ruled([one], facts)
        said = outlook("t.f", [one], facts)
        # An undecided condition (no `x` at all) matches deny and ask rules: seen by ARGUMENTS[0].
        assert set(expected) <= set(said), (names, unknown)
        assert said == expected or "ask_if" in names or "deny_if" in names, (names, unknown)


def test_of_several_policies_the_strictest_counts() -> None:
    facts = Facts(principal="ada")
    both = [policy("deny", "deny", "allow"), policy("deny", "deny", "ask", "deny_if")]
    assert spoken(outlook("t.f", both, facts)) == "ask or deny, by its arguments"
    assert spoken(outlook("t.g", both, facts)) == "deny"
