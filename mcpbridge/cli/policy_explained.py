"""An explanation as text: under a screen of 80 by 24 for an ordinary policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from mcpbridge.cli.policy_text import WIDTH, many, short, wrapped
from mcpbridge.core.question import visible
from mcpbridge.policy.explain import Explanation, PolicyWord, Predicate, RuleWord

_SCREEN: Final = 23
"""Lines; one more is the prompt's."""
_TRUTH: Final = {True: "yes", False: "no", None: "?"}
_ASKED: Final = 46
"""Columns for what a predicate asks, at most; the value it saw has the rest."""

Clean = Callable[[str], str]


def lines(explanation: Explanation, clean: Clean, *, everything: bool = False) -> list[str]:
    """All of it where that fits on a screen (or `everything`), else rules that do not match get one line
    each."""
    full = list(_all(explanation, clean, brief=False, everything=everything))
    if everything or len(full) <= _SCREEN:
        return full
    return list(_all(explanation, clean, brief=True, everything=False))


def _all(explanation: Explanation, clean: Clean, *, brief: bool, everything: bool) -> Iterator[str]:
    yield short(f"{visible(explanation.tool)}: {_outcome(explanation)}", WIDTH)
    yield from wrapped(clean(explanation.reason), "  ", "  ")
    if explanation.malformed is None and not everything:
        yield from _arguments(explanation, brief=brief)
    for policy in explanation.policies:
        yield from _policy(policy, brief=brief, everything=everything)


def _outcome(explanation: Explanation) -> str:
    if explanation.outcome is None:
        return "ASK, a person decides"
    return f"{explanation.effect.value.upper()} ({explanation.outcome.value})"


def _arguments(explanation: Explanation, *, brief: bool) -> Iterator[str]:
    """Those that no predicate shows anyway, in one line."""
    seen = {
        predicate.text.partition(" ")[0].partition(".")[0]
        for policy in explanation.policies
        for rule in policy.rules
        for predicate in rule.predicates
        if not brief or rule.matched
    }
    rest = [f"{visible(name)}={value}" for name, value in explanation.arguments if name not in seen]
    if rest:
        label = "other arguments" if len(rest) < len(explanation.arguments) else "arguments"
        yield short(f"  {label}: {', '.join(rest)}", WIDTH)


def _policy(policy: PolicyWord, *, brief: bool, everything: bool) -> Iterator[str]:
    by = f"by {', '.join(policy.deciding)}" if policy.deciding else _by_default(policy)
    shadow = " (in shadow: only recorded)" * policy.shadow
    yield short(f"{policy.file}: {policy.effect.value} {by}{shadow}", WIDTH)
    ordered = sorted(policy.rules, key=lambda one: not one.matched)
    for rule in ordered:
        yield from _brief(rule) if brief and not rule.matched else _rule(rule)
    count = len(policy.others)
    if everything and count:
        yield from wrapped(f"rules that do not name the tool: {', '.join(policy.others)}", "  ", "    ")
    elif count:
        yield f"  {many(count, 'rule')} not about this tool; where no rule matches: {policy.default.value}"
    else:
        yield f"  where no rule matches: {policy.default.value}"


def _by_default(policy: PolicyWord) -> str:
    if policy.outcome is not None and policy.outcome.value in ("unknown_tool", "malformed"):
        return f"since the call is {policy.outcome.value.replace('_', ' ')}"
    return "by default, as no rule matches"


def _rule(rule: RuleWord) -> Iterator[str]:
    yield short(f"  {_head(rule)}", WIDTH)
    width = min(max((len(one.text) for one in rule.predicates), default=0), _ASKED)
    yield from (_predicate(one, width) for one in rule.predicates)
    if rule.not_named:
        names = ", ".join(map(visible, rule.not_named))
        yield short(f"       no   other arguments are refused: {names}", WIDTH)


def _head(rule: RuleWord) -> str:
    says = "matches" if rule.matched else "does not match"
    doubt = ", as something is undecided" if rule.undecided else ""
    return f"{rule.effect.value:<6}{rule.id} (line {rule.line}) {says}{doubt}"


def _predicate(one: Predicate, width: int) -> str:
    left = f"       {_TRUTH[one.truth]:<4} {short(one.text, width):<{width}}  "
    return short(f"{left}{one.saw}", WIDTH)


def _brief(rule: RuleWord) -> Iterator[str]:
    failed = [one for one in rule.predicates if one.truth is not True]
    if failed:
        first = failed[0]
        says = "is false" if first.truth is False else "cannot be decided"
        why = f"{first.text} {says}: {first.saw}"
    else:
        why = f"other arguments are refused: {', '.join(map(visible, rule.not_named))}"
    yield short(f"  {rule.effect.value:<6}{rule.id} (line {rule.line}) does not match: {why}", WIDTH)


def in_short(explanation: Explanation) -> list[str]:
    """One line for each rule that names the tool."""
    found: list[str] = []
    for policy in explanation.policies:
        by = f"by {', '.join(policy.deciding)}" if policy.deciding else _by_default(policy)
        found.append(f"{policy.file}: {policy.effect.value} {by}")
        for rule in policy.rules:
            found += [f"  {_head(rule)}"] if rule.matched else _brief(rule)
    return [short(line, WIDTH - 2) for line in found]
