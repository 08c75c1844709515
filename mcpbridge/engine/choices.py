"""The choices that a field of a server's form leaves, in each of the ways that MCP has had to write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from mcpbridge.core.raw import mapping
from mcpbridge.core.values import for_people


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What may be chosen. The values are what is sent, whatever their titles say."""

    values: tuple[object, ...]
    titles: tuple[object, ...]
    """As many; None where a value has none."""
    bounds: str = ""
    """How many, in words, of a field that takes several."""
    several: bool = False

    @property
    def text(self) -> str:
        """On one line. Titles are quoted like the values, so that none looks like a choice of its own."""
        told = ", ".join(_told(*one) for one in zip(self.values, self.titles, strict=True))
        return f"{'some' if self.several else 'one'} of [{told}]{self.bounds}"


def choices(field: Mapping[str, Any]) -> Choices | None:
    """Those of one property of a form; None where it leaves everything of its type."""
    if field.get("type") != "array":
        return _alternatives(field)
    found = _alternatives(mapping(field.get("items")))
    if found is None:
        return None
    return Choices(values=found.values, titles=found.titles, bounds=_bounds(field), several=True)


def _alternatives(one: Mapping[str, Any]) -> Choices | None:
    """`enum`, with titles beside it in `enumNames`; or `oneOf` / `anyOf`, a `const` and a `title` each."""
    values = _list(one.get("enum"))
    if values:
        names = _list(one.get("enumNames"))
        return Choices(
            values=tuple(values), titles=tuple(names if len(names) == len(values) else [None] * len(values))
        )
    options = [mapping(option) for key in ("oneOf", "anyOf") for option in _list(one.get(key))]
    titled = [(option["const"], option.get("title")) for option in options if "const" in option]
    if not titled:
        return None
    return Choices(values=tuple(value for value, _ in titled), titles=tuple(title for _, title in titled))


def _told(value: object, title: object) -> str:
    same = title is None or title == value
    return for_people(value) if same else f"{for_people(value)} = {for_people(title)}"


def _bounds(field: Mapping[str, Any]) -> str:
    words = (("at least", field.get("minItems")), ("at most", field.get("maxItems")))
    return "".join(f", {word} {number}" for word, number in words if isinstance(number, int))


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []
