"""What the policies could say about a tool before anybody knows its arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from mcpbridge.core.ruling import Effect
from mcpbridge.policy import Facts, Policy
from mcpbridge.policy.model import STRICTNESS, Rule

_ORDER = sorted(Effect, key=STRICTNESS.__getitem__)


def outlook(name: str, policies: Sequence[Policy], facts: Facts) -> tuple[Effect, ...]:
    """Every effect that a call of `label.tool` can meet, from allow to deny; one where its arguments do not
    matter. `facts` say for whom, and whether the tool is known."""
    found = {_strictest(one) for one in product(*(_alone(name, policy, facts) for policy in policies))}
    return tuple(effect for effect in _ORDER if effect in found)


def spoken(effects: Sequence[Effect]) -> str:
    """Such as `allow`, or `allow or ask, by its arguments`."""
    if len(effects) == 1:
        return str(effects[0])
    return f"{' or '.join(effects)}, by its arguments"


def _alone(name: str, policy: Policy, facts: Facts) -> set[Effect]:
    rules = [rule for rule in policy.plan(name).rules if _concerns(rule, facts)]
    always = [rule.effect for rule in rules if not rule.tests]
    sometimes = {rule.effect for rule in rules if rule.tests}
    if always:
        least = _strictest(always)
        possible = {least, *(one for one in sometimes if STRICTNESS[one] > STRICTNESS[least])}
    else:
        possible = {policy.defaults.decision, *sometimes}
    if facts.known_tool:
        return possible
    return {_strictest((one, policy.defaults.unknown_tool)) for one in possible}


def _concerns(rule: Rule, facts: Facts) -> bool:
    """Where it is not known whether somebody is meant, deny and ask rules hold and allow rules do not."""
    covered = True if rule.who is None else rule.who.covers(facts)
    return covered is True or (covered is None and rule.effect is not Effect.ALLOW)


def _strictest(effects: Iterable[Effect]) -> Effect:
    return max(effects, key=STRICTNESS.__getitem__)
