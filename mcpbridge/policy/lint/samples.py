"""Values that stand for all JSON values, as far as some matchers can tell them apart.

Comparisons with constants and with lengths cut the values into finitely many regions, in each of which
they say the same. One value of each region, judged by the matchers themselves, therefore decides what
holds for every value. Matchers that look into texts (`contains`, `matches`, `under`, …) are not of that
kind; whoever uses these values has to leave them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise
from math import floor
from typing import Final, cast

from mcpbridge.core.number import InexactFloat, exactly
from mcpbridge.policy.lint.globs import FRESH
from mcpbridge.policy.model import MISSING, Matcher

_CONSTANTS: Final = frozenset({"eq", "ne", "in", "not_in"})
_ORDER: Final = frozenset({"gt", "ge", "lt", "le"})
_LENGTHS: Final = frozenset({"min_len", "max_len"})
_ITEMS: Final = frozenset({"min_items", "max_items"})
_LOGIC: Final = frozenset({"all_of", "any_of", "none_of"})
_PLAIN: Final = _CONSTANTS | _ORDER | _LENGTHS | _ITEMS | {"type"}
_LARGEST: Final = 2**53
"""Above it not every whole number is a double."""
_LONGEST: Final = 2_000


def comparing(matcher: Matcher) -> bool:
    """Whether values can be found that stand for all, for this matcher."""
    if matcher.name in _LOGIC:
        return all(comparing(part) for part in inside(matcher))
    return matcher.name in _PLAIN and _affordable(matcher)


def inside(matcher: Matcher) -> Iterator[Matcher]:
    """The matchers right inside this one."""
    return (part for group in matcher.parts for part in group)


def leaves(matcher: Matcher) -> Iterator[Matcher]:
    """The matcher itself, or what it is made of at the bottom."""
    if not matcher.parts:
        yield matcher
    for part in inside(matcher):
        yield from leaves(part)


def constants(matcher: Matcher) -> list[object]:
    """The values that `eq`, `ne`, `in` or `not_in` name."""
    operand = matcher.operand
    return list(cast("list[object]", operand)) if matcher.name in ("in", "not_in") else [operand]


def samples(matchers: Iterable[Matcher]) -> list[object]:
    """Values that stand for all. MISSING is one of them. All matchers must be `comparing`."""
    named: list[object] = []
    lengths, items = {0, 1}, {0, 1}
    for leaf in (leaf for matcher in matchers for leaf in leaves(matcher)):
        if leaf.name in _CONSTANTS | _ORDER:
            named += constants(leaf) if leaf.name in _CONSTANTS else [leaf.operand]
        elif leaf.name in _LENGTHS:
            lengths |= _around(cast("int", leaf.operand))
        elif leaf.name in _ITEMS:
            items |= _around(cast("int", leaf.operand))
    texts = {one for one in named if isinstance(one, str)} | {FRESH * length for length in lengths}
    numbers = {one for one in named if isinstance(one, int | float) and not isinstance(one, bool)}
    lists: list[object] = [[None] * count for count in sorted(items)]
    return [MISSING, None, True, False, {}, *lists, *sorted(texts), *_numbers(numbers)]


def _around(bound: int) -> set[int]:
    return {max(bound - 1, 0), bound, bound + 1}


def _numbers(named: set[int | float]) -> Iterator[int | float]:
    """Each number, and between, below and above them one whole number and one that is none. Also numbers
    that no double holds, which are judged in two readings."""
    ordered = sorted(named or {0})
    yield floor(ordered[0]) - 1
    yield floor(ordered[0]) - 1.5
    yield from ordered
    yield from (number for one in ordered for number in _beside(one))
    for low, high in pairwise(ordered):
        between = (floor(low) + 1, (low + high) / 2, low + (high - low) / 3)
        yield from (one for one in between if low < one < high)
    yield floor(ordered[-1]) + 1
    yield floor(ordered[-1]) + 1.5


def _beside(number: float) -> Iterator[InexactFloat]:
    tiny = Decimal(1).scaleb(-40)
    yield InexactFloat(float(number), exactly(number) + tiny)
    yield InexactFloat(float(number), exactly(number) - tiny)


def _affordable(matcher: Matcher) -> bool:
    if matcher.name in _LENGTHS | _ITEMS:
        return cast("int", matcher.operand) <= _LONGEST
    numbers = [one for one in constants(matcher) if isinstance(one, int | float)]
    return all(abs(number) < _LARGEST for number in numbers)
