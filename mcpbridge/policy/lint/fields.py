"""Conditions against the schemas of the tools: arguments that do not exist, types that cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.raw import mapping
from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.lint.finding import Finding
from mcpbridge.policy.lint.page import Page
from mcpbridge.policy.lint.samples import constants
from mcpbridge.policy.lint.schemas import Place, arguments_of
from mcpbridge.policy.matchers import ANY_KIND
from mcpbridge.policy.matchers.values import show
from mcpbridge.policy.model import Condition, Matcher, Rule
from mcpbridge.policy.problems import meant

_WORDS: Final = frozenset({"grounded", "no_new_links"})
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A finding that is made only where every tool of the rule gives rise to it."""

    check: str
    at: Path
    message: str
    instead: str


def fields(page: Page, place: int) -> Iterator[Finding]:
    """What one rule's conditions come to, given the definitions of its tools."""
    rule = page.rules[place]
    tools = page.known.field_definitions(rule.tools)
    if not tools:
        return
    for one in rule.when:
        at = page.when(one)
        lacking = {
            name: close for name, tool in tools.items() if (close := _lacks(tool, one.path)) is not None
        }
        if len(lacking) < len(tools):
            having = [tool for name, tool in tools.items() if name not in lacking]
            yield from _types(page, place, at, one, having)
        if lacking and not (one.optional and rule.strictness):  # told without any schema
            nobody = len(lacking) == len(tools) and not _more(page, rule)
            yield from _unknown(page, place, one, lacking, nobody=nobody)
    yield from _schema_fields(page, place, rule, tools)


def _lacks(tool: ToolDefinition, path: Sequence[str]) -> str | None:
    """None where the tool has the argument, or may have it; else the name that comes closest, or nothing."""
    place = arguments_of(tool.input_schema)
    for name in path:
        names = place.names()
        if names is None:
            return None
        if name not in names:
            return meant(name, names)
        place = place.below(name)
    return None


def _unknown(
    page: Page, place: int, one: Condition, lacking: Mapping[str, str], *, nobody: bool
) -> Iterator[Finding]:
    """`nobody`: no tool that the rule could be about has the argument."""
    always = page.rules[place].strictness > 0
    if not nobody and not always:
        return
    close = next(filter(None, lacking.values()), "")
    effect = (
        f"so the rule matches every call of {_listed(lacking)} (a missing argument counts as a match)"
        if always
        else "so the condition is never true"
        if not one.optional
        else "so the condition says nothing"
    )
    instead = f"did you mean `{close}`?" if close else "correct the name, or remove the condition"
    if not nobody:
        instead = f"name only tools that have `{one.field}`"
    message = f"{_listed(lacking)} has no argument `{one.field}`, {effect}"
    yield page.find("unknown-field", place, page.when(one), message, instead)


def _more(page: Page, rule: Rule) -> bool:
    """Whether the rule may be about tools whose definition is not known."""
    return any(
        page.known.open_to(glob.pattern) or set(page.known.matched(glob)) - page.known.definitions.keys()
        for glob in rule.tools
    )


def _listed(names: Mapping[str, object]) -> str:
    few = list(names)[:_SHOWN]
    more = len(names) - len(few)
    return ", ".join(few) + (f" and {more} more" if more else "")


def _types(
    page: Page, place: int, at: Path, one: Condition, tools: Sequence[ToolDefinition]
) -> Iterator[Finding]:
    each: list[dict[tuple[str, Path], _Found]] = []
    for tool in tools:
        there = arguments_of(tool.input_schema)
        for name in one.path:
            there = there.below(name)
        unfit = _unfit(there, one.matchers, at, one.field)
        each.append({(found.check, found.at): found for found in unfit})
    for key, found in each[0].items():
        if all(key in other for other in each):
            yield page.find(found.check, place, found.at, found.message, found.instead)


def _unfit(place: Place, matchers: Sequence[Matcher], at: Path, field: str) -> Iterator[_Found]:
    kinds = place.kinds()
    for matcher in matchers:
        here = (*at, matcher.name)
        if kinds is not None and not kinds & matcher.kinds:
            yield _unfit_type(matcher, here, field, kinds)
        elif matcher.name in ("eq", "ne", "in", "not_in"):
            yield from _unlisted(place, matcher, here, field)
        elif matcher.name in ("each", "any"):
            yield from _unfit(place.items(), matcher.parts[0], here, f"items of {field}")
        elif matcher.name == "all_of":
            for number, group in enumerate(matcher.parts):
                yield from _unfit(place, group, (*here, number), field)


def _unfit_type(matcher: Matcher, at: Path, field: str, kinds: frozenset[str]) -> _Found:
    is_ = f"the tool's schema says that `{field}` is of type {' or '.join(sorted(kinds)) or 'null'}"
    words = matcher.name in _WORDS
    if words and kinds == frozenset({"array"}):
        instead = f"write `each: {{{matcher.name}: user_text}}`"
    elif words:
        instead = "bind a text argument, or its parts by a path such as `address.city`"
    else:
        speaks = " or ".join(sorted(matcher.kinds)) if matcher.kinds != ANY_KIND else "anything"
        instead = f"`{matcher.name}` speaks about {speaks}; use a matcher that fits"
    return _Found(
        check="grounded-type" if words else "wrong-type",
        at=at,
        message=f"{is_}, so `{matcher.text}` never holds",
        instead=instead,
    )


def _unlisted(place: Place, matcher: Matcher, at: Path, field: str) -> Iterator[_Found]:
    values = place.values()
    if values is None:
        return
    odd = [one for one in constants(matcher) if not any(_equal(one, value) for value in values)]
    if not odd:
        return
    close = meant(str(odd[0]), [value for value in values if isinstance(value, str)])
    yield _Found(
        check="wrong-type",
        at=at,
        message=f"`{field}` is never {show(odd[0])} by the tool's schema, which lists {show(list(values))}",
        instead=f"did you mean `{close}`?" if close else "use a value that the schema lists",
    )


def _equal(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _schema_fields(
    page: Page, place: int, rule: Rule, tools: Mapping[str, ToolDefinition]
) -> Iterator[Finding]:
    """The arguments that `args_schema` names."""
    if rule.args_schema is None or _more(page, rule):
        return
    for name in mapping(mapping(rule.args_schema.operand).get("properties")):
        closest = [_lacks(tool, (name,)) for tool in tools.values()]
        if all(close is not None for close in closest):
            close = next(filter(None, closest), "")
            yield page.find(
                "unknown-field",
                place,
                ("args_schema", "properties", name),
                f"{_listed(tools)} has no argument `{name}`, which this schema speaks about",
                f"did you mean `{close}`?" if close else "correct the name, or remove it",
            )
