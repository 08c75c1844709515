"""Rules against rules: shadowed, contradictory, duplicate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mcpbridge.core.ruling import Effect
from mcpbridge.policy.glob import Glob
from mcpbridge.policy.lint.finding import Finding
from mcpbridge.policy.lint.globs import Coverage, stand_ins
from mcpbridge.policy.lint.page import Page
from mcpbridge.policy.lint.scope import covered_by, stricter
from mcpbridge.policy.model import Rule, Who

_DOES: Final = {Effect.ALLOW: "allows", Effect.ASK: "asks about", Effect.DENY: "denies"}


def overlaps(page: Page, empty: frozenset[int]) -> Iterator[Finding]:
    """`empty`: places of rules that match nothing, which are told elsewhere."""
    same = _same_scope(page.rules)
    yield from _twins(page, same)
    said = {place for group in same for place in group}
    coverage = stricter(page.rules)
    for place, rule in enumerate(page.rules):
        yield from _repeated_patterns(page, place)
        above = coverage.get(rule.strictness)
        if above is not None and place not in said and place not in empty:
            yield from _shadowed(page, place, above)


def _shadowed(page: Page, place: int, above: Coverage) -> Iterator[Finding]:
    rule = page.rules[place]
    over = [page.rules[one] for one in covered_by(rule, page.rules, above)]
    if not over:
        return
    effect = max(over, key=lambda one: one.strictness).effect
    names = _and([f"`{one.id}` (line {one.line})" for one in over])
    whom = f"{names} {'matches' if len(over) == 1 else 'together match'} every call that it matches"
    yield page.find(
        "shadowed",
        place,
        (),
        f"the rule `{rule.id}` {_DOES[rule.effect]} nothing: {whom}, and {effect.value} wins",
        f"remove `{rule.id}`, or make {'that rule' if len(over) == 1 else 'those rules'} narrower "
        "(where its argument is missing, a stricter rule matches too)",
    )


def _same_scope(rules: Sequence[Rule]) -> list[list[int]]:
    """Places of rules that are about exactly the same calls, two or more each."""
    groups: dict[object, list[int]] = {}
    for place, rule in enumerate(rules):
        groups.setdefault(_scope(rule), []).append(place)
    return [group for group in groups.values() if len(group) > 1]


def _scope(rule: Rule) -> object:
    """Whom and what a rule is about, as it is written, but for the order."""
    when = sorted(
        (one.path, one.optional, sorted(repr((m.name, m.operand)) for m in one.matchers)) for one in rule.when
    )
    whole = sorted(repr((one.name, one.operand)) for one in rule.whole)
    return repr((sorted(glob.pattern for glob in rule.tools), _people(rule.who), when, whole))


def _people(who: Who | None) -> object:
    if who is None:
        return None
    return [sorted(glob.pattern for glob in globs) for globs in (who.principals, who.groups)]


def _twins(page: Page, same: Sequence[Sequence[int]]) -> Iterator[Finding]:
    for group in same:
        first = page.rules[group[0]]
        for place in group[1:]:
            yield _twin(page, place, first)


def _twin(page: Page, place: int, first: Rule) -> Finding:
    rule = page.rules[place]
    there = f"`{first.id}` (line {first.line})"
    if rule.effect is first.effect:
        return page.find(
            "duplicate",
            place,
            (),
            f"the rule `{rule.id}` says the same as {there}",
            f"remove one of them, or say what `{rule.id}` is about",
        )
    wins = max(rule, first, key=lambda one: one.strictness)
    return page.find(
        "contradictory",
        place,
        (),
        f"the rule `{rule.id}` {_DOES[rule.effect]} exactly what {there} {_DOES[first.effect]}; "
        f"{wins.effect.value} wins",
        "keep the one that is meant",
    )


def _repeated_patterns(page: Page, place: int) -> Iterator[Finding]:
    """A pattern of a rule that another one of the same rule covers."""
    tools = page.rules[place].tools
    if len(tools) < 2:
        return
    coverage = Coverage((glob.pattern, number) for number, glob in enumerate(tools))
    for number, glob in enumerate(tools):
        wide = _wider(tools, number, coverage)
        if wide is not None:
            yield page.find(
                "duplicate",
                place,
                page.tool(number),
                f"{glob.pattern} adds nothing: {wide.pattern}, in the same list, covers it",
                "remove one of the two",
            )


def _wider(tools: Sequence[Glob], number: int, coverage: Coverage) -> Glob | None:
    common = set(range(len(tools))) - {number}
    for word in stand_ins(tools[number].pattern):
        common &= coverage.owners(word)
    return tools[min(common)] if common else None


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
