"""The published description of the API and the openai package's own types, as validators for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator, ValidationError
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from mcpbridge.service.wire import is_list, is_object

_DESCRIPTION = Path(__file__).parents[3] / "shared" / "openapi" / "openai-responses.json"


def require_description() -> None:
    """Skips the test where the published description is not at hand."""
    if not _DESCRIPTION.is_file():
        pytest.skip("the published API description (../shared/openapi) is not here")


@cache
def _validator(name: str) -> Draft202012Validator:
    description = json.loads(_DESCRIPTION.read_text(encoding="utf-8"))
    components = {"components": _loosened(description["components"])}
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", **components})


def _loosened(value: Any) -> Any:
    """Discriminated `oneOf` as `anyOf`: published variants overlap, so that a plain message fits two."""
    if is_list(value):
        return [_loosened(inner) for inner in value]
    if not is_object(value):
        return value
    names = {"oneOf": "anyOf"} if "discriminator" in value else {}
    return {names.get(name, name): _loosened(inner) for name, inner in value.items()}


def published_problems(name: str, value: dict[str, Any]) -> list[str]:
    """What the published schema `name` finds wrong with a value; nothing where it is not at hand."""
    if not _DESCRIPTION.is_file():
        return []
    problems = cast("Iterable[ValidationError]", _validator(name).iter_errors(value))  # pyright: ignore[reportUnknownMemberType]
    return [f"{'/'.join(str(part) for part in one.absolute_path)}: {one.message[:300]}" for one in problems]


@cache
def _response_type() -> TypeAdapter[Response]:
    return TypeAdapter(Response)


@cache
def _event_type() -> TypeAdapter[ResponseStreamEvent]:
    return TypeAdapter(ResponseStreamEvent)


def assert_is_response(body: dict[str, Any]) -> Response:
    """The body is a Response to the published schema and to the openai package."""
    assert published_problems("Response", body) == []
    response = _response_type().validate_python(body)
    assert [item.type for item in response.output] == [item["type"] for item in body["output"]]
    return response


def assert_are_events(events: Iterable[dict[str, Any]]) -> None:
    """Each is a stream event to both; the numbers run from 0 without a gap."""
    listed = list(events)
    for event in listed:
        assert published_problems("ResponseStreamEvent", event) == [], event["type"]
        assert _event_type().validate_python(event).type == event["type"]
    assert [event["sequence_number"] for event in listed] == list(range(len(listed)))
