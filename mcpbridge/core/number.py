"""Numbers of a JSON text that a double does not hold.

RFC 8259 §6 leaves the range and precision of numbers to the reader: one reads `100.000000000000007` as
100.0, another as written. Whoever compares such a number has to do it in both readings.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final, Self

_CERTAIN: Final = 16
"""So many characters without an exponent have at most 15 digits, and every double keeps 15 digits."""
_WHOLE: Final = 2.0**53
"""From here on doubles are integers with gaps, and 1e23 is not what it says."""


class InexactFloat(float):
    """A double that stands for a text which is another number; `exact` is the number as it was written."""

    __slots__ = ("exact",)
    exact: Decimal

    def __new__(cls, value: float, exact: Decimal) -> Self:
        made = super().__new__(cls, value)
        made.exact = exact
        return made

    def __reduce__(self) -> tuple[type[Self], tuple[float, Decimal]]:
        return type(self), (float(self), self.exact)


def read_float(text: str) -> float:
    """A JSON number with a fraction or an exponent. Raises ValueError when no double comes near it."""
    value = float(text)
    if len(text) <= _CERTAIN and "e" not in text and "E" not in text:
        return value
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    try:
        exact = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("a number has an exponent without measure") from error
    held = Decimal(value) if abs(value) >= _WHOLE else Decimal(repr(value))
    return value if exact == held else InexactFloat(value, exact)


def exactly(number: float) -> Decimal:
    """The decimal that a person reads in a number: 0.1 is a tenth."""
    if isinstance(number, InexactFloat):
        return number.exact
    return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
