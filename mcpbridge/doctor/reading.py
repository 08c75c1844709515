"""The one place where fields of an endpoint's answer are read: nobody has promised their shape."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import quote

from mcpbridge.core.question import visible
from mcpbridge.core.raw import mapping

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,512}={0,2}", re.ASCII)
"""What may stand in a path. Some gateways make ids of Base64, which ends in `=`."""
_LONGEST: Final = 120
"""Characters of a foreign name or word that are shown."""
_TEXTS: Final[Mapping[str, Sequence[str]]] = {
    "mcp_approval_request": ("id", "name", "arguments"),
    "mcp_call": ("id", "name", "arguments"),
    "function_call": ("name",),
}
"""Fields without which an item cannot be answered, replayed or judged."""


class Malformed(Exception):
    """An answer that has not the shape the API describes. The message holds nothing of it."""


def objects(value: object, where: str) -> list[dict[str, Any]]:
    """A list of JSON objects; nothing where there is nothing. Raises Malformed."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{where} is no list")
    listed = cast("list[object]", value)
    if not all(isinstance(each, dict) for each in listed):
        raise Malformed(f"{where} holds something that is no object")
    return [dict(mapping(each)) for each in listed]


def text(value: object, where: str) -> str:
    """Text; empty where there is nothing. Raises Malformed."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{where} is no text")
    return value


def item(raw: dict[str, Any], kind: str) -> dict[str, Any]:
    """The item, with every field that its kind needs. Raises Malformed."""
    for name in _TEXTS.get(kind, ()):
        if not text(raw.get(name), f"{name} of {kind}") and name != "arguments":
            raise Malformed(f"{kind} has no {name}")
    return raw


def path_of(body: Mapping[str, Any]) -> str:
    """Where a stored response is found. Raises Malformed for an id that could lead elsewhere."""
    identity = body.get("id")
    if not isinstance(identity, str) or not _ID.fullmatch(identity):
        raise Malformed(
            "the id of the response is no id (letters, digits, _ and -), so it is not put in a URL"
        )
    return f"/responses/{quote(identity, safe='')}"


def request_text(request: Mapping[str, Any]) -> str | None:
    """The argument `text` of a call; None where it has none."""
    arguments: object = request.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return None
    found = mapping(arguments).get("text")
    return found if isinstance(found, str) else None


def word(value: object) -> str:
    """Any value in a few visible characters."""
    shown = visible(value if isinstance(value, str) else repr(value)[:_LONGEST], newlines=False)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
