"""Numbers that are other numbers to another reader."""

from __future__ import annotations

import copy
import json
import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.core.number import InexactFloat, exactly, read_float
from mcpbridge.core.strict_json import MalformedArguments, parse_arguments
from mcpbridge.core.yaml_lines import YamlProblem, parse_yaml


@pytest.mark.parametrize(
    "text", ["0.1", "1e2", "1E+2", "100.00000000000000000", "-0.0", "0e9", "1e22", "5e-324"]
)
def test_what_a_double_holds_is_a_plain_float(text: str) -> None:
    assert type(read_float(text)) is float
    assert exactly(read_float(text)) == Decimal(text)


@pytest.mark.parametrize(
    "text", ["100.000000000000007", "1e-400", "-1e-400", "1e23", "0.1000000000000000055511151231257827"]
)
def test_what_a_double_does_not_hold_keeps_its_text(text: str) -> None:
    value = read_float(text)
    assert isinstance(value, InexactFloat)
    assert (float(value), exactly(value)) == (float(text), Decimal(text))


def test_such_a_number_is_a_float_to_everybody_else() -> None:
    arguments = parse_arguments('{"a": 100.000000000000007}')
    value = arguments["a"]
    assert json.dumps(arguments) == '{"a": 100.0}'
    assert isinstance(value, float)
    for other in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert (type(other), other, exactly(other)) == (InexactFloat, 100.0, exactly(value))


@pytest.mark.parametrize("text", ["1e400", "-1e400", "1e99999999999999999999", "0.1e-99999999999999999999"])
def test_a_number_beyond_measure_is_refused(text: str) -> None:
    with pytest.raises(MalformedArguments) as caught:
        parse_arguments(f'{{"a": {text}}}')
    assert caught.value.code == "not_finite"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_that_python_wrote_keeps_its_value(value: float) -> None:
    assert parse_arguments(json.dumps({"a": value})) == {"a": value}


def test_a_limit_with_lost_digits_is_told() -> None:
    assert parse_yaml("a: 0.30000000000000004").value == {"a": 0.30000000000000004}
    with pytest.raises(YamlProblem, match=r"100.000000000000007 has more digits .*; write 100.0") as caught:
        parse_yaml("b: 1\na: 100.000000000000007")
    assert caught.value.line == 2
