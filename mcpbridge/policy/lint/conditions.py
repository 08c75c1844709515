"""The conditions of one rule: vacuous, contradictory, a pattern that every text matches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from mcpbridge.core.raw import mapping
from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.lint.emptiness import never_fails, never_holds
from mcpbridge.policy.lint.finding import Finding
from mcpbridge.policy.lint.page import Page
from mcpbridge.policy.lint.universal import matches_all
from mcpbridge.policy.matchers import MATCHERS, BadOperand
from mcpbridge.policy.model import Condition, Matcher, Rule

_KEYWORDS: Final[Mapping[str, str]] = {
    "minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt",
    "minLength": "min_len", "maxLength": "max_len", "minItems": "min_items", "maxItems": "max_items",
    "const": "eq", "enum": "in", "type": "type",
}  # fmt: skip
"""Keywords of JSON Schema that say what a matcher says."""


def conditions(page: Page, place: int) -> Iterator[Finding]:
    """What is found in `when` and `args_schema` of one rule."""
    rule = page.rules[place]
    for one in rule.when:
        at = page.when(one)
        if one.optional and rule.strictness > 0:
            yield _guard(page, place, at, one)
        if never_holds(one.matchers):
            yield _nothing(page, place, at, one)
            continue
        for matcher in one.matchers:
            yield from _inside(page, place, (*at, matcher.name), one.field, matcher)
    yield from _together(page, place, rule)
    if rule.args_schema is not None:
        yield from _patterns(page, place, ("args_schema",), rule.args_schema.operand)


def matches_nothing(rule: Rule) -> bool:
    """Whether no call can satisfy the conditions."""
    return any(never_holds(one.matchers) for one in rule.when)


def _guard(page: Page, place: int, at: Path, one: Condition) -> Finding:
    effect = page.rules[place].effect.value
    return page.find(
        "optional-guard",
        place,
        at,
        f"`{one.field}?` holds where `{one.field}` is missing, so calls without it meet this {effect} rule",
        f"bind `{one.field}?` in the rules that allow, or name only tools that always have it",
    )


def _nothing(page: Page, place: int, at: Path, one: Condition) -> Finding:
    names = " and ".join(f"`{matcher.text}`" for matcher in one.matchers)
    matters = (
        "the rule allows nothing"
        if page.rules[place].strictness == 0
        else "the rule matches only calls in which the argument is missing or of another type"
    )
    return page.find(
        "vacuous",
        place,
        at,
        f"no value of `{one.field}` satisfies {names}, so {matters}",
        "write a condition that some value satisfies, or remove the rule",
    )


def _inside(page: Page, place: int, at: Path, field: str, matcher: Matcher) -> Iterator[Finding]:
    """A matcher, or one inside it, that always or never holds."""
    if matcher.name == "matches":
        yield from _regex(page, place, at, field, cast("str", matcher.operand))
    elif never_fails(matcher):
        yield _always(page, place, at, field, matcher)
    else:
        yield from _alternatives(page, place, at, field, matcher)


def _alternatives(page: Page, place: int, at: Path, field: str, matcher: Matcher) -> Iterator[Finding]:
    for number, group in enumerate(matcher.parts):
        below = at if matcher.name in ("each", "any") else (*at, number)
        if never_holds(group):
            texts = " and ".join(f"`{part.text}`" for part in group)
            yield page.find(
                "vacuous",
                place,
                below,
                f"no value satisfies {texts}, inside `{matcher.name}` on `{field}`",
                "correct it, or remove it",
            )
            continue
        for part in group:
            yield from _inside(page, place, (*below, part.name), field, part)


def _always(page: Page, place: int, at: Path, field: str, matcher: Matcher) -> Finding:
    kinds = sorted(matcher.kinds)
    instead = f"write `type: {kinds[0]}` if that is what is meant" if len(kinds) == 1 else "remove it"
    return page.find(
        "vacuous",
        place,
        at,
        f"`{field} {matcher.text}` is false for no value",
        f"{instead}, or write a bound that some value does not meet",
    )


def _together(page: Page, place: int, rule: Rule) -> Iterator[Finding]:
    """Conditions on different places of the arguments that exclude each other."""
    for one in rule.when:
        for other in rule.when:
            below = len(other.path) > len(one.path) and other.path[: len(one.path)] == one.path
            if below and not all("object" in matcher.kinds for matcher in one.matchers):
                yield page.find(
                    "contradictory",
                    place,
                    page.when(other),
                    f"`{other.field}` is looked for inside `{one.field}`, which by the condition on it is "
                    "no object",
                    f"remove one of the two; an object has `type: object`, and `{other.field}` needs none",
                )
        schema = _schema_of(rule, one)
        if schema and not never_holds(one.matchers) and never_holds([*one.matchers, *schema]):
            yield page.find(
                "contradictory",
                place,
                page.when(one),
                f"no value of `{one.field}` satisfies both this condition and `args_schema`",
                "say it in one of the two places",
            )


def _schema_of(rule: Rule, condition: Condition) -> list[Matcher]:
    """What `args_schema` says about one field, as matchers."""
    if rule.args_schema is None:
        return []
    schema = mapping(rule.args_schema.operand)
    for name in condition.path:
        schema = mapping(mapping(schema.get("properties")).get(name))
    found: list[Matcher] = []
    for keyword, name in _KEYWORDS.items():
        if keyword in schema:
            try:
                found.append(MATCHERS[name](schema[keyword]))
            except BadOperand:
                continue  # `type: [string, "null"]`, `const: null`: nothing that a matcher could say
    return found


def _patterns(page: Page, place: int, at: Path, schema: object) -> Iterator[Finding]:
    """Every `pattern` of a JSON Schema. It is looked for anywhere in the text."""
    if isinstance(schema, dict):
        for key, value in cast("dict[str, Any]", schema).items():
            if key == "pattern" and isinstance(value, str):
                yield from _regex(page, place, (*at, key), "args_schema", value, anywhere=True)
            elif key not in ("const", "enum"):
                yield from _patterns(page, place, (*at, key), value)
    elif isinstance(schema, list):
        for number, value in enumerate(cast("list[object]", schema)):
            yield from _patterns(page, place, (*at, number), value)


def _regex(
    page: Page, place: int, at: Path, field: str, pattern: str, *, anywhere: bool = False
) -> Iterator[Finding]:
    if matches_all(pattern, anywhere=anywhere):
        yield page.find(
            "matches-everything",
            place,
            at,
            f"every text that we tried matches `{pattern}`, so `{field}` is as good as unchecked",
            "write what the text has to look like, or `min_len: 1` where any text will do",
        )
