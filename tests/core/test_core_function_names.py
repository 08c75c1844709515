"""The names of bridged tools fit the Responses API, and no two tools share one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.core.function_names import function_name, label_of

LABELS = st.from_regex(re.compile(r"[A-Za-z0-9-]{1,32}", re.ASCII), fullmatch=True)
TOOLS = st.text(min_size=1, max_size=140) | st.from_regex(
    re.compile(r"[a-z_.]{1,6}(_[0-9a-f]{12})?", re.ASCII), fullmatch=True
)
WIRE = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)


@pytest.mark.promise("bridged-names")
@given(LABELS, TOOLS)
def test_every_name_fits_the_wire_and_says_its_server(label: str, tool: str) -> None:
    name = function_name(label, tool)
    assert WIRE.fullmatch(name)
    assert label_of(name) == label


@pytest.mark.promise("bridged-names")
@given(st.tuples(LABELS, TOOLS), st.tuples(LABELS, TOOLS))
def test_no_two_tools_share_a_name(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (function_name(*one) == function_name(*other)) == (one == other)


@pytest.mark.promise("bridged-names")
@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("search", "docs__search"),
        ("a__b", "docs__a__b"),
        ("web.search", "docs__web_search_15f83c80b88b"),
        ("x" * 58, "docs__" + "x" * 58),
        ("x" * 59, "docs__" + "x" * 45 + "_6e20a1199bf5"),
    ],
)
def test_a_name_that_fits_stays_and_another_gets_a_hash(tool: str, name: str) -> None:
    assert function_name("docs", tool) == name


def test_a_tool_that_is_called_like_the_hashed_name_of_another_does_not_get_its_calls() -> None:
    victim = function_name("docs", "web.search")
    assert function_name("docs", victim.removeprefix("docs__")) != victim
