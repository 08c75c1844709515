"""Items are read by their raw `type`: a known one must have its shape, an unknown one is only kept."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.core.items import (
    ApprovalRequest,
    FunctionCall,
    HostedCall,
    HostedToolCall,
    Inert,
    ToolListing,
    decode,
)
from mcpbridge.errors import MalformedItem, ProtocolViolation, UnsupportedItem
from mcpbridge.testing import (
    approval_request,
    function_call,
    mcp_call,
    mcp_list_tools,
    message,
    reasoning,
)

CALL = mcp_call("files", "read", {"path": "a"}, id="mcp_1", output="text")
LISTING = mcp_list_tools("files", "read", id="mcpl_1")


def test_an_approval_request_keeps_its_arguments_as_they_are_written() -> None:
    assert decode(approval_request("files", "read", '{ "a":1}', id="mcpr_1")) == ApprovalRequest(
        id="mcpr_1", server_label="files", name="read", arguments='{ "a":1}'
    )


@pytest.mark.parametrize("build", [approval_request, mcp_call])
def test_arguments_may_come_as_an_object(build: Any) -> None:
    first, second = (
        decode({**build("files", "read"), "id": "x", "arguments": arguments})
        for arguments in ({"a": 1, "b": [None]}, {"b": [None], "a": 1})
    )
    assert first == second
    assert isinstance(first, ApprovalRequest | HostedCall)
    assert first.arguments == '{"a": 1, "b": [null]}'


def test_a_function_call_is_known_by_its_call_id() -> None:
    assert decode(function_call("add", {"x": 1}, id="fc_1", call_id="call_7")) == FunctionCall(
        id="call_7", name="add", arguments='{"x": 1}'
    )


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, None),
        ("it broke", "it broke"),
        ({"type": "mcp_protocol_error", "code": -32602, "message": "bad"}, "mcp_protocol_error -32602: bad"),
        ({"type": "http_error", "code": 502, "message": "gone"}, "http_error 502: gone"),
        (
            {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": "no"}]},
            'mcp_tool_execution_error: [{"type": "text", "text": "no"}]',
        ),
        ({}, "error: "),
        ([1], "[1]"),
    ],
)
def test_every_shape_of_an_error_becomes_one_text(error: Any, text: str | None) -> None:
    call, listing = decode({**CALL, "error": error}), decode({**LISTING, "error": error})
    assert isinstance(call, HostedCall)
    assert isinstance(listing, ToolListing)
    assert call.error == listing.error == text


def test_a_failed_call_without_an_error_has_failed_all_the_same() -> None:
    call = decode({**CALL, "status": "failed"})
    assert isinstance(call, HostedCall)
    assert call.error == "failed"


def test_a_listing_holds_definitions() -> None:
    tool = {"name": "read", "description": "d", "input_schema": {"type": "object"}, "annotations": None}
    listing = decode(mcp_list_tools("files", tool, id="mcpl_1"))
    assert isinstance(listing, ToolListing)
    assert listing.tools[0].description == "d"
    assert listing.tools[0].input_schema == {"type": "object"}


@pytest.mark.parametrize(
    "item",
    [
        message("hi", id="msg_1"),
        reasoning(id="rs_1"),
        reasoning(None, id="rs_1"),
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"},
        {"type": "tool_search_call", "id": "ts_1", "call_id": None, "execution": "server"},
        {"type": "tool_search_output", "id": "tso_1", "call_id": None},
        {"type": "a_kind_of_2031", "stuff": {"deep": [1]}},
        {"type": "robot_call", "id": "r_1"},
    ],
)
def test_what_needs_no_answer_is_only_kept(item: dict[str, Any]) -> None:
    assert decode(item) == Inert(id=item.get("id"), kind=item["type"])


def test_a_built_in_tool_is_told_apart() -> None:
    assert decode({"type": "web_search_call", "id": "ws_1"}) == HostedToolCall(
        id="ws_1", kind="web_search_call"
    )


@pytest.mark.promise("unanswerable")
@pytest.mark.parametrize(
    ("item", "item_id"),
    [
        ({"type": "custom_tool_call", "id": "ctc_1", "call_id": "c"}, "ctc_1"),
        ({"type": "computer_call", "call_id": "c_1"}, "c_1"),
        ({"type": "local_shell_call", "id": "l"}, "l"),
        ({"type": "shell_call", "id": "s"}, "s"),
        ({"type": "apply_patch_call", "id": "a"}, "a"),
        ({"type": "program", "id": "p"}, "p"),
        ({"type": "tool_search_call", "id": "t", "call_id": "c", "execution": "client"}, "t"),
        ({"type": "robot_call", "id": "r", "call_id": "c"}, "r"),
        ({"type": "oauth_request", "id": "o"}, "o"),
        ({**function_call("add", id="fc"), "namespace": "crm"}, "fc"),
        ({**function_call("add", id="fc"), "caller": {"type": "program", "id": "p"}}, "fc"),
        ({**CALL, "caller": {"type": "programmatic"}}, "mcp_1"),
        ({**CALL, "caller": "somebody"}, "mcp_1"),
    ],
)
def test_what_waits_for_an_answer_we_cannot_give_stops_by_name(item: dict[str, Any], item_id: str) -> None:
    with pytest.raises(UnsupportedItem) as caught:
        decode(item)
    assert caught.value.item_id == item_id


def test_a_direct_caller_is_nothing_special() -> None:
    assert isinstance(decode({**CALL, "caller": {"type": "direct"}}), HostedCall)


WRONG: list[Any] = [
        None, "text", [], {}, {"id": "x"}, {"type": ""}, {"type": 7}, {"type": ["message"]},
        {"type": "a_kind_of_2031", "id": 5},
        {"type": "web_search_call"},
        {**approval_request("files", "read"), "id": None},
        {**approval_request("files", "read"), "id": ""},
        {**approval_request("files", "read"), "id": ["mcpr_1"]},
        {**approval_request("files", "read"), "server_label": 3},
        {**approval_request("files", "read"), "name": None},
        {**approval_request("files", "read"), "arguments": None},
        {**approval_request("files", "read"), "arguments": [1]},
        {**function_call("add"), "call_id": None},
        {**function_call("add"), "id": ["fc_1"]},
        {**function_call("add"), "status": "in_progress"},
        {**CALL, "id": 1}, {**CALL, "output": {"a": 1}}, {**CALL, "status": "calling"},
        {**CALL, "approval_request_id": 5},
        {**LISTING, "tools": None}, {**LISTING, "tools": "read"}, {**LISTING, "tools": ["read"]},
        {**LISTING, "tools": [{"name": "read"}]},
        {**LISTING, "tools": [{"input_schema": {}}]},
        {**LISTING, "tools": [{"name": "read", "input_schema": {}, "description": 1}]},
        {**LISTING, "tools": [{"name": "read", "input_schema": {}, "annotations": []}]},
        {**message("hi"), "role": "user", "id": "m"}, {**message("hi"), "content": "hi", "id": "m"},
        {**message("hi"), "content": [{"text": "hi"}], "id": "m"},
        {**message("hi"), "content": [{"type": "output_text", "text": None}], "id": "m"},
        {**message("hi"), "content": [{"type": "refusal"}], "id": "m"},
        message("no id"),
        reasoning(),
        reasoning(id="rs", summary="a text"),
        {**reasoning(id="rs"), "encrypted_content": 5},
]  # fmt: skip


@pytest.mark.parametrize("item", WRONG)
def test_a_known_type_with_a_wrong_shape_is_an_error(item: object) -> None:
    with pytest.raises(MalformedItem):
        decode(item)


@pytest.mark.parametrize("kind", ["mcp_approval_response", "function_call_output", "item_reference"])
def test_nobody_puts_an_answer_into_our_mouth(kind: str) -> None:
    item = {"type": kind, "id": "x", "approval_request_id": "mcpr_1", "approve": True}
    with pytest.raises(MalformedItem) as caught:
        decode(item)
    assert caught.value.item_id == "x"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_TYPES = st.sampled_from(
    ["mcp_approval_request", "function_call", "mcp_call", "mcp_list_tools", "message", "reasoning", "new"]
)
_KEYS = st.sampled_from(
    ["id", "call_id", "name", "server_label", "arguments", "tools", "content", "summary", "error", "role"]
)


@given(st.dictionaries(_KEYS, _JSON), _TYPES)
def test_no_item_raises_anything_but_a_protocol_violation(fields: dict[str, Any], kind: str) -> None:
    with contextlib.suppress(ProtocolViolation):
        assert isinstance(decode({**fields, "type": kind}).id, str | None)
