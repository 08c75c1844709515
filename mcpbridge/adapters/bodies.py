"""What a provider answers, read strictly: bodies and events alike.

Whatever two readers could read in two ways is no answer: a name that stands twice, NaN, a number that is
none any more. Nothing of the provider's text gets into an error, its cause or its context.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final, cast

from mcpbridge.adapters.masking import MAX_DEPTH, too_deep

_MAX_DIGITS: Final = 1_000
"""Longer integers are not counts of anything; CPython refuses to write some of them again."""


class Garbled(Exception):
    """The answer is not the one it should be. The message holds nothing of it."""


class _Refused(ValueError):
    """Why a text is not taken as JSON, in words of ours."""


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """The JSON object that `data` is. Raises Garbled."""
    reason, value = "", cast("object", None)
    try:
        value = _decoder.decode(data.decode())
    except _Refused as error:
        reason = f"{what} is not JSON that can be relied on: {error}"
    except (ValueError, RecursionError) as error:  # also text that is not UTF-8
        reason = f"{what} is not JSON ({type(error).__name__})"
    if not reason and data.count(b"[") + data.count(b"{") > MAX_DEPTH and too_deep(value):
        reason = f"{what} is nested too deeply"
    if not reason and not isinstance(value, dict):
        reason = f"{what} is not a JSON object"
    if reason:  # raised here, so that no decoding error, which holds the text, becomes the context
        raise Garbled(reason)
    return cast("dict[str, Any]", value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("a name stands twice in one object")
    return found


def _no_constant(name: str) -> float:
    raise _Refused(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _Refused("a number is too large")
    return number


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise _Refused("a number is too long")
    return int(text)


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole
)
