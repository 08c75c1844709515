"""Matchers made of matchers: `{gt: 0, le: 100}`, each, any, all_of, any_of, none_of.

Kleene's logic: false decides an *and*, true decides an *or*, otherwise one undecided part leaves the
whole undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType
from typing import Final, cast

from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.matchers import ANY_KIND, MATCHERS, UNAVAILABLE, BadOperand
from mcpbridge.policy.model import Decide, Facts, Matcher, Truth
from mcpbridge.policy.problems import Problems

COMBINATORS: Final = ("each", "any", "all_of", "any_of", "none_of")
KNOWN: Final = (*MATCHERS, *COMBINATORS)
_MAX_NESTING: Final = 8
"""Deeper conditions are not readable by the people who answer for them."""

_PATTERNS: Final = frozenset({"regex", "regexp", "pattern", "re", "glob"})
"""Matchers of other tools that have no counterpart here."""
_INSTEAD: Final = (
    "say it with starts_with, ends_with, contains or in "
    "(without the condition, an allow rule would allow more)"
)
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
    problems.known_keys(
        mapping, at, "matcher", KNOWN, UNAVAILABLE | _PATTERNS, instead=_INSTEAD, synonyms=_SYNONYMS
    )
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
        parts = read_matchers(operand, at, problems)
        decide = _over_items(all_of if name == "each" else any_of, _conjunction(parts))
        return Matcher(text=f"{name} {_and(parts)}", kinds=frozenset({"array"}), decide=decide)
    alternatives: list[tuple[Matcher, ...]] = []
    if isinstance(operand, list) and operand:
        items = cast("list[object]", operand)
        alternatives = [read_matchers(item, (*at, index), problems) for index, item in enumerate(items)]
    else:
        problems.add(at, f"`{name}` takes a list of matchers, such as [{{eq: EUR}}, {{starts_with: X}}]")
    text = f"{name.replace('_', ' ')} " + ", ".join(map(_and, alternatives))
    decide = _alternatives(name, [_conjunction(parts) for parts in alternatives])
    return Matcher(text=text, kinds=ANY_KIND, decide=decide)


def _and(parts: Sequence[Matcher]) -> str:
    return "(" + " and ".join(part.text for part in parts) + ")"


def all_of(truths: Iterable[Truth]) -> Truth:
    """Kleene's *and*; true when there is nothing."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """Kleene's *or*; false when there is nothing."""
    result: Truth = False
    for truth in truths:
        if truth is True:
            return True
        if truth is None:
            result = None
    return result


def _conjunction(parts: Sequence[Matcher]) -> Decide:
    decides = tuple(part.decide for part in parts)
    if len(decides) == 1:
        return decides[0]
    return lambda value, facts: all_of(decide(value, facts) for decide in decides)


def _over_items(fold: Callable[[Iterable[Truth]], Truth], decide: Decide) -> Decide:
    def over(value: object, facts: Facts) -> Truth:
        if not isinstance(value, list | tuple):
            return None
        return fold(decide(item, facts) for item in cast("Sequence[object]", value))

    return over


def _alternatives(name: str, decides: Sequence[Decide]) -> Decide:
    fold = all_of if name == "all_of" else any_of
    if name != "none_of":
        return lambda value, facts: fold(decide(value, facts) for decide in decides)

    def none_of(value: object, facts: Facts) -> Truth:
        truth = any_of(decide(value, facts) for decide in decides)
        return None if truth is None else not truth

    return none_of


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
