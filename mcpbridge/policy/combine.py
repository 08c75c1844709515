"""The mapping of matchers on one field, read and checked: `{gt: 0, le: 100}`, each, all_of, …"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, cast

from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.matchers import ANY_KIND, MATCHERS, BadOperand
from mcpbridge.policy.matchers.combinators import alternatives, over_items
from mcpbridge.policy.model import Matcher
from mcpbridge.policy.problems import Problems

COMBINATORS: Final = ("each", "any", "all_of", "any_of", "none_of")
KNOWN: Final = (*MATCHERS, *COMBINATORS)
_MAX_NESTING: Final = 8
"""Deeper conditions are not readable by the people who answer for them."""

_SYNONYMS: Final = MappingProxyType(
    {
        "gte": "ge", ">=": "ge", "min": "ge", "minimum": "ge", ">": "gt",
        "lte": "le", "<=": "le", "max": "le", "maximum": "le", "<": "lt",
        "equals": "eq", "equal": "eq", "==": "eq", "=": "eq", "is": "eq", "const": "eq",
        "neq": "ne", "!=": "ne", "not_equals": "ne", "not": "none_of",
        "one_of": "in", "oneof": "in", "enum": "in", "not_one_of": "not_in", "nin": "not_in",
        "prefix": "starts_with", "suffix": "ends_with", "includes": "contains", "has": "contains",
        "minlength": "min_len", "maxlength": "max_len", "minitems": "min_items", "maxitems": "max_items",
        "all": "all_of", "and": "all_of", "or": "any_of",
        "regex": "matches", "regexp": "matches", "pattern": "matches", "re": "matches", "glob": "matches",
        "path": "under", "below": "under", "inside": "under", "domain": "email_domain", "url": "https_host",
    }
)  # fmt: skip
"""Words of other tools, in lower case."""

_RANGES: Final = (
    (("gt", "ge"), ("lt", "le")),
    (("min_len",), ("max_len",)),
    (("min_items",), ("max_items",)),
)


def read_matchers(value: object, at: Path, problems: Problems) -> tuple[Matcher, ...]:
    """The matchers of `{gt: 0, le: 100}`, all of which must hold. Reports what is wrong."""
    shape = "a mapping of matchers, such as {eq: EUR} or {type: string}"
    mapping = problems.mapping(value, at, shape)
    if mapping is None:
        return ()
    if not mapping:
        problems.add(at, f"nothing is asked of the value; write {shape}")
    if sum(part in COMBINATORS for part in at) > _MAX_NESTING:
        problems.add(at, f"conditions are nested deeper than {_MAX_NESTING} levels; split the rule")
        return ()
    problems.known_keys(mapping, at, "matcher", KNOWN, synonyms=_SYNONYMS)
    before = problems.count
    found = [_read_one(name, mapping[name], (*at, name), problems) for name in KNOWN if name in mapping]
    matchers = [matcher for matcher in found if matcher is not None]
    if problems.count == before:
        _contradictions(mapping, matchers, at, problems)
    return tuple(matchers)


def _read_one(name: str, operand: object, at: Path, problems: Problems) -> Matcher | None:
    build = MATCHERS.get(name)
    if build is None:
        return _read_combinator(name, operand, at, problems)
    try:
        return build(operand)
    except BadOperand as error:
        problems.add(at, f"`{name}` {error}")
        return None


def _read_combinator(name: str, operand: object, at: Path, problems: Problems) -> Matcher:
    if name in ("each", "any"):
        return over_items(name, operand, read_matchers(operand, at, problems))
    items = cast("list[object]", operand) if isinstance(operand, list) else []
    if not items:
        problems.add(at, f"`{name}` takes a list of matchers, such as [{{eq: EUR}}, {{starts_with: X}}]")
    groups = [read_matchers(item, (*at, index), problems) for index, item in enumerate(items)]
    return alternatives(name, cast("object", operand), groups)  # type: ignore[redundant-cast]


def _contradictions(
    mapping: dict[str, object], matchers: Sequence[Matcher], at: Path, problems: Problems
) -> None:
    """Matchers that cannot hold together, or of which one says nothing new."""
    if "eq" in mapping and len(mapping) > 1:
        problems.add(at, "`eq` names the one value; remove the other matchers beside it")
    elif not ANY_KIND.intersection(*(matcher.kinds for matcher in matchers)):
        names = ", ".join(f"`{name}`" for name in mapping)
        problems.add(at, f"{names} speak about different types, so they never hold together; keep one")
    for lows, highs in _RANGES:
        _range(mapping, lows, highs, at, problems)


def _range(
    mapping: dict[str, object], lows: Sequence[str], highs: Sequence[str], at: Path, problems: Problems
) -> None:
    given_lows = [name for name in lows if name in mapping]
    given_highs = [name for name in highs if name in mapping]
    for given in (given_lows, given_highs):
        if len(given) > 1:
            problems.add(at, f"`{given[0]}` and `{given[1]}` bound the same side; keep one")
    if len(given_lows) != 1 or len(given_highs) != 1:
        return
    low, high = given_lows[0], given_highs[0]
    bottom, top = cast("float", mapping[low]), cast("float", mapping[high])
    if bottom > top or (bottom == top and (low == "gt" or high == "lt")):
        problems.add(at, f"no value is within `{low}: {bottom}` and `{high}: {top}`")
