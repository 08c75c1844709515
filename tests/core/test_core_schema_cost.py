"""What a stranger's schema costs is known before anything is held against it."""

from __future__ import annotations

from typing import Any

import pytest

from mcpbridge.core.schema_cost import SchemaCost, extent


def doubling(levels: int) -> dict[str, Any]:
    """Each definition asks for the next one, twice."""
    found: dict[str, Any] = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": {**found, f"d{levels}": {"type": "object"}}, "$ref": "#/$defs/d0"}


def closed(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"unevaluatedProperties": False, "allOf": [schema]}
    return schema


@pytest.mark.promise("bridged-schema-cost")
@pytest.mark.parametrize(
    "schema",
    [
        doubling(40),
        closed(40),
        {"$ref": "#"},
        {"allOf": [{"not": {"$ref": "#"}}]},
        {"$dynamicAnchor": "x", "anyOf": [{"$dynamicRef": "#x"}]},
        {"$id": "https://e.example/s", "$defs": {"a": {"$id": "a", "if": {"$ref": "s"}}}, "$ref": "a"},
        {"$ref": "nowhere"},
    ],
)
def test_what_never_ends_or_takes_for_ever_is_too_much(schema: dict[str, Any]) -> None:
    assert SchemaCost(schema).too_much(1)


def test_what_doubles_with_each_level_of_the_value_is_measured_with_the_value() -> None:
    both = {"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}
    cost = SchemaCost(both)
    assert not cost.too_much(8)
    assert cost.too_much(40)


_NODE = {"anyOf": [{"properties": {name: {"items": {"$ref": "#/$defs/n"}}}} for name in ("and", "or")]}


@pytest.mark.parametrize(
    "schema",
    [
        doubling(8),
        {"properties": {"v": {"type": "string"}, "kids": {"items": {"$ref": "#"}}}},
        {"$defs": {"n": _NODE}, "$ref": "#/$defs/n"},
        {
            "$id": "https://e.example/s",
            "$defs": {"a": {"$id": "a.json"}},
            "properties": {"p": {"$ref": "a.json"}},
        },
        {"properties": {"$ref": {"type": "string"}, "allOf": {"type": "array"}}},
        {"$ref": "http://json-schema.org/draft-07/schema#"},
    ],
)
def test_what_people_write_is_not(schema: dict[str, Any]) -> None:
    assert not SchemaCost(schema).too_much(12, 1_000)


def test_how_far_a_value_extends_is_counted() -> None:
    assert extent({"a": [1, {"b": 2}]}) == (3, 5)
    assert extent(7) == (0, 1)
