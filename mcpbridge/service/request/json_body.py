"""A request's body: strict JSON, an object, no deeper than anything can be that a person wrote."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from mcpbridge.service.errors import ApiError
from mcpbridge.service.wire import Item, is_list, is_object

_DEEPEST = 128  # JSON schemas of tools nest a dozen levels; a parser's own limit is near 1000
_SHOWN = 64  # characters of a field's name
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class TooDeep(ValueError):
    """The JSON is nested deeper than is taken."""


class TwiceNamed(ValueError):
    """An object names a field twice: two readers would not read the same."""


def read_object(raw: bytes) -> Item:
    """Raises ApiError."""
    try:
        body = read_json(raw, named_once=True)
        _refuse_half_characters(raw, body)
    except TooDeep:
        message = f"The JSON body of your request is nested more than {_DEEPEST} levels deep."
        raise ApiError(message) from None
    except TwiceNamed as error:
        message = f"The JSON body of your request names '{error}' twice in one object; write it once."
        raise ApiError(message, param=str(error)) from None
    except ValueError:
        raise ApiError("We could not parse the JSON body of your request.") from None
    if not is_object(body):
        raise ApiError("The body of the request must be a JSON object.")
    return body


def read_json(raw: bytes, *, named_once: bool = False) -> object:
    """Strict JSON. Raises ValueError; TooDeep; with `named_once`, TwiceNamed."""
    hook = _each_once if named_once else None
    try:
        value: object = json.loads(raw, parse_constant=_no_json, object_pairs_hook=hook)
    except RecursionError:
        raise TooDeep from None
    if _deeper_than(_DEEPEST, value):
        raise TooDeep
    return value


def _no_json(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity


def _each_once(pairs: list[tuple[str, Any]]) -> Item:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise TwiceNamed(name.encode("utf-8", "replace").decode()[:_SHOWN])
            seen.add(name)
    return fields


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
