"""`eq`, `ne`, `in`, `not_in`, `type`: which value it is, and of which type.

Texts are compared as they are: case and Unicode are not folded.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import cast

from mcpbridge.core.number import InexactFloat, exactly
from mcpbridge.policy.matchers.values import (
    KINDS,
    TYPES,
    BadOperand,
    Scalar,
    is_number,
    scalar,
    scalars,
    show,
)
from mcpbridge.policy.model import Decide, Facts, Matcher, Truth


def one_of(name: str, symbol: str, *, many: bool, wanted: bool) -> Callable[[object], Matcher]:
    """Builds `eq` and `in` (wanted), `ne` and `not_in` (not wanted)."""

    def build(operand: object) -> Matcher:
        operands = scalars(operand) if many else [scalar(operand)]
        kinds, decide = _membership(operands, wanted=wanted)
        return Matcher(
            name=name, operand=operand, text=f"{symbol} {show(operand)}", kinds=kinds, decide=decide
        )

    return build


def _membership(operands: list[Scalar], *, wanted: bool) -> tuple[frozenset[str], Decide]:
    """One of the operands, or none; undecided for a type none of the operands has."""
    groups: dict[str, set[Scalar]] = {}
    for one in operands:
        groups.setdefault(KINDS[type(one)], set()).add(one)
    by_type = {kind: groups[name] for kind, name in KINDS.items() if name in groups}

    def decide(value: object, facts: Facts) -> Truth:
        kind = type(value)
        group = by_type.get(kind)
        if group is None or (kind is float and not is_number(value)):
            return None
        if isinstance(value, InexactFloat):
            rounded = value in group
            written = any(exactly(cast("float", one)) == value.exact for one in group)
            return (rounded is wanted) if rounded is written else None
        return (value in group) is wanted

    return frozenset(groups), decide


def of_type(operand: object) -> Matcher:
    """Builds `type`."""
    if operand not in TYPES:
        raise BadOperand(f"takes one of {', '.join(TYPES)}")
    wanted = str(operand)

    def decide(value: object, facts: Facts) -> Truth:
        kind = KINDS.get(type(value))
        if kind is None or (isinstance(value, float) and not isfinite(value)):
            return None
        return _is_integer(value) if wanted == "integer" else kind == wanted

    kinds = frozenset({"number" if wanted == "integer" else wanted})
    return Matcher(name="type", operand=operand, text=f"is of type {wanted}", kinds=kinds, decide=decide)


def _is_integer(value: object) -> Truth:
    """As in JSON Schema, 5.0 is an integer."""
    if isinstance(value, InexactFloat):
        rounded, written = value.is_integer(), value.exact == value.exact.to_integral_value()
        return rounded if rounded is written else None
    return type(value) is int or (isinstance(value, float) and value.is_integer())
