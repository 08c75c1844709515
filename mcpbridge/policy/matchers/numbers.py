"""`gt`, `ge`, `lt`, `le`: numbers only. A bool is no number, and neither are NaN and infinity."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from mcpbridge.core.number import InexactFloat, exactly
from mcpbridge.policy.matchers.values import number, show
from mcpbridge.policy.model import Facts, Matcher, Truth

Compare = Callable[[Any, Any], bool]


def ordering(name: str, symbol: str, compare: Compare) -> Callable[[object], Matcher]:
    def build(operand: object) -> Matcher:
        bound = number(operand)

        def decide(value: object, facts: Facts) -> Truth:
            if type(value) is float:
                return compare(value, bound) if isfinite(value) else None
            if type(value) is int:
                return compare(value, bound)
            return _in_both_readings(value, bound, compare) if isinstance(value, InexactFloat) else None

        return Matcher(
            name=name,
            operand=operand,
            text=f"{symbol} {show(bound)}",
            kinds=frozenset({"number"}),
            decide=decide,
        )

    return build


def _in_both_readings(value: InexactFloat, bound: float, compare: Compare) -> Truth:
    """Undecided where the double and the number as it was written fall on different sides."""
    rounded = compare(float(value), bound)
    return rounded if compare(value.exact, exactly(bound)) is rounded else None
