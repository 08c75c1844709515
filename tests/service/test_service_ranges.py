"""Values of a request that no model could keep to: refused by name, before anything is done."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.service.talking import Item, talking, user

SCRIPT = "rules: [{then: [{say: hi}]}]"


@pytest.mark.parametrize(
    ("options", "param", "code"),
    list[tuple[Item, str, str]](
        [
            ({"max_output_tokens": -5}, "max_output_tokens", "integer_below_min_value"),
            ({"max_output_tokens": 15}, "max_output_tokens", "integer_below_min_value"),
            ({"max_tool_calls": -1}, "max_tool_calls", "integer_below_min_value"),
            ({"temperature": 2.5}, "temperature", "decimal_above_max_value"),
            ({"top_p": -0.1}, "top_p", "decimal_below_min_value"),
            ({"top_logprobs": 21}, "top_logprobs", "integer_above_max_value"),
            ({"metadata": {"a": 5}}, "metadata.a", "invalid_type"),
            ({"metadata": {"a": "x" * 513}}, "metadata.a", "string_above_max_length"),
            ({"metadata": {"a" * 65: "x"}}, "metadata", "string_above_max_length"),
            ({"metadata": {str(n): "" for n in range(17)}}, "metadata", "object_above_max_properties"),
            ({"input": [{}]}, "input[0].role", "missing_required_parameter"),
            ({"input": [{"type": "item_reference"}]}, "input[0].id", "missing_required_parameter"),
            ({"input": [{"id": 5}]}, "input[0].id", "invalid_type"),
        ]
    ),
)
def test_a_value_outside_its_range_is_refused_by_name(options: Item, param: str, code: str) -> None:
    with talking(SCRIPT) as talk:
        error = talk.refused(user("hi"), **options)
    assert (error["param"], error["code"]) == (param, code)


def test_values_at_their_bounds_are_taken() -> None:
    with talking(SCRIPT) as talk:
        options: Item = {"max_output_tokens": 16, "temperature": 2, "top_p": 0, "top_logprobs": 20}
        talk.say(user("hi"), **options, max_tool_calls=0, metadata={"a" * 64: "x" * 512})


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('{"model": "m", "input": "one", "input": "two"}', "input"),
        ('{"model": "m", "input": [{"role": "user", "content": "a", "content": "b"}]}', "content"),
    ],
)
def test_a_body_that_names_a_field_twice_is_refused(content: str, name: str) -> None:
    with talking(SCRIPT) as talk:
        headers: Any = {"authorization": f"Bearer {talk.endpoint.api_key}"}
        answered = httpx2.post(f"{talk.endpoint.base_url}/responses", content=content, headers=headers)
    assert answered.status_code == 400
    assert answered.json()["error"]["param"] == name
    assert "twice in one object; write it once" in answered.json()["error"]["message"]
