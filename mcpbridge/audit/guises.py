"""The texts that a value may have been hidden as: an HMAC tells of one text exactly, and what stood around a
secret is not always told apart from it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from itertools import product
from typing import Final

_BEFORE: Final = ("", "(", "[", "{", "`", "*", "**", "$")
_BEHIND: Final = ".!?:)]}`*|\\"
_MOST_BEHIND: Final = 3
"""Signs that prose and code put around a secret; the patterns in looks.py take them for a part of it."""
_ENDS: Final = ("", ".", ")")
_PLAIN: Final = ("password", "passwd", "passphrase", "secret", "token")
_OF_TWO: Final = (("api", "key"), ("access", "key"))
_QUOTES: Final = ("", '"', "'")
_SCHEMES: Final = ("Bearer", "bearer", "BEARER", "Basic", "basic", "BASIC")


def guises(value: str) -> Iterator[str]:
    """The value first; it may come twice."""
    yield value
    behind = ["".join(signs) for count in range(_MOST_BEHIND + 1) for signs in product(_BEHIND, repeat=count)]
    for before, after in product(_BEFORE, behind):
        yield before + value + after
    basic = base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()  # `user:password`
    yield basic
    yield from _with_what_tells(value, basic)


def _with_what_tells(value: str, basic: str) -> Iterator[str]:
    """As old records have it: the HMAC was one of `password=` and the secret together."""
    for name, quote, space, sign, gap, opening in product(
        _names(), _QUOTES, ("", " "), "=:", ("", " ", "  "), _QUOTES
    ):
        lead = f"{name}{quote}{space}{sign}{gap}{opening}{value}"
        for end in _ENDS:
            yield lead + end
    for scheme, gap, text in product(_SCHEMES, (" ", "  "), (value, basic)):
        yield f"{scheme}{gap}{text}"


def _names() -> Iterator[str]:
    for name in _PLAIN:
        yield from (name, name.capitalize(), name.upper())
    for first, second in _OF_TWO:
        for sign in ("", "_", "-"):
            one = f"{first}{sign}{second}"
            yield from dict.fromkeys(
                (one, one.upper(), one.capitalize(), one.title(), first + sign + second.title(),
                 first.title() + sign + second.title())
            )  # fmt: skip
