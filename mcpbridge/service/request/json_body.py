"""A request's body: strict JSON, an object, no deeper than anything can be that a person wrote."""

from __future__ import annotations

import json
import re
from typing import NoReturn

from mcpbridge.service.errors import ApiError
from mcpbridge.service.wire import Item, is_list, is_object

_DEEPEST = 128  # JSON schemas of tools nest a dozen levels; a parser's own limit is near 1000
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_object(raw: bytes) -> Item:
    """Raises ApiError."""
    try:
        body: object = json.loads(raw, parse_constant=_no_json)
        _refuse_half_characters(raw, body)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise ApiError("We could not parse the JSON body of your request.") from None
    if not is_object(body):
        raise ApiError("The body of the request must be a JSON object.")
    if _deeper_than(_DEEPEST, body):
        raise _too_deep()
    return body


def _no_json(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity


def _refuse_half_characters(raw: bytes, body: object) -> None:
    """An escaped surrogate without its other half is no text: it could not be sent back."""
    if _SURROGATE.search(raw):
        json.dumps(body, ensure_ascii=False).encode()  # raises UnicodeEncodeError, a ValueError


def _deeper_than(most: int, value: object) -> bool:
    level: list[object] = [value]
    for _ in range(most):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inside(value: object) -> list[object]:
    if is_object(value):
        return [*value.values()]
    return value if is_list(value) else []


def _too_deep() -> ApiError:
    return ApiError(f"The JSON body of your request is nested more than {_DEEPEST} levels deep.")
