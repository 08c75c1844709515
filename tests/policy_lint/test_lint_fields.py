"""Schemas as servers write them: references, alternatives, open objects. What is not plain raises nothing."""

from __future__ import annotations

from typing import Any

import pytest

from mcpbridge.core.action import ToolDefinition
from mcpbridge.policy.lint import Known

from .shared import NUMBER, TEXT, found

RULE = "  - {id: r, effect: allow, tools: [x.t], when: {%s}}"
NODE: dict[str, Any] = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "name": TEXT}}


def said(schema: dict[str, Any], when: str) -> list[str]:
    """The checks that find something in a rule about one tool with this schema."""
    known = Known(
        labels=frozenset({"x"}),
        listed={"x": frozenset({"t"})},
        definitions={"x.t": ToolDefinition(name="t", input_schema=schema)},
    )
    return [one.check for one in found(RULE % when, known)]


@pytest.mark.parametrize(
    ("schema", "when"),
    [
        ({}, "a: {gt: 1}"),
        ({"properties": {"b": TEXT}, "additionalProperties": True}, "a: {gt: 1}"),
        ({"properties": {"b": TEXT}, "patternProperties": {"^a": TEXT}}, "a: {gt: 1}"),
        ({"properties": {"a": {}}}, "a: {gt: 1}"),
        ({"properties": {"a": True}}, "a.b: {gt: 1}"),
        ({"properties": {"a": {"$ref": "https://elsewhere.example/a"}}}, "a: {gt: 1}"),
        ({"properties": {"a": {"$ref": "#/$defs/gone"}}}, "a: {gt: 1}"),
        ({"properties": {"a": {"anyOf": [TEXT, NUMBER]}}}, "a: {gt: 1}"),
        ({"properties": {"a": {"type": ["number", "null"]}}}, "a: {gt: 1}"),
        ({"properties": {"a": {"type": "integer"}}}, "a: {gt: 1, type: integer}"),
        ({"properties": {"a": {"allOf": [{"title": "A"}, NUMBER]}}}, "a: {gt: 1}"),
        ({"properties": {"a": {"anyOf": [{"const": "x"}, {"enum": ["y"]}]}}}, "a: {in: [x, y]}"),
        ({"$defs": {"node": NODE}, "$ref": "#/$defs/node"}, "next.next.name: {eq: x}"),
        ({"properties": {"a": {"type": "array", "items": TEXT}}}, "a: {any: {eq: x}}"),
        ({"properties": {"a": TEXT}}, "a: {all_of: [{min_len: 1}, {eq: x}]}"),
    ],
)
def test_what_the_schema_permits_or_leaves_open_raises_nothing(schema: dict[str, Any], when: str) -> None:
    assert said(schema, when) == []


@pytest.mark.parametrize(
    ("schema", "when", "check"),
    [
        ({"$defs": {"node": NODE}, "$ref": "#/$defs/node"}, "next.next.nmae: {eq: x}", "unknown-field"),
        ({"properties": {"b": TEXT}, "additionalProperties": False}, "a: {gt: 1}", "unknown-field"),
        ({"properties": {"a": {"anyOf": [TEXT, {"type": "null"}]}}}, "a: {gt: 1}", "wrong-type"),
        ({"properties": {"a": {"$ref": "#/$defs/t"}}, "$defs": {"t": TEXT}}, "a: {gt: 1}", "wrong-type"),
        ({"properties": {"a": {"anyOf": [{"const": "x"}, {"enum": ["y"]}]}}}, "a: {eq: z}", "wrong-type"),
        ({"properties": {"a": TEXT}}, "a: {all_of: [{min_len: 1}, {all_of: [{gt: 5}]}]}", "vacuous"),
        ({"properties": {"a": TEXT}}, "a: {all_of: [{gt: 5}]}", "wrong-type"),
        ({"properties": {"a": {"enum": [1, True]}}}, "a: {in: [1.0, 2]}", "wrong-type"),
    ],
)
def test_what_the_schema_rules_out_is_found(schema: dict[str, Any], when: str, check: str) -> None:
    assert check in said(schema, when)


def test_a_glob_over_tools_of_which_one_has_the_argument_raises_nothing_in_an_allow() -> None:
    tools = {"t": {"properties": {"a": TEXT}}, "u": {"properties": {"b": TEXT}}}
    known = Known(
        labels=frozenset({"x"}),
        listed={"x": frozenset(tools)},
        definitions={f"x.{name}": ToolDefinition(name=name, input_schema=one) for name, one in tools.items()},
    )
    assert found("  - {id: r, effect: allow, tools: ['x.*'], when: {a: {eq: x}}}", known) == []
