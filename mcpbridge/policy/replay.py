"""A past call under other policies, with as much of it as a log has kept. Never guesses.

What is not known (masked or missing arguments, what the user wrote, annotations) can make a condition
true, false or undecided. All decisions that are then possible are worked out; where they are one, that is
the answer, and otherwise there is none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from mcpbridge.core.ruling import Effect
from mcpbridge.policy.conditions import only_named
from mcpbridge.policy.doubled import without_doubled
from mcpbridge.policy.model import (
    MISSING,
    STRICTNESS,
    Condition,
    Facts,
    Matcher,
    Named,
    Policy,
    Rule,
    Truth,
    Who,
    descend,
)


class _Hidden:
    """A value that the log does not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "HIDDEN"


HIDDEN: Final = _Hidden()

_TEXTS: Final = frozenset({"grounded", "no_new_links"})
_CERTAIN: Final[Mapping[Truth, frozenset[Truth]]] = {
    True: frozenset({True}),
    False: frozenset({False}),
    None: frozenset({None}),
}
_ANY: Final[frozenset[Truth]] = frozenset({True, False, None})


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """What a log knows of one call."""

    name: str
    """`label.tool`"""
    arguments: Mapping[str, object] | None
    """With HIDDEN where something is masked; None where none of it is recorded."""
    principal: str
    groups: frozenset[str] | None
    """None where nobody knows them."""
    known_tool: bool | None
    """None where the log does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What the policies would say now. `effect` is None where that depends on what is not known."""

    effect: Effect | None
    possible: tuple[Effect, ...]
    rule_ids: tuple[str, ...]
    """Of the rules that certainly match and carry the effect."""
    unknown: tuple[str, ...]
    """What would have to be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    """Whether a rule matches, as far as that is certain."""

    rule: Rule
    can: bool
    must: bool
    unknown: frozenset[str]


def replay(call: PastCall, policies: Sequence[Policy]) -> Replayed:
    """Every decision that the policies could come to."""
    if not policies:
        return Replayed(effect=Effect.DENY, possible=(Effect.DENY,), rule_ids=(), unknown=())
    if call.arguments is not None:
        call = dataclasses.replace(call, arguments=without_doubled(call.arguments))
    found = [_matches(call, policy) for policy in policies]
    possible = {Effect.ALLOW}
    for policy, matches in zip(policies, found, strict=True):
        mine = _with_unknown_tool(_effects(policy, matches), call, policy)
        possible = {max(a, b, key=STRICTNESS.__getitem__) for a in possible for b in mine}
    ordered = tuple(sorted(possible, key=STRICTNESS.__getitem__))
    effect = ordered[0] if len(ordered) == 1 else None
    every = [match for matches in found for match in matches]
    unknown = {reason for match in every if match.can and not match.must for reason in match.unknown}
    if call.known_tool is None:
        unknown.add("whether the tool was known")
    return Replayed(
        effect=effect,
        possible=ordered,
        rule_ids=tuple(one.rule.id for one in every if one.must and one.rule.effect is effect),
        unknown=() if effect is not None else tuple(sorted(unknown)),
    )


def _effects(policy: Policy, matches: Sequence[_Match]) -> set[Effect]:
    """What one policy can say: the strictest of the certain matches, or of those and some that may be."""
    certain = [one.rule.effect for one in matches if one.must]
    base = max(certain, key=STRICTNESS.__getitem__, default=None)
    maybe = {one.rule.effect for one in matches if one.can and not one.must}
    if base is None:
        return {policy.defaults.decision, *maybe}
    return {base, *(one for one in maybe if STRICTNESS[one] > STRICTNESS[base])}


def _with_unknown_tool(effects: set[Effect], call: PastCall, policy: Policy) -> set[Effect]:
    if call.known_tool is True:
        return effects
    strict = {max(one, policy.defaults.unknown_tool, key=STRICTNESS.__getitem__) for one in effects}
    return strict if call.known_tool is False else effects | strict


def _matches(call: PastCall, policy: Policy) -> list[_Match]:
    return [_match(call, one) for one in policy.plan(call.name).rules]


def _match(call: PastCall, one: Rule) -> _Match:
    asked = [*_who(call, one.who), *_when(call, one), *_whole(call, one)]
    allows = one.strictness == 0
    truths = [truths for truths, _ in asked]
    can = all(True in each or (not allows and None in each) for each in truths)
    must = all(each <= ({True} if allows else {True, None}) for each in truths)
    closed = _closed(call, one) if can and one.named is not None else True
    unknown = {why for _, why in asked if why}
    if closed is None:
        unknown.add(_ARGUMENTS)
    return _Match(
        rule=one, can=can and closed is not False, must=must and closed is True, unknown=frozenset(unknown)
    )


_ARGUMENTS: Final = "the arguments"
_Asked = tuple[frozenset[Truth], str]
"""The truths that are possible, and what would have to be known."""


def _who(call: PastCall, who: Who | None) -> Iterator[_Asked]:
    if who is None:
        return
    truth = who.covers(Facts(principal=call.principal, groups=call.groups or frozenset()))
    if truth is True or call.groups is not None or not who.groups:
        yield _CERTAIN[truth], ""
    else:
        yield _CERTAIN[truth] | {True}, "the groups of the principal"


def _when(call: PastCall, one: Rule) -> Iterator[_Asked]:
    for condition in one.when:
        value = HIDDEN if call.arguments is None else _value(call.arguments, condition)
        for matcher in condition.matchers:
            yield _asked(condition, matcher, value, recorded=call.arguments is not None)


def _value(arguments: Mapping[str, object], condition: Condition) -> object:
    """The value, or HIDDEN where it, something in it or something above it is not shown."""
    for end in range(1, len(condition.path)):
        if descend(arguments, condition.path[:end]) is HIDDEN:
            return HIDDEN
    value = descend(arguments, condition.path)
    return HIDDEN if hides(value) else value


def _asked(condition: Condition, matcher: Matcher, value: object, *, recorded: bool) -> _Asked:
    if value is HIDDEN:
        return _ANY, f"the argument `{condition.field}`" if recorded else _ARGUMENTS
    if value is MISSING:
        return _CERTAIN[True if condition.optional else None], ""
    truth = matcher.decide(value, _NOBODY)
    needed = {leaf.name for leaf in _leaves(matcher)} & _TEXTS
    if needed and not (matcher.name == "no_new_links" and truth is not None):
        return _ANY, "what the user wrote"
    return _CERTAIN[truth], ""


_NOBODY: Final = Facts(principal="")


def _leaves(matcher: Matcher) -> Iterator[Matcher]:
    if not matcher.parts:
        yield matcher
    for group in matcher.parts:
        for part in group:
            yield from _leaves(part)


def _whole(call: PastCall, one: Rule) -> Iterator[_Asked]:
    for _ in one.annotations:
        yield _ANY, "what the tool's annotations were worth"
    if one.args_schema is not None:
        if call.arguments is None or hides(call.arguments):
            yield _ANY, _ARGUMENTS
        else:
            yield _CERTAIN[one.args_schema.decide(call.arguments, _NOBODY)], ""


def _closed(call: PastCall, one: Rule) -> Truth:
    """Whether the call has only arguments that the rule names; None where that is not known."""
    if call.arguments is None:
        return None
    named = one.named or {}
    shown = {key: value for key, value in call.arguments.items() if not _unclear(value, named.get(key, {}))}
    if not only_named(shown, named):
        return False
    return True if len(shown) == len(call.arguments) else None


def _unclear(value: object, named: Named | None) -> bool:
    """Whether a hidden part of the value could hold a name that the rule does not name."""
    return bool(named) and hides(value)


def hides(value: object) -> bool:
    """Whether something in the value is HIDDEN."""
    if isinstance(value, Mapping):
        return any(map(hides, cast("Mapping[str, object]", value).values()))
    if isinstance(value, list | tuple):
        return any(map(hides, cast("Sequence[object]", value)))
    return value is HIDDEN
