"""Structured output: the format is checked when it comes in, and the model is held to it."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcpbridge.service.loopback import in_thread
from tests.service.talking import Item, kinds, talking, text_in, user
from tests.service.test_service_mcp_servers import running_at

SCRIPT = r"""
rules:
- when: {user: "fits"}
  then: [{say: '{"answer": 42}'}]
- when: {user: "wrong"}
  then: [{say: '{"answer": "forty-two"}'}]
- when: {user: "aside"}
  then: [{say: "Let me see.", phase: commentary}, {say: '{"answer": 1}', phase: final_answer}]
- when: {user: "refuse"}
  then: [{refuse: "I will not."}]
- when: {user: "list"}
  then: [{say: "[1]"}]
- then: [{say: "forty-two"}]
"""
SCHEMA: Item = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}


def schema_format(schema: Any = SCHEMA, **changes: Any) -> Item:
    given = {"type": "json_schema", "name": "answer", "schema": schema, "strict": True, **changes}
    return {"format": {key: value for key, value in given.items() if value is not ...}}


def inside(schema: Item) -> Item:
    return {**SCHEMA, "properties": {"answer": schema}}


@pytest.mark.parametrize(
    ("text", "param", "message"),
    [
        (schema_format(name=...), "text.format.name", "Missing required parameter: 'text.format.name'."),
        (
            schema_format(schema=...),
            "text.format.schema",
            "Missing required parameter: 'text.format.schema'.",
        ),
        (schema_format(name="two words"), "text.format.name", "Invalid 'text.format.name'"),
        (schema_format(name="x" * 65), "text.format.name", "Invalid 'text.format.name'"),
        (schema_format(name=3), "text.format.name", "Invalid type for 'text.format.name'"),
        (schema_format(strict="yes"), "text.format.strict", "Invalid type for 'text.format.strict'"),
        (schema_format(more=1), "text.format.more", "Unknown parameter: 'text.format.more'."),
        ({"format": {"type": "yaml"}}, "text.format.type", "Invalid value: 'yaml'."),
        ({"format": {}}, "text.format.type", "Missing required parameter: 'text.format.type'."),
        ({"format": "json"}, "text.format", "Invalid type for 'text.format'"),
        (
            schema_format({"type": 3}),
            "text.format.schema",
            "Invalid schema for response_format 'answer': In context=",
        ),
        (schema_format({**SCHEMA, "additionalProperties": True}), "text.format.schema", "Invalid schema"),
        (schema_format({**SCHEMA, "required": []}), "text.format.schema", "Invalid schema"),
        (schema_format({"type": "array", "items": {}}), "text.format.schema", "Invalid schema"),
        (schema_format(inside({"type": "object"})), "text.format.schema", "Invalid schema"),
        (
            schema_format(inside({"type": "array", "items": {"type": "object"}})),
            "text.format.schema",
            "Invalid",
        ),
        (schema_format(inside({"anyOf": [{"type": "object"}]})), "text.format.schema", "Invalid schema"),
        (
            schema_format({**SCHEMA, "$defs": {"a": {"type": "object"}}}),
            "text.format.schema",
            "Invalid schema",
        ),
    ],
)
def test_a_format_that_cannot_be_is_refused(text: Item, param: str, message: str) -> None:
    with talking(SCRIPT) as talk:
        error = talk.refused(user("fits"), text=text)
        assert error["param"] == param
        assert error["message"].startswith(message)


def test_the_strict_subset_is_explained_as_the_api_does() -> None:
    with talking(SCRIPT) as talk:
        error = talk.refused(user("fits"), text=schema_format(inside({"type": "object"})))
        assert error["code"] == "invalid_json_schema"
        assert error["message"] == (
            "Invalid schema for response_format 'answer': In context=('properties', 'answer'), "
            "'additionalProperties' is required to be supplied and to be false."
        )


@pytest.mark.parametrize("text", ["fits", "aside"])
def test_an_answer_that_fits_is_given(text: str) -> None:
    with talking(SCRIPT) as talk:
        assert '{"answer": ' in text_in(talk.say(user(text), text=schema_format()))


def test_a_refusal_fits_every_format() -> None:
    with talking(SCRIPT) as talk:
        assert kinds(talk.say(user("refuse"), text=schema_format())) == ["message"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("wrong", "answer: 'forty-two' is not of type 'integer'"),
        ("prose", "it is not JSON"),
        ("list", "[1] is not of type 'object'"),
    ],
)
def test_an_answer_that_does_not_fit_ends_the_request(text: str, problem: str) -> None:
    with talking(SCRIPT) as talk:
        error = talk.refused(user(text), text=schema_format())
        assert (error["code"], error["param"]) == ("model_disobeys", "text.format")
        assert problem in error["message"]
        assert "--quirk text-format-ignored" in error["message"]


@pytest.mark.parametrize("strict", [False, None, ...])
def test_a_schema_that_is_not_strict_is_a_wish(strict: Any) -> None:
    loose = {"type": "object", "properties": {"answer": {"type": "integer"}}}
    with talking(SCRIPT) as talk:
        assert text_in(talk.say(user("prose"), text=schema_format(loose, strict=strict))) == "forty-two"


def test_json_mode_wants_an_object_and_to_be_spoken_of() -> None:
    mode = {"format": {"type": "json_object"}}
    with talking(SCRIPT) as talk:
        assert "must contain the word 'json'" in talk.refused(user("fits"), text=mode)["message"]
        assert text_in(talk.say(user("fits, as JSON"), text=mode)) == '{"answer": 42}'
        assert "it is not JSON" in talk.refused(user("as json"), text=mode)["message"]
        assert "it is not a JSON object" in talk.refused(user("a json list"), text=mode)["message"]
    with talking(SCRIPT) as talk:
        assert talk.say(user("fits"), text=mode, instructions="Answer in JSON.")


DEEP: Item = {"$ref": "#/$defs/deep"}


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({**SCHEMA, "properties": {"answer": {"$ref": "#/$defs/gone"}}}, "/$defs/gone, which is not in it"),
        ({**SCHEMA, "anyOf": [DEEP], "$defs": {"deep": {"anyOf": [DEEP]}}}, "refers to itself without end"),
    ],
)
def test_a_schema_that_cannot_be_followed_ends_the_request_and_not_the_service(
    schema: Item, problem: str
) -> None:
    with talking(SCRIPT) as talk:
        assert problem in talk.refused(user("fits"), text=schema_format(schema))["message"]
        assert talk.say(user("fits"))


def test_a_reference_out_of_the_schema_is_refused_and_nothing_is_fetched() -> None:
    reached: list[str] = []

    async def schema(request: Request) -> Response:
        reached.append(request.url.path)
        return JSONResponse({"type": "integer"})

    app = Starlette(routes=[Route("/schema", schema)])
    with in_thread(lambda: running_at(app)) as origin, talking(SCRIPT) as talk:
        for text in (
            schema_format(inside({"$ref": f"{origin}/schema"})),
            schema_format({**inside({"$ref": "#/x"}), "$id": f"{origin}/schema"}),
        ):
            assert talk.refused(user("fits"), text=text)["param"] in ("text.format.schema", "text.format")
    assert reached == []
