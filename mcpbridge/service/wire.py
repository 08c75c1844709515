"""Small things every part of the wire needs: item type, identifiers, text of a content value."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard, cast

Item: TypeAlias = dict[str, Any]
"""A JSON object exactly as it travels."""

_FOLLOWS = re.compile(r"^[a-z]+_[0-9a-f]{24}r([0-9a-f]{24})$")
_LINK = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """Makes identifiers in the wire's shape: `prefix_` and 48 hexadecimal digits.

    What follows a reasoning item carries that item's first digits behind an `r`, so that a service which
    stores nothing can still tell that the reasoning is missing from a replay.
    """

    token: Callable[[int], str] = secrets.token_hex

    def new(self, prefix: str, *, after_reasoning: str | None = None) -> str:
        if after_reasoning is None:
            return f"{prefix}_{self.token(24)}"
        return f"{prefix}_{self.token(12)}r{reasoning_link(after_reasoning)}"


def reasoning_link(reasoning_id: str) -> str:
    return reasoning_id.partition("_")[2][:_LINK]


def required_reasoning(item_id: object) -> str | None:
    """The link of the reasoning item that this id says it followed."""
    found = _FOLLOWS.match(item_id) if isinstance(item_id, str) else None
    return found.group(1) if found else None


def is_object(value: object) -> TypeGuard[Item]:
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def whole(text: str) -> str:
    """The text, with a replacement character for each half of a character that cannot be sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def sendable(value: Any) -> Any:
    """A JSON value with whole characters only. Raises ValueError for what JSON cannot hold, RecursionError
    for what is nested too deep to be written."""
    if isinstance(value, str):
        return whole(value)
    if is_object(value):
        return {whole(name): sendable(inner) for name, inner in value.items() if _is_name(name)}
    if isinstance(value, list | tuple):
        return [sendable(inner) for inner in cast("Sequence[object]", value)]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(f"JSON has no {type(value).__name__} such as {value!r}")


def _is_name(name: object) -> bool:
    if not isinstance(name, str):
        raise ValueError(f"the name of a JSON field is text, not {name!r}")
    return True


def text_of(content: object) -> str:
    """The plain text in a message's content, a function output or a reasoning summary."""
    if isinstance(content, str):
        return content
    if not is_list(content):
        return ""
    return "\n".join(_part_text(part) for part in content)


def _part_text(part: object) -> str:
    if not is_object(part):
        return ""
    for key in ("text", "refusal", "filename", "image_url", "file_url"):
        value: object = part.get(key)
        if isinstance(value, str):
            return value
    return ""


def without_none(fields: Mapping[str, Any], names: Sequence[str]) -> Item:
    """The fields, minus those of `names` that are None: the schema has no null for them."""
    return {key: value for key, value in fields.items() if value is not None or key not in names}
