"""The matchers on one value: a closed set, each with typed operands, each three-valued.

A value of another type than the matcher speaks about is undecided, never false: `ne: EUR` does not
hold for 7, and `gt: 5` does not fail for "50". A bool is no number, and NaN and infinity are neither
(JSON has none of them). Texts are compared as they are: case and Unicode are not folded.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sized
from math import isfinite
from typing import Final, cast

from mcpbridge.policy.model import Decide, Facts, Matcher, Truth

Scalar = str | int | float | bool

TYPES: Final = ("string", "number", "integer", "boolean", "array", "object")
_KINDS: Final[dict[type, str]] = {
    str: "string", int: "number", float: "number", bool: "boolean",
    list: "array", tuple: "array", dict: "object",
}  # fmt: skip
ANY_KIND: Final = frozenset(_KINDS.values())
_LISTED: Final = 8
_SHOWN: Final = 80


class BadOperand(ValueError):
    """The message says what to write instead."""


def is_number(value: object) -> bool:
    """A finite int or float; never a bool."""
    return type(value) is int or (type(value) is float and isfinite(value))


def show(operand: object) -> str:
    """An operand for people: on one line, and short."""
    if isinstance(operand, list):
        items = cast("list[object]", operand)
        more = [f"… {len(items) - _LISTED} more"] if len(items) > _LISTED else []
        return "[" + ", ".join([*map(show, items[:_LISTED]), *more]) + "]"
    text = json.dumps(operand, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + '…"'


def _scalar(operand: object) -> Scalar:
    if isinstance(operand, str) and operand.lower().lstrip("+-") not in {".nan", ".inf"}:
        return operand
    if isinstance(operand, bool) or is_number(operand):
        return cast("int | float", operand)
    raise BadOperand("takes a text, a finite number, or true or false")


def _number(operand: object) -> int | float:
    if not is_number(operand):
        raise BadOperand("takes a finite number, without quotes")
    return cast("int | float", operand)


def _size(operand: object) -> int:
    if type(operand) is not int or operand < 0:
        raise BadOperand("takes a whole number from 0 up")
    return operand


def _text(operand: object) -> str:
    if not isinstance(operand, str) or not operand:
        raise BadOperand('takes a text of at least one character, in quotes if it looks like a number ("50")')
    return operand


def _scalars(operand: object) -> list[Scalar]:
    if not isinstance(operand, list) or not operand:
        raise BadOperand("takes a list of at least one text, number or boolean, such as [EUR, USD]")
    try:
        return [_scalar(item) for item in cast("list[object]", operand)]
    except BadOperand as error:
        raise BadOperand("takes texts, finite numbers, true and false only in its list") from error


def _membership(operands: list[Scalar], *, wanted: bool) -> tuple[frozenset[str], Decide]:
    """One of the operands, or none; undecided for a type none of the operands has."""
    groups: dict[str, set[Scalar]] = {}
    for one in operands:
        groups.setdefault(_KINDS[type(one)], set()).add(one)
    by_type = {kind: groups[name] for kind, name in _KINDS.items() if name in groups}

    def decide(value: object, facts: Facts) -> Truth:
        kind = type(value)
        group = by_type.get(kind)
        if group is None or (kind is float and not is_number(value)):
            return None
        return (value in group) is wanted

    return frozenset(groups), decide


def _one_of(symbol: str, *, many: bool, wanted: bool) -> Callable[[object], Matcher]:
    def build(operand: object) -> Matcher:
        operands = _scalars(operand) if many else [_scalar(operand)]
        kinds, decide = _membership(operands, wanted=wanted)
        return Matcher(text=f"{symbol} {show(operand)}", kinds=kinds, decide=decide)

    return build


def _ordering(symbol: str, compare: Callable[[float, float], bool]) -> Callable[[object], Matcher]:
    def build(operand: object) -> Matcher:
        bound = _number(operand)

        def decide(value: object, facts: Facts) -> Truth:
            if type(value) is float:
                return compare(value, bound) if isfinite(value) else None
            return compare(value, bound) if type(value) is int else None

        return Matcher(text=f"{symbol} {show(bound)}", kinds=frozenset({"number"}), decide=decide)

    return build


def _sized(name: str, compare: Callable[[int, int], bool], kind: str) -> Callable[[object], Matcher]:
    def build(operand: object) -> Matcher:
        bound = _size(operand)

        def decide(value: object, facts: Facts) -> Truth:
            return compare(len(cast("Sized", value)), bound) if _KINDS.get(type(value)) == kind else None

        return Matcher(text=f"{name} {bound}", kinds=frozenset({kind}), decide=decide)

    return build


def _textual(name: str, holds: Callable[[str, str], bool]) -> Callable[[object], Matcher]:
    def build(operand: object) -> Matcher:
        part = _text(operand)

        def decide(value: object, facts: Facts) -> Truth:
            return holds(value, part) if type(value) is str else None

        return Matcher(text=f"{name} {show(part)}", kinds=frozenset({"string"}), decide=decide)

    return build


def _type(operand: object) -> Matcher:
    if operand not in TYPES:
        raise BadOperand(f"takes one of {', '.join(TYPES)}")
    wanted = str(operand)

    def decide(value: object, facts: Facts) -> Truth:
        kind = _KINDS.get(type(value))
        if kind is None or (kind == "number" and not is_number(value)):
            return None
        if wanted == "integer":  # as in JSON Schema, 5.0 is an integer
            return type(value) is int or (type(value) is float and value.is_integer())
        return kind == wanted

    kinds = frozenset({"number" if wanted == "integer" else wanted})
    return Matcher(text=f"is of type {wanted}", kinds=kinds, decide=decide)


def _contains(text: str, part: str) -> bool:
    return part in text


MATCHERS: Final[Mapping[str, Callable[[object], Matcher]]] = {
    "eq": _one_of("=", many=False, wanted=True),
    "ne": _one_of("!=", many=False, wanted=False),
    "in": _one_of("in", many=True, wanted=True),
    "not_in": _one_of("not in", many=True, wanted=False),
    "gt": _ordering(">", operator.gt),
    "ge": _ordering(">=", operator.ge),
    "lt": _ordering("<", operator.lt),
    "le": _ordering("<=", operator.le),
    "type": _type,
    "min_len": _sized("is at least as long as", operator.ge, "string"),
    "max_len": _sized("is at most as long as", operator.le, "string"),
    "min_items": _sized("has at least this many items:", operator.ge, "array"),
    "max_items": _sized("has at most this many items:", operator.le, "array"),
    "starts_with": _textual("starts with", str.startswith),
    "ends_with": _textual("ends with", str.endswith),
    "contains": _textual("contains", _contains),
}
"""The matchers on a value itself; `combine` adds those that hold other matchers."""

UNAVAILABLE: Final = frozenset(
    {"matches", "under", "https_host", "host", "scheme", "email_domain", "sql", "grounded", "no_new_links"}
)
"""Matchers of the language that this version refuses rather than ignores."""
