"""Why one call is ruled as it is: every rule that names the tool, every predicate with what it saw.

Pure data, for text and JSON alike. How a value is shown (masked, shortened) is the caller's: a value
leaves this module only through `show`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from mcpbridge.core.action import Action
from mcpbridge.core.ruling import Effect, Outcome, Ruling
from mcpbridge.policy.annotations import claimed
from mcpbridge.policy.changed import enforcing_or_all
from mcpbridge.policy.conditions import only_named
from mcpbridge.policy.decide import check, rule
from mcpbridge.policy.doubled import DOUBTFUL, without_doubled
from mcpbridge.policy.model import (
    MISSING,
    NOT_AN_OBJECT,
    Arguments,
    Facts,
    Matcher,
    Named,
    Policy,
    Rule,
    Truth,
    descend,
)

Show = Callable[[tuple[str, ...], object], str]
"""A value for people, given the names that lead to it (the last may name a secret)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """One thing that a rule asks, and the answer."""

    text: str
    saw: str
    truth: Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleWord:
    """What one rule makes of the call."""

    id: str
    effect: Effect
    line: int
    matched: bool
    undecided: bool
    """It matched since something could not be evaluated."""
    predicates: tuple[Predicate, ...]
    not_named: tuple[str, ...] = ()
    """Arguments that an allow rule does not name, and therefore does not let pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWord:
    """What one policy says."""

    name: str
    file: str
    effect: Effect
    outcome: Outcome | None
    reason: str
    deciding: tuple[str, ...]
    """Ids of the rules that carry the decision; empty where the default does."""
    default: Effect
    rules: tuple[RuleWord, ...]
    shadow: bool
    """What it says is only recorded."""
    others: tuple[str, ...]
    """Ids of the rules that do not name the tool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The whole story of one call."""

    tool: str
    arguments: tuple[tuple[str, str], ...]
    malformed: str | None
    known_tool: bool
    effect: Effect
    outcome: Outcome | None
    """None where a person is asked."""
    reason: str
    policies: tuple[PolicyWord, ...]


def explain(action: Action, policies: Sequence[Policy], facts: Facts, show: Show) -> Explanation:
    """What the policies say about a call, and why. Raises nothing. Policies in shadow say what they would
    say where there are no others."""
    ruling = rule(action, enforcing_or_all(policies), facts)
    arguments = action.arguments or {}
    return Explanation(
        tool=action.name,
        arguments=tuple((str(name), show((str(name),), value)) for name, value in arguments.items()),
        malformed=action.malformed,
        known_tool=facts.known_tool,
        effect=ruling.effect,
        outcome=ruling.outcome,
        reason=ruling.reason,
        policies=tuple(_policy(action, policy, facts, show) for policy in policies),
    )


def _policy(action: Action, policy: Policy, facts: Facts, show: Show) -> PolicyWord:
    ruling: Ruling = rule(action, [policy], facts)
    named = policy.plan(action.name).rules
    usable = action.malformed is None and isinstance(action.arguments, Mapping)
    return PolicyWord(
        name=policy.name,
        file=policy.file,
        effect=ruling.effect,
        outcome=ruling.outcome,
        reason=ruling.reason,
        deciding=ruling.rule_ids if ruling.outcome is not Outcome.UNKNOWN_TOOL else (),
        default=policy.defaults.decision,
        shadow=policy.shadow,
        rules=tuple(_rule(one, action.arguments or {}, facts, show) for one in named) if usable else (),
        others=tuple(one.id for one in policy.rules if one not in named),
    )


def _rule(one: Rule, given: Arguments, facts: Facts, show: Show) -> RuleWord:
    arguments = without_doubled(given)
    truth = check(one, arguments, facts)
    closed = one.named is not None and not only_named(arguments, one.named)
    return RuleWord(
        id=one.id,
        effect=one.effect,
        line=one.line,
        matched=truth is not False,
        undecided=truth is None,
        predicates=tuple(_predicates(one, arguments, facts, _of_doubled(given, show))),
        not_named=tuple(_not_named(arguments, one.named or {})) if closed else (),
    )


def _predicates(one: Rule, arguments: Arguments, facts: Facts, show: Show) -> Iterator[Predicate]:
    if one.who is not None:
        yield Predicate(text=one.who.text, saw=_person(facts), truth=one.who.covers(facts))
    for condition in one.when:
        saw = _saw(arguments, condition.path, show)
        for text, truth in zip(condition.texts, condition.truths(arguments, facts), strict=True):
            yield Predicate(text=text, saw=saw, truth=truth)
    for matcher in one.whole:
        yield Predicate(text=matcher.text, saw=_whole(matcher, facts), truth=matcher.decide(arguments, facts))


def _of_doubled(given: Arguments, show: Show) -> Show:
    """A value whose name has a double is shown as it was given, with what is wrong with it."""

    def shown(path: tuple[str, ...], value: object) -> str:
        again = " (twice, in other case)" if value is DOUBTFUL else ""
        return show(path, descend(given, path)) + again

    return shown


def _person(facts: Facts) -> str:
    groups = f" (groups: {', '.join(sorted(facts.groups))})" if facts.groups else ""
    return f"{facts.principal or 'nobody said who it is'}{groups}"


def _saw(arguments: Arguments, path: tuple[str, ...], show: Show) -> str:
    value = descend(arguments, path)
    if value is MISSING:
        return "not given"
    return "nothing that has fields" if value is NOT_AN_OBJECT else show(path, value)


def _whole(matcher: Matcher, facts: Facts) -> str:
    if matcher.name == "args_schema":
        return "all arguments"
    claim = claimed(matcher.name, facts)
    return "nothing that is believed" if claim is None else str(claim).lower()


def _not_named(arguments: Arguments, named: Named, above: str = "") -> Iterator[str]:
    """Dotted names of what the rule does not name."""
    for key, value in arguments.items():
        if key not in named:
            yield f"{above}{key}"
        elif (below := named[key]) is not None:
            if isinstance(value, Mapping):
                yield from _not_named(cast("Arguments", value), below, f"{above}{key}.")
            else:
                yield f"{above}{key}"
