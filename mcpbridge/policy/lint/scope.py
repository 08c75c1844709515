"""Which calls a rule is about, compared with those of other rules: the heart of *shadowed*.

"Covered" is proven: every call that the rule matches is matched by a stricter one. Where it cannot be
proven, nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Final

from mcpbridge.policy.lint.globs import Coverage, covers_name, stand_ins
from mcpbridge.policy.lint.implied import NOBODY, holds, never_false, witnesses_of
from mcpbridge.policy.lint.samples import comparing, samples
from mcpbridge.policy.model import MISSING, Condition, Matcher, Named, Rule, Who

_MOST: Final = 3_000
"""Combinations of sample values that are tried; with more, nothing is said."""

Path = tuple[str, ...]


def stricter(rules: Sequence[Rule]) -> dict[int, Coverage]:
    """For each strictness, the patterns of the rules above it, by the rule's place."""
    return {
        level: Coverage(
            (glob.pattern, place)
            for place, one in enumerate(rules)
            if one.strictness > level
            for glob in one.tools
        )
        for level in {one.strictness for one in rules}
        if any(one.strictness > level for one in rules)
    }


def covered_by(rule: Rule, rules: Sequence[Rule], coverage: Coverage) -> tuple[int, ...]:
    """Places of the rules that together match every call that `rule` matches; empty where that is not
    proven. For each of its patterns as few as possible."""
    subject = _subject(rule)
    found: dict[int, None] = {}
    proven: dict[frozenset[int], tuple[int, ...]] = {}
    for glob in rule.tools:
        for word in stand_ins(glob.pattern):
            owners = coverage.owners(word)
            if owners not in proven:
                proven[owners] = _enough(subject, [(place, rules[place]) for place in sorted(owners)])
            if not proven[owners]:
                return ()
            found |= dict.fromkeys(proven[owners])
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """The rule that may be covered."""

    rule: Rule
    held: bool
    """Whether its conditions must be true (allow), or only not false."""
    conditions: Mapping[Path, Condition]
    witnesses: Mapping[Path, Sequence[object]]


def _subject(rule: Rule) -> _Subject:
    held = rule.strictness == 0
    return _Subject(
        rule=rule,
        held=held,
        conditions={one.path: one for one in rule.when},
        witnesses={one.path: witnesses_of(one.matchers, held=held) for one in rule.when},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rest:
    """What a stricter rule asks beyond what follows from the rule that it may cover."""

    place: int
    asks: tuple[tuple[Path, Matcher], ...]


def _enough(subject: _Subject, above: Sequence[tuple[int, Rule]]) -> tuple[int, ...]:
    rests: list[_Rest] = []
    for place, one in above:
        rest = _rest(subject, one)
        if rest == ():
            return (place,)
        if rest is not None and all(comparing(matcher) for _, matcher in rest):
            rests.append(_Rest(place=place, asks=rest))
    return tuple(rest.place for rest in rests) if rests and _exhaust(subject, rests) else ()


def _rest(subject: _Subject, above: Rule) -> tuple[tuple[Path, Matcher], ...] | None:
    """What `above` asks that may be false where the rule matches; None where that cannot be looked at."""
    rule = subject.rule
    if not _who(rule.who, above.who) or not _whole(rule, above):
        return None
    return tuple(
        (one.path, matcher)
        for one in above.when
        if not _absent(rule.named, one.path)
        for matcher in one.matchers
        if not _follows(subject, one.path, matcher)
    )


def _follows(subject: _Subject, path: Path, wanted: Matcher) -> bool:
    condition = subject.conditions.get(path)
    given = condition.matchers if condition else ()
    return never_false(given, wanted, held=subject.held, witnesses=subject.witnesses.get(path, ()))


def _who(inner: Who | None, outer: Who | None) -> bool:
    """Whether `outer` is never false where `inner` is not."""
    if outer is None or any(not glob.pattern.strip("*") for glob in outer.principals):
        return True
    return inner is not None and all(
        any(covers_name(wide, narrow) for wide in wides)
        for narrows, wides in ((inner.principals, outer.principals), (inner.groups, outer.groups))
        for narrow in narrows
    )


def _whole(rule: Rule, above: Rule) -> bool:
    """Schemas and annotations are compared as they are written."""
    told = [repr((one.name, one.operand)) for one in rule.whole]
    return all(repr((one.name, one.operand)) in told for one in above.whole)


def _absent(named: Named | None, path: Path) -> bool:
    """Whether an allow rule matches only calls without this field, since it does not name it. Then a
    condition on the field is undecided, and a stricter rule matches."""
    tree: Mapping[str, Named | None] | None = named
    for name in path:
        if tree is None:
            return False
        if name not in tree:
            return True
        tree = tree[name]
    return False


def _exhaust(subject: _Subject, rests: Sequence[_Rest]) -> bool:
    """Whether for all values of the fields in question one of the stricter rules matches. Values that only
    the rule itself tells apart come first: they nearly always show that it is not covered."""
    fields = sorted({path for rest in rests for path, _ in rest.asks})
    if any(a != b and a == b[: len(a)] for a in fields for b in fields):
        return False  # a field and one inside it do not vary by themselves
    few = [_choices(subject, path, ()) for path in fields]
    if prod(map(len, few)) > _MOST or not _all_matched(fields, few, rests):
        return False
    asked = [[one for rest in rests for where, one in rest.asks if where == path] for path in fields]
    every = [_choices(subject, path, matchers) for path, matchers in zip(fields, asked, strict=True)]
    return prod(map(len, every)) <= _MOST and _all_matched(fields, every, rests)


def _all_matched(fields: Sequence[Path], choices: Sequence[Sequence[object]], rests: Sequence[_Rest]) -> bool:
    return all(
        any(_matches(rest, dict(zip(fields, values, strict=True))) for rest in rests)
        for values in product(*choices)
    )


def _matches(rest: _Rest, values: Mapping[Path, object]) -> bool:
    return all(matcher.decide(values[path], NOBODY) is not False for path, matcher in rest.asks)


def _choices(subject: _Subject, path: Path, asked: Sequence[Matcher]) -> list[object]:
    """Values that stand for all that this field can have in a call that the rule matches."""
    condition = subject.conditions.get(path)
    if condition is None:
        return samples(asked)
    told = [one for one in condition.matchers if comparing(one)]
    missing = condition.optional or not subject.held
    return [
        value
        for value in samples([*told, *asked])
        if (missing if value is MISSING else holds(told, value, held=subject.held))
    ]
