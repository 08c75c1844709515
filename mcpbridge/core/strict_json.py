"""Tool arguments, parsed without mercy: what two parsers could read in two ways is refused.

RFC 8259 §4 leaves duplicate names to the reader and §6 has no NaN: a policy that reads the first
`amount` while the server reads the last one has been talked past.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from mcpbridge.core.number import read_float
from mcpbridge.core.secret import MASK

MAX_BYTES: Final = 1_000_000
"""Larger arguments are refused: nobody can review them."""
MAX_DEPTH: Final = 64
"""Real tool schemas nest below ten levels; CPython's own decoder recurses at 1,000."""


_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}\[\]]', re.DOTALL)
"""A string runs to its end or to the end of the text, so that this is one pass over any input."""


class MalformedArguments(ValueError):
    """`code` is stable for programs; the message is for people and carries no argument value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse_arguments(arguments: object) -> dict[str, Any]:
    """The parsed object. Takes the wire's JSON string, or an object (Azure's guide sends one).

    A number that a double does not hold comes as an InexactFloat, for it may be read in two ways.
    Raises MalformedArguments on duplicate keys, NaN or Infinity, lone surrogates, a non-object,
    too much depth or size.
    """
    if isinstance(arguments, Mapping):
        try:
            arguments = json.dumps(arguments, ensure_ascii=False, allow_nan=False)
        except (ValueError, TypeError, RecursionError) as error:
            raise MalformedArguments("not_finite", "the arguments hold a value JSON does not have") from error
    if arguments == MASK:
        raise MalformedArguments("secret", "the arguments hold a credential of this program")
    if not isinstance(arguments, str):
        raise MalformedArguments("not_an_object", "the arguments are neither a JSON string nor an object")
    return _parse_text(arguments)


def _parse_text(text: str) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise MalformedArguments("too_large", f"the arguments are longer than {MAX_BYTES} characters")
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise MalformedArguments("too_deep", f"the arguments are nested deeper than {MAX_DEPTH} levels")
    try:
        value: Any = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
        )
    except MalformedArguments:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedArguments("not_json", "the arguments are not valid JSON") from error
    if type(value) is not dict:
        raise MalformedArguments("not_an_object", "the arguments are not a JSON object")
    if "\\u" in text or not text.isascii():
        _no_surrogates(cast("object", value))
    return cast("dict[str, Any]", value)


def _depth(text: str) -> int:
    deepest = depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        bracket = found.group()
        if bracket[0] != '"':
            depth += 1 if bracket in "{[" else -1
            deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedArguments("duplicate_key", "the arguments name a key twice")
    return result


def _no_constant(name: str) -> float:
    raise MalformedArguments("not_finite", f"{name} is not JSON")


def _finite(text: str) -> float:
    try:
        return read_float(text)
    except ValueError as error:
        raise MalformedArguments("not_finite", str(error)) from error


def _no_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MalformedArguments("not_text", "the arguments hold a lone surrogate") from error
