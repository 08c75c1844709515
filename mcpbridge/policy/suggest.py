"""A rule for what a person keeps allowing, as a diff to take away. Nothing here changes a policy.

The rule is as narrow as the calls were: the same values, one of those seen, or values the user wrote. It is
offered only when it was tried: the file with it loads (all examples hold), and it allows exactly those calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, Final, cast

from mcpbridge.core.action import Action
from mcpbridge.core.ruling import Effect, Ruling
from mcpbridge.errors import ConfigurationError
from mcpbridge.policy.load import load_policy
from mcpbridge.policy.model import Facts, Policy

LIKE: Final = 3
"""So many answers make a habit."""
_MAX_VALUES: Final = 5
_MAX_TEXT: Final = 200
"""A longer text is no value to compare with: the next one will be another."""
_RULES: Final = re.compile(r"rules:[ ]*(\[[ ]*\])?[ ]*(#.*)?")
_ITEM: Final = re.compile(r"([ ]*)- ")

Rules = Callable[[Action, Sequence[Policy]], Ruling]
"""How a call is ruled under given policies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A rule for somebody to review and add."""

    rule_id: str
    file: str
    """The policy it is for."""
    diff: str


class _NoRule(Exception):
    """These calls have nothing in common that a rule could say."""


def suggest(
    calls: Sequence[Action], policies: Sequence[Policy], user_texts: tuple[str, ...], rules: Rules
) -> Suggestion | None:
    """A rule that allows calls like these, which a person allowed; None where there is no narrow one."""
    asking = [policy for policy in policies if rules(calls[-1], [policy]).effect is Effect.ASK]
    if len(calls) < LIKE or len(asking) != 1 or any(call.arguments is None for call in calls):
        return None
    policy = asking[0]
    rule_id = _fresh_id(calls[0].name, policy)
    try:
        lines = _rule(rule_id, calls, user_texts)
        text = _inserted(policy.text, lines)
        changed = load_policy(text, file=policy.file)
    except (_NoRule, ConfigurationError):
        return None
    others = [changed if one is policy else one for one in policies]
    if [rule.id for rule in changed.rules] != [*(rule.id for rule in policy.rules), rule_id]:
        return None
    if any(rules(call, others).effect is not Effect.ALLOW for call in calls):
        return None  # another rule asks or denies, and would still
    diff = unified_diff(
        policy.text.splitlines(keepends=True), text.splitlines(keepends=True), policy.file, policy.file
    )
    return Suggestion(rule_id=rule_id, file=policy.file, diff="".join(diff))


def _fresh_id(name: str, policy: Policy) -> str:
    taken = {rule.id for rule in policy.rules}
    base = "allow-" + re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
    return next(one for one in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if one not in taken)


def _rule(rule_id: str, calls: Sequence[Action], user_texts: tuple[str, ...]) -> list[str]:
    """The rule's lines, as an item of `rules:`."""
    seen = [dict(_leaves(call.arguments or {}, "")) for call in calls]
    names = dict.fromkeys(name for one in seen for name in one)
    lines = [f"- id: {rule_id}", "  effect: allow", f"  tools: [{json.dumps(calls[0].name)}]"]
    when: list[str] = []
    for name in names:
        values = [one[name] for one in seen if name in one]
        optional = "?" if len(values) < len(seen) else ""
        when.append(f"    {json.dumps(name + optional)}: {_condition(values, user_texts)}")
    if when:
        lines += ["  when:", *when]
    else:
        lines.append("  args_schema: {type: object, maxProperties: 0}")
    return lines


def _leaves(arguments: Mapping[str, Any], at: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in arguments.items():
        if not name or "." in name or name.endswith("?"):
            raise _NoRule
        if isinstance(value, Mapping) and value:
            found += _leaves(cast("Mapping[str, Any]", value), f"{at}{name}.")
        else:
            found.append((f"{at}{name}", cast("Any", value)))
    return found


def _condition(values: Sequence[Any], user_texts: tuple[str, ...]) -> str:
    if all(isinstance(value, list) for value in values):
        return _of_lists(cast("Sequence[list[Any]]", values), user_texts)
    distinct = _distinct(values)
    if len(distinct) == 1:
        return f"{{eq: {_text(distinct[0])}}}"
    if _said(distinct, user_texts):
        return "{grounded: user_text}"
    if len(distinct) > _MAX_VALUES:
        raise _NoRule
    return f"{{in: [{', '.join(map(_text, distinct))}]}}"


def _of_lists(values: Sequence[list[Any]], user_texts: tuple[str, ...]) -> str:
    items = [item for value in values for item in value]
    if not items:
        return "{max_items: 0}"
    most, fewest = max(map(len, values)), min(map(len, values))
    return f"{{min_items: {fewest}, max_items: {most}, each: {_condition(items, user_texts)}}}"


def _distinct(values: Sequence[Any]) -> list[Any]:
    found = {json.dumps(value, sort_keys=True): value for value in values if _is_scalar(value)}
    if len(found) == 0 or not all(map(_is_scalar, values)):
        raise _NoRule
    return list(found.values())


def _is_scalar(value: object) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _MAX_TEXT)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _said(values: Sequence[Any], user_texts: tuple[str, ...]) -> bool:
    """Whether the user wrote each of these texts."""
    if not user_texts or not all(isinstance(value, str) for value in values):
        return False
    from mcpbridge.policy.matchers import MATCHERS  # few get here

    grounded = MATCHERS["grounded"]("user_text")
    facts = Facts(principal="", user_texts=user_texts)
    return all(grounded.decide(value, facts) is True for value in values)


def _inserted(text: str, rule: Sequence[str]) -> str:
    """The file with the rule at the end of `rules:`."""
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if _RULES.fullmatch(line.rstrip())), None)
    if start is None:
        raise _NoRule  # written in another way; whoever keeps it knows how
    end = start + 1
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line.strip() and not line.startswith((" ", "#", "- ")):
            break
        if line.strip():
            end = number + 1
    items = [found for line in lines[start + 1 : end] if (found := _ITEM.match(line))]
    indent = items[0][1] if items else "  "
    lines[start] = lines[start].replace("[]", "").rstrip() if not items else lines[start]
    return "\n".join([*lines[:end], *(f"{indent}{line}" for line in rule), *lines[end:]])
