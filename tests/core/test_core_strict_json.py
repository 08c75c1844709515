"""Arguments that two parsers could read in two ways are refused."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.core.strict_json import MAX_BYTES, MAX_DEPTH, MalformedArguments, parse_arguments


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a":1,"a":2}', "duplicate_key"),
        ('{"a":1,"\\u0061":2}', "duplicate_key"),
        ('{"x":[{"a":1,"a":2}]}', "duplicate_key"),
        ('{"a":NaN}', "not_finite"),
        ('{"a":-Infinity}', "not_finite"),
        ('{"a":1e999}', "not_finite"),
        ('{"a":-1e999}', "not_finite"),
        ('{"a":"\\ud800"}', "not_text"),
        ('{"\\udfff":1}', "not_text"),
        ('{"a":"\ud800"}', "not_text"),
        ("[]", "not_an_object"),
        ("null", "not_an_object"),
        ('"{}"', "not_an_object"),
        ("", "not_json"),
        ("{", "not_json"),
        ("{} {}", "not_json"),
        ('{"a":1,}', "not_json"),
        ("{'a':1}", "not_json"),
        ('{"a":01}', "not_json"),
        ('{"a":"\n"}', "not_json"),
        ('\ufeff{"a":1}', "not_json"),
        ('{"a":' + "9" * 5000 + "}", "not_json"),
        ('{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}", "too_deep"),
        ("[" * 100_000, "too_deep"),
        ('{"a":"' + "x" * MAX_BYTES + '"}', "too_large"),
        (None, "not_an_object"),
        (["a"], "not_an_object"),
        (b"{}", "not_an_object"),
        ({"a": float("nan")}, "not_finite"),
        ({"a": object()}, "not_finite"),
        ({1: "a", "1": "b"}, "duplicate_key"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: object, code: str) -> None:
    with pytest.raises(MalformedArguments) as caught:
        parse_arguments(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        (' {"a" : [1, 2.5, null, true]}\n', {"a": [1, 2.5, None, True]}),
        ('{"a":"\\ud83d\\ude00 [[[{{{"}', {"a": "😀 [[[{{{"}),
        ('{"a":' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}", None),
        ({"a": {"b": "ü"}}, {"a": {"b": "ü"}}),
    ],
)
def test_what_is_clear_is_read(text: object, value: Any) -> None:
    parsed = parse_arguments(text)
    assert value is None or parsed == value


def test_the_message_holds_no_argument() -> None:
    with pytest.raises(MalformedArguments) as caught:
        parse_arguments('{"hunter2":1,"hunter2":2}')
    assert "hunter2" not in str(caught.value)


@given(
    st.dictionaries(
        st.text(alphabet=st.characters(codec="utf-8")),
        st.integers() | st.text(alphabet=st.characters(codec="utf-8")) | st.none(),
    )
)
def test_honest_json_comes_through_unchanged(value: dict[str, Any]) -> None:
    assert (
        parse_arguments(json.dumps(value)) == parse_arguments(json.dumps(value, ensure_ascii=False)) == value
    )


@given(st.text(alphabet='{}[]",:\\u0129eE+-. aNtrufls'))
def test_no_text_raises_anything_else(text: str) -> None:
    with contextlib.suppress(MalformedArguments):
        assert isinstance(parse_arguments(text), dict)
