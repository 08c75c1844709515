"""Whatever stands in the place of a value, the answer is a response or an error of the API, never a crash."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from mcpbridge.service.wire import is_list, is_object
from tests.service.talking import Item, function, talking, user
from tests.service.test_service_item_kinds import CALLS, call, output

HOSTED = {
    "type": "mcp",
    "server_label": "t",
    "server_url": "http://127.0.0.1:9/mcp",
    "headers": {"a": "b"},
    "allowed_tools": {"tool_names": ["a"], "read_only": None},
    "require_approval": {"always": {"tool_names": ["a"]}, "never": {"read_only": None}},
}
ASKED = {"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "t", "name": "a", "arguments": "{}"}
ANSWER = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": False, "reason": "x"}
LISTED: Item = {
    "type": "mcp_list_tools",
    "id": "mcpl_1",
    "server_label": "t",
    "tools": [{"name": "a", "input_schema": {}}],
}
RAN = {**ASKED, "type": "mcp_call", "id": "mcp_1", "output": "x", "error": None, "approval_request_id": None}
PICTURE = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "aGk="}
SHOWN = {"type": "input_image", "image_url": "data:", "detail": "auto"}
SCHEMA: Item = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
BODIES: dict[str, Item] = {
    **{kind: {"input": [call(kind), output(kind)]} for kind in CALLS},
    "hosted": {"input": [LISTED, ASKED, ANSWER, RAN, PICTURE, user("hi")]},
    "parts": {"input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}, SHOWN]}]},
    "tools": {
        "input": [LISTED, user("hi")],
        "tools": [function("f"), {"type": "image_generation", "size": "auto", "partial_images": 1}, HOSTED],
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "function", "name": "f"}],
        },
    },
    "format": {
        "input": "hi",
        "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}},
    },
}
WRONG: tuple[Any, ...] = ([], {}, [[]], 3, None, "x")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if is_object(value):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif is_list(value):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def changed(value: Item, path: tuple[Any, ...], new: Any) -> Item:
    whole = copy.deepcopy(value)
    at: Any = whole
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return whole


@pytest.mark.parametrize("name", BODIES)
def test_no_wrong_type_is_more_than_an_error(name: str) -> None:
    with talking("rules: [{then: [{say: '{}'}]}]") as talk:
        body = {"model": "scripted", "store": False, **BODIES[name]}
        assert talk.post(body).status_code == 200
        for path in places(body):
            for new in WRONG:
                answered = talk.post(changed(body, path, new))
                assert answered.status_code in (200, 400, 404, 424), (path, new, answered.text)
