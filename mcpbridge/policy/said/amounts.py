"""Numbers as people write them: `100`, `1,000.50`, `1.000,50 €`, `EUR 99,5`.

A form that stands for two numbers in two countries (`1.125`) gives its usual meaning as certain and the
other as doubtful.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from mcpbridge.policy.said.boundaries import begins, ends

_MAX_DIGITS: Final = 40
_SYMBOLS: Final = "$€£¥\u20b9\u20bd\u20a9\u20ba\u20aa\u0e3f"
_CODES: Final = frozenset(
    ["EUR", "USD", "GBP", "CHF", "JPY", "CNY", "INR", "CAD", "AUD", "SEK", "NOK", "DKK", "PLN", "CZK"]
)
_NUMBER: Final = re.compile(r"(?<![0-9])(?:[0-9]{1,3}(?: [0-9]{3})+(?![0-9])|[0-9]+)(?:[.,'\u2019_][0-9]+)*")
_TIMES: Final = re.compile(
    r" (?:k|hundred|thousand|million|billion|lakh|crore|mio|mrd|tausend|million(?:en|s|es))\b", re.IGNORECASE
)
"""`2 million` names the number 2 only in part."""
_PLAIN: Final = re.compile(r"[0-9]+")
_POINT: Final = re.compile(r"[0-9]+\.[0-9]+")
_COMMA: Final = re.compile(r"[0-9]+,[0-9]+")
_GROUPED_COMMA: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_GROUPED_POINT: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]+)?")
_GROUPED_MARK: Final = re.compile(r"[0-9]{1,3}(?:['\u2019_][0-9]{3})+(?:[.,][0-9]+)?")
_GROUPED_SPACE: Final = re.compile(r"[0-9]{1,3}(?: [0-9]{3})+(?:[.,][0-9]+)?")
_LEADING_ZERO: Final = re.compile(r"0[0-9]")


def amounts_in(text: str) -> tuple[frozenset[Decimal], frozenset[Decimal]]:
    """The numbers of a text: those that are certain, and those that only one reading gives."""
    certain: set[Decimal] = set()
    doubtful: set[Decimal] = set()
    for found in _NUMBER.finditer(text):
        sign = _sign(text, found.start(), found.end())
        if not sign:
            continue
        sure, maybe = _readings(found[0])
        if _TIMES.match(text, found.end()):
            sure, maybe = [], [*sure, *maybe]
        certain.update(sign * one for one in sure)
        doubtful.update(sign * one for one in maybe)
    return frozenset(certain), frozenset(doubtful)


def _sign(text: str, start: int, end: int) -> int:
    """1 or -1 for a number that stands alone, but for its sign and currency; 0 for part of something."""
    before, negative = _before(text, start)
    stop = end + (1 if text[end : end + 1] and text[end] in _SYMBOLS + "%" else 0)
    stop += 3 if text[stop : stop + 3] in _CODES else 0
    if not (begins(text, before) and ends(text, stop)):
        return 0
    return -1 if negative else 1


def _before(text: str, start: int) -> tuple[int, bool]:
    """Where the number begins together with its sign and currency (`-$5`, `$-5`, `EUR5`)."""
    negative = False
    for _ in range(3):
        if start and text[start - 1] in "+-":
            start, negative = start - 1, negative or text[start - 1] == "-"
        elif start and text[start - 1] in _SYMBOLS:
            start -= 1
        elif text[max(0, start - 3) : start] in _CODES:
            start -= 3
    return start, negative


def read_amount(text: str) -> Decimal | None:
    """The number that a text is to every program: digits, and a point. What somebody reads in another way
    (`100,00` is 10000 where commas are dropped, `1.000` is 1000 where points are) is none."""
    bare = text.removeprefix("-")
    if len(bare) > _MAX_DIGITS or not bare.isascii() or _LEADING_ZERO.match(bare):
        return None
    if not (_PLAIN.fullmatch(bare) or _POINT.fullmatch(bare)) or _readings(bare)[1]:
        return None
    return -Decimal(bare) if bare != text else Decimal(bare)


def _readings(number: str) -> tuple[list[Decimal], list[Decimal]]:
    """Certain and doubtful readings of digits and separators."""
    if len(number) > _MAX_DIGITS:
        return [], []
    if _PLAIN.fullmatch(number):
        return [Decimal(number)], []
    for pattern, read in _FORMS:
        if pattern.fullmatch(number):
            return read(number)
    return [], [Decimal(part) for part in re.findall("[0-9]+", number)]


def _grouped_comma(number: str) -> tuple[list[Decimal], list[Decimal]]:
    other = [_decimal_comma(number)] if _COMMA.fullmatch(number) else []
    if number.startswith("0"):
        return other, []
    return [Decimal(number.replace(",", ""))], other


def _grouped_point(number: str) -> tuple[list[Decimal], list[Decimal]]:
    whole = Decimal(number.replace(".", "").replace(",", "."))
    if _POINT.fullmatch(number):
        return [Decimal(number)], [] if number.startswith("0") else [whole]
    return ([], []) if number.startswith("0") else ([whole], [])


def _grouped_mark(number: str) -> tuple[list[Decimal], list[Decimal]]:
    return [Decimal(re.sub("['\u2019_]", "", number).replace(",", "."))], []


def _grouped_space(number: str) -> tuple[list[Decimal], list[Decimal]]:
    """`10 000`: one number or two."""
    whole = Decimal(number.replace(" ", "").replace(",", "."))
    return [], [whole, *(Decimal(part.replace(",", ".")) for part in number.split(" "))]


def _point(number: str) -> tuple[list[Decimal], list[Decimal]]:
    return [Decimal(number)], []


def _decimal_comma(number: str) -> Decimal:
    return Decimal(number.replace(",", "."))


def _comma(number: str) -> tuple[list[Decimal], list[Decimal]]:
    return [_decimal_comma(number)], []


_FORMS: Final = (
    (_GROUPED_COMMA, _grouped_comma),
    (_GROUPED_POINT, _grouped_point),
    (_GROUPED_MARK, _grouped_mark),
    (_GROUPED_SPACE, _grouped_space),
    (_POINT, _point),
    (_COMMA, _comma),
)
