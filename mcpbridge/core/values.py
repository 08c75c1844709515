"""Parsed JSON values, compared exactly: 1 is not 1.0, and true is neither."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from mcpbridge.core.number import InexactFloat


def for_people(value: Any) -> str:
    """JSON on one line, in the order given; a number that no double holds as it was written, for that is what
    will be sent."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value).items()
        return "{" + ", ".join(f"{_text(name)}: {for_people(inner)}" for name, inner in pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(for_people, cast("list[Any]", value))) + "]"  # type: ignore[redundant-cast]
    return str(value.exact) if isinstance(value, InexactFloat) else _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def canonical(value: Any) -> str:
    """One text for each value: sorted names, no spaces; a number that no double holds as it was written."""
    if isinstance(value, Mapping):
        pairs = sorted(cast("Mapping[str, Any]", value).items())
        return "{" + ",".join(f"{json.dumps(name)}:{canonical(inner)}" for name, inner in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(inner) for inner in cast("list[Any]", value)) + "]"  # type: ignore[redundant-cast]
    return str(value.exact) if isinstance(value, InexactFloat) else json.dumps(value)
