"""Kinds of value, and operands: what every matcher needs to be typed."""

from __future__ import annotations

import json
from math import isfinite
from typing import Final, cast

from mcpbridge.core.number import InexactFloat

Scalar = str | int | float | bool

TYPES: Final = ("string", "number", "integer", "boolean", "array", "object")
KINDS: Final[dict[type, str]] = {
    str: "string", int: "number", float: "number", InexactFloat: "number", bool: "boolean",
    list: "array", tuple: "array", dict: "object",
}  # fmt: skip
ANY_KIND: Final = frozenset(KINDS.values())
TEXT: Final = frozenset({"string"})
_LISTED: Final = 8
_SHOWN: Final = 80


class BadOperand(ValueError):
    """The message says what to write instead."""


def is_number(value: object) -> bool:
    """A finite int or float; never a bool."""
    kind = type(value)
    return kind is int or (kind is float and isfinite(cast("float", value))) or kind is InexactFloat


def show(operand: object) -> str:
    """An operand for people: on one line, and short."""
    if isinstance(operand, list):
        items = cast("list[object]", operand)
        more = [f"… {len(items) - _LISTED} more"] if len(items) > _LISTED else []
        return "[" + ", ".join([*map(show, items[:_LISTED]), *more]) + "]"
    text = json.dumps(operand, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + '…"'


def scalar(operand: object) -> Scalar:
    if isinstance(operand, str) and operand.lower().lstrip("+-") not in {".nan", ".inf"}:
        return operand
    if isinstance(operand, bool) or is_number(operand):
        return cast("int | float", operand)
    raise BadOperand("takes a text, a finite number, or true or false")


def scalars(operand: object) -> list[Scalar]:
    if not isinstance(operand, list) or not operand:
        raise BadOperand("takes a list of at least one text, number or boolean, such as [EUR, USD]")
    try:
        return [scalar(item) for item in cast("list[object]", operand)]
    except BadOperand as error:
        raise BadOperand("takes texts, finite numbers, true and false only in its list") from error


def number(operand: object) -> int | float:
    if not is_number(operand):
        raise BadOperand("takes a finite number, without quotes")
    return cast("int | float", operand)


def size(operand: object) -> int:
    if type(operand) is not int or operand < 0:
        raise BadOperand("takes a whole number from 0 up")
    return operand


def text(operand: object) -> str:
    if not isinstance(operand, str) or not operand:
        raise BadOperand('takes a text of at least one character, in quotes if it looks like a number ("50")')
    return operand


def texts(operand: object, example: str) -> list[str]:
    """One text, or a list of them."""
    given = cast("list[object]", operand) if isinstance(operand, list) else [operand]
    found = [item for item in given if isinstance(item, str) and item]
    if not found or len(found) < len(given):
        raise BadOperand(f"takes a text or a list of texts, such as [{example}]")
    if len(set(found)) < len(found):
        raise BadOperand("names the same text twice; remove one")
    return found
