"""The shapes that values of a record have, as JSON Schema (draft 7) writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

Shape = dict[str, Any]

SHA256: Final[Shape] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
HMAC: Final[Shape] = SHA256
KEY_ID: Final[Shape] = {"type": "string", "pattern": "^[0-9a-f]{8}$"}
TIME: Final[Shape] = {"type": "string", "format": "date-time"}
NAME: Final[Shape] = {"type": "string"}
FLAG: Final[Shape] = {"type": "boolean"}
COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
NUMBER: Final[Shape] = {"type": "number"}
ANY: Final[Shape] = {}
HIDDEN: Final[Shape] = {
    "type": "object",
    "description": "Stands for a value that is not kept: its HMAC, and the id of the key it was made with.",
    "properties": {"hmac": HMAC, "key": KEY_ID, "size": COUNT, "code": NAME},
    "required": ["hmac", "key"],
    "additionalProperties": False,
}
OMITTED: Final[Shape] = {
    "type": "object",
    "description": "Stands for a value that is too large to keep: its size in bytes and its SHA-256.",
    "properties": {"size": COUNT, "sha256": SHA256},
    "required": ["size", "sha256"],
    "additionalProperties": False,
}


def free(shape: Shape) -> Shape:
    """Text from outside: what looks like a secret is hidden in it, or all of it."""
    return {"anyOf": [shape, HIDDEN, OMITTED]}


TEXT: Final[Shape] = free(NAME)


def choice(words: Iterable[str]) -> Shape:
    return {"enum": list(words)}


def listed(item: Shape) -> Shape:
    return {"type": "array", "items": item}


def nullable(shape: Shape) -> Shape:
    if "type" in shape:
        return {**shape, "type": [shape["type"], "null"]}
    return {"anyOf": [shape, {"type": "null"}]}


def mapping(values: Shape) -> Shape:
    return {"type": "object", "additionalProperties": values}


def members(given: dict[str, Shape], *, required: Iterable[str] = ()) -> Shape:
    """An object with these members and no others."""
    return {
        "type": "object",
        "properties": given,
        "required": list(required),
        "additionalProperties": False,
    }
