"""Saved conversations come back exactly, and what is not one is refused."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.state import VERSION, as_live, dumps, loads
from mcpbridge.errors import StateRefused
from mcpbridge.testing import approval_request, function_call, message, reasoning
from tests.core.randoms import conversations
from tests.core.talk import approve, hear, said, tell

SAVED = dumps(
    approve(
        hear(said("ü \ud800"), reasoning(None), approval_request("files", "read"), function_call("add")),
        "mcpr_read",
    )
)


@given(conversations())
@settings(max_examples=60, deadline=None)
def test_a_conversation_comes_back_exactly(conversation: Conversation) -> None:
    text = dumps(conversation)
    back = loads(text)
    assert as_live(back) == conversation
    assert dumps(back) == text
    assert [entry.sent for entry in back.entries] == [entry.sent for entry in conversation.entries]


@given(conversations(finished=True))
@settings(max_examples=40, deadline=None)
def test_the_same_bytes_go_out_after_a_round_trip(conversation: Conversation) -> None:
    if conversation.pending:
        return
    assert loads(dumps(conversation)).request() == conversation.request()


def test_what_came_from_saved_text_says_so() -> None:
    assert loads(SAVED).restored
    assert tell(loads(SAVED), "call_add").restored


def test_all_text_is_ascii_so_that_any_file_takes_it() -> None:
    assert SAVED.isascii()


@pytest.mark.parametrize("version", [VERSION + 1, 0, "1", None, 1.5])
def test_another_version_is_refused_by_name(version: Any) -> None:
    data = json.loads(SAVED) | {"mcpbridge_conversation": version}
    with pytest.raises(StateRefused, match="format"):
        loads(json.dumps(data))


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "7", '"x"', "{}", "{", "[" * 100_000, '{"mcpbridge_conversation":1}', "\ud800"]
)
def test_what_is_no_conversation_is_refused(text: str) -> None:
    with pytest.raises(StateRefused):
        loads(text)


def test_an_item_nested_without_end_is_refused_or_kept() -> None:
    deep = '{"type":"new","id":"n","v":' + "[" * 900 + "]" * 900 + "}"
    text = dumps(hear(said(), message("a"))).replace(
        '"entries":[', f'"entries":[{{"item":{deep},"sent":null,"origin":"","response_id":""}},', 1
    )
    _loads_or_refuses(text)


@pytest.mark.parametrize("key", sorted(set(json.loads(SAVED)) - {"mcpbridge_conversation"}))
def test_a_missing_part_is_refused(key: str) -> None:
    data = json.loads(SAVED)
    del data[key]
    with pytest.raises(StateRefused):
        loads(json.dumps(data))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(sorted(set(json.loads(SAVED)) - {"mcpbridge_conversation"})), _JSON)
@settings(max_examples=150, deadline=None)
def test_damage_is_refused_and_raises_nothing_else(key: str, value: Any) -> None:
    _loads_or_refuses(json.dumps(json.loads(SAVED) | {key: value}))


@given(st.integers(0, len(SAVED) - 1), st.characters())
@settings(max_examples=150, deadline=None)
def test_a_changed_character_is_refused_and_raises_nothing_else(place: int, character: str) -> None:
    _loads_or_refuses(SAVED[:place] + character + SAVED[place + 1 :])


def _loads_or_refuses(text: str) -> None:
    with contextlib.suppress(StateRefused):
        assert loads(text).restored
