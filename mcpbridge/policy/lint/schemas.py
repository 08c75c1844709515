"""What a tool's input schema says about one argument: whether it exists, its types, its values.

Reads JSON Schema as servers write it, and says nothing where it is not plain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from mcpbridge.core.raw import mapping

_MAX_DEPTH: Final = 16
_KIND_OF: Final = {"integer": "number"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One argument, or an item of one: the schemas of which one or all hold there."""

    root: Mapping[str, Any]
    schemas: tuple[Mapping[str, Any], ...]

    def names(self) -> tuple[str, ...] | None:
        """The names of what is inside; None where others are possible."""
        found: dict[str, None] = {}
        for schema in self.schemas:
            properties = schema.get("properties")
            if not isinstance(properties, Mapping) or _open(schema):
                return None
            found |= dict.fromkeys(cast("Mapping[str, Any]", properties))
        return tuple(found) if self.schemas else None

    def below(self, name: str) -> Place:
        """The argument of this name inside."""
        return self._at(mapping(schema.get("properties")).get(name) for schema in self.schemas)

    def items(self) -> Place:
        """An item of the list."""
        return self._at(schema.get("items") for schema in self.schemas)

    def _at(self, found: Iterator[object]) -> Place:
        schemas = tuple(one for schema in found for one in _plain(schema, self.root))
        return Place(root=self.root, schemas=schemas)

    def kinds(self) -> frozenset[str] | None:
        """The types of value that fit, null aside; None where any could."""
        found: set[str] = set()
        for schema in self.schemas:
            kinds = _kinds(schema)
            if kinds is None:
                return None
            found |= kinds
        return frozenset(found) if self.schemas else None

    def values(self) -> Sequence[object] | None:
        """The values that an enumeration permits; None where there is none."""
        found: list[object] = []
        for schema in self.schemas:
            if "const" in schema:
                found.append(schema["const"])
            elif isinstance(schema.get("enum"), list):
                found += schema["enum"]
            elif schema.get("type") != "null":
                return None
        return found or None


def arguments_of(schema: Mapping[str, Any]) -> Place:
    """All arguments of a tool."""
    return Place(root=schema, schemas=tuple(_plain(schema, schema)))


def _open(schema: Mapping[str, Any]) -> bool:
    """Said outright. That JSON Schema permits more where nothing is said does not count."""
    return bool(schema.get("additionalProperties")) or bool(schema.get("patternProperties"))


def _kinds(schema: Mapping[str, Any]) -> set[str] | None:
    types = schema.get("type")
    if isinstance(types, str):
        types = [types]
    if isinstance(types, list):
        named = [one for one in cast("list[object]", types) if isinstance(one, str)]
        return {_KIND_OF.get(one, one) for one in named} - {"null"}
    return None


def _plain(schema: object, root: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The schema, or those it refers to or chooses between."""
    if schema is None or schema is False:
        return
    found = mapping(schema)
    if not found or depth > _MAX_DEPTH:
        yield {}  # anything
        return
    reference = found.get("$ref")
    if isinstance(reference, str):
        yield from _plain(_resolved(reference, root), root, depth + 1)
        return
    branches = [
        one for key in ("anyOf", "oneOf", "allOf") for one in cast("list[object]", found.get(key) or [])
    ]
    if not branches:
        yield found
        return
    if "properties" in found:
        yield found
    for branch in branches:
        yield from _plain(branch, root, depth + 1)


def _resolved(reference: str, root: Mapping[str, Any]) -> object:
    value: object = root
    if not reference.startswith("#"):
        return True
    for name in reference.removeprefix("#").strip("/").split("/"):
        if name:
            value = mapping(value).get(name.replace("~1", "/").replace("~0", "~"), True)
    return value
