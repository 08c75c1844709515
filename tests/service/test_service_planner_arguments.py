"""The planner's arguments: where in a text it finds them, and what it leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from mcpbridge.service.brains.planner.arguments import fill
from mcpbridge.service.wire import Item
from tests.service.planning import function, planning
from tests.service.talking import kinds, user

TEXT: Item = {"type": "string"}
WHOLE: Item = {"type": "integer"}
NUMBER: Item = {"type": "number"}
FLAG: Item = {"type": "boolean"}
TEXTS: Item = {"type": "array", "items": TEXT}
SEVERITY: Item = {"type": "string", "enum": ["low", "high", "very_high"]}
POINT: Item = {"type": "object", "properties": {"x": WHOLE, "y": WHOLE}, "required": ["x", "y"]}
MAYBE: Item = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def filled(text: str, properties: dict[str, Item], chosen_by: str = "") -> Item:
    """The arguments found; a property whose name ends in an underscore is optional."""
    declared = {name.removesuffix("_"): schema for name, schema in properties.items()}
    required = [name for name in properties if not name.endswith("_")]
    schema = {"type": "object", "properties": declared, "required": required, "$defs": {"S": SEVERITY}}
    return fill(text, schema, chosen_by).values()


@pytest.mark.parametrize(
    ("text", "properties", "expected"),
    [
        ('title: "A: b", body=short', {"title": TEXT, "body": TEXT}, {"title": "A: b", "body": "short"}),
        ("titled Wet paint with severity high", {"title": TEXT, "severity": SEVERITY}, ...),
        ("a very high one titled Wet paint", {"title": TEXT, "severity": SEVERITY}, ...),
        ("number 7 please", {"id": WHOLE}, {"id": 7}),
        ("issue #12", {"issue_number": WHOLE}, {"issue_number": 12}),
        ("2.5 and 3", {"a": NUMBER, "b": NUMBER}, {"a": 2.5, "b": 3}),
        ("wait 2 minutes", {"timeout_seconds": NUMBER}, {"timeout_seconds": 120}),
        ("in 90 s", {"delay_ms": WHOLE}, {"delay_ms": 90000}),
        ("draft, not urgent", {"draft": FLAG, "urgent": FLAG}, {"draft": True, "urgent": False}),
        ("draft: no", {"draft": FLAG}, {"draft": False}),
        ("on 2026-03-04", {"due": TEXT}, {"due": "2026-03-04"}),
        ("mail ada@example.org", {"to": TEXT}, {"to": "ada@example.org"}),
        ("cc eve@example.org to ada@example.org", {"to": TEXT, "cc": TEXT}, ...),
        ("see https://a.example/b?c=d.", {"url": TEXT}, {"url": "https://a.example/b?c=d"}),
        ("from Berlin to Paris", {"from": TEXT, "to": TEXT}, {"from": "Berlin", "to": "Paris"}),
        ("tags: a, b and c", {"tags": TEXTS}, {"tags": ["a", "b", "c"]}),
        ('tags ["a,b"]', {"tags": TEXTS}, {"tags": ["a,b"]}),
        ("with x 3 and y 4", {"point": POINT}, {"point": {"x": 3, "y": 4}}),
        ('point: {"x": 1, "y": 2}', {"point": POINT}, {"point": {"x": 1, "y": 2}}),
        ("severity high", {"severity": {"$ref": "#/$defs/S"}}, {"severity": "high"}),
        ("nothing", {"assignee": MAYBE, "id": WHOLE}, {"assignee": None}),
        ("nothing", {"limit": {"type": "integer", "default": 10}}, {"limit": 10}),
        ("nothing", {"limit_": {"type": "integer", "default": 10}}, {}),
        ("five", {"id": WHOLE}, {}),
        ("title x", {"_": TEXT, "": WHOLE}, {}),
    ],
)
def test_an_argument_is_found_by_label_shape_or_type(
    text: str, properties: dict[str, Item], expected: Any
) -> None:
    by_hand: dict[str, Item] = {
        "titled Wet paint with severity high": {"title": "Wet paint", "severity": "high"},
        "a very high one titled Wet paint": {"title": "Wet paint", "severity": "very_high"},
        "cc eve@example.org to ada@example.org": {"to": "ada@example.org", "cc": "eve@example.org"},
    }
    assert filled(text, properties) == (by_hand[text] if expected is ... else expected)


@pytest.mark.parametrize(
    ("text", "chosen_by", "rest"),
    [
        ("What is the weather in San Francisco?", "get_weather Weather of a place.", "San Francisco"),
        ("search the docs for quantum tunnelling", "search_docs", "quantum tunnelling"),
        ('echo "in quotation marks"', "echo", "in quotation marks"),
        ("open an issue about the wet paint", "create_issue Open an issue.", "wet paint"),
        ("open a ticket", "create_issue Open an issue.", None),
    ],
)
def test_the_words_that_are_left_become_the_main_text(text: str, chosen_by: str, rest: str | None) -> None:
    assert filled(text, {"query": TEXT}, chosen_by) == ({} if rest is None else {"query": rest})


def test_the_rest_goes_to_one_argument_only_and_others_stay_missing() -> None:
    schema = {"type": "object", "properties": {"title": TEXT, "body": TEXT}, "required": ["title", "body"]}
    filling = fill("about wet paint", schema, "")
    assert len(filling.arguments) == len(filling.missing) == 1


def test_each_argument_says_where_it_was_found() -> None:
    schema = {"type": "object", "properties": {"title": TEXT, "id": WHOLE}, "required": ["title", "id"]}
    found = {one.name: one.how for one in fill("titled Paint, 7", schema, "").arguments}
    assert found == {"title": "what follows “titled”", "id": "the number 7"}


@pytest.mark.parametrize("schema", [{}, {"properties": 1}, {"required": ["a"]}, {"$ref": "#/loop"}])
def test_a_schema_that_is_none_gives_no_arguments(schema: Item) -> None:
    assert fill("title: x", schema, "").values() == {}


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    node: Item = {"type": "object", "properties": {"next": {"$ref": "#/properties/next"}, "x": WHOLE}}
    schema: Item = {"type": "object", "properties": {"next": node, "loop": {"$ref": "#/properties/loop"}}}
    assert fill("x 3", schema, "").values() == {"next": {"x": 3}}


@pytest.mark.parametrize(
    "text", ["a, " * 6000, "( " * 9000, " " * 18000 + "x", "title " * 3000, "with the " * 2000]
)
def test_a_hostile_text_is_planned_on_too(text: str) -> None:
    with planning(function("set_title", "Set a title.", title=TEXT, id=WHOLE)) as talk:
        assert kinds(talk.say(user(f"set title {text}"))) == ["reasoning", "message"]  # it asks for the id
