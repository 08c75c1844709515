"""What goes out again: everything, in order and verbatim, but for what the wire takes no more (WIRE §3-4)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.entries import McpResults, encode, output_entry
from mcpbridge.testing import (
    approval_request,
    function_call,
    mcp_call,
    mcp_list_tools,
    message,
    reasoning,
)
from tests.core.talk import approve, hear, kinds, said, sent, tell

READ = mcp_call("files", "read", {"path": "a"}, output="the text", id="mcp_9")


def read_a_file(
    *before: dict[str, Any], mcp_results: McpResults = "function_pair", call: dict[str, Any] = READ
) -> Conversation:
    """files.read was asked for (after `before`), approved, and ran."""
    request = approval_request("files", "read", {"path": "a"})
    return hear(approve(hear(said(mcp_results=mcp_results), *before, request), "mcpr_read"), call)


@pytest.mark.promise("unknown-kept")
def test_all_items_go_out_again_verbatim_and_in_order() -> None:
    items = [
        mcp_list_tools("files", "read", id="mcpl_1"),
        reasoning(id="rs_1"),
        {"type": "from_the_future", "id": "ff_1", "null": None, "deep": {"id": None}},
        message("hi", id="msg_1", phase="final_answer"),
    ]
    assert sent(hear(said(), *items))[1:] == items


@pytest.mark.parametrize(
    ("item", "gone"),
    [
        (message("a", id="m", created_by="x", parsed={"a": 1}), {"created_by", "parsed"}),
        (message("a", id="m", phase=None), {"phase"}),
        (function_call("add", id="fc", parsed_arguments={}, status=None), {"parsed_arguments", "status"}),
        ({"type": "from_the_future", "id": None, "kept": 1}, {"id"}),
    ],
)
def test_what_only_comes_out_does_not_go_in(item: dict[str, Any], gone: set[str]) -> None:
    heard = hear(said(), item)
    after = tell(heard, "call_add") if heard.pending else heard
    assert sent(after)[1] == {key: value for key, value in item.items() if key not in gone}


def test_a_parsed_part_loses_what_was_parsed() -> None:
    part: dict[str, Any] = {"type": "output_text", "text": "{}", "annotations": [], "parsed": {}}
    heard = hear(said(), message("", id="m", content=[part, {"type": "new_part"}]))
    assert sent(heard)[1]["content"] == [
        {"type": "output_text", "text": "{}", "annotations": []},
        {"type": "new_part"},
    ]


def test_arguments_that_came_as_an_object_go_out_as_text() -> None:
    asked = hear(said(), {**approval_request("files", "read"), "arguments": {"b": "ü", "a": 1}})
    assert json.loads(sent(approve(asked, "mcpr_read"))[1]["arguments"]) == {"b": "ü", "a": 1}


def test_reasoning_without_ciphertext_is_never_sent() -> None:
    heard = hear(said(), reasoning(None, id="rs_1"), message("a"))
    assert kinds(heard) == ["message", "message"]
    assert [entry.item.get("id") for entry in heard.entries][1] == "rs_1"


def test_an_answer_stands_after_its_question() -> None:
    asked = hear(said(), reasoning(), approval_request("files", "read"), function_call("add"))
    after = tell(approve(asked, "mcpr_read"), "call_add")
    assert kinds(after)[1:] == [
        "reasoning",
        "mcp_approval_request",
        "function_call",
        "mcp_approval_response",
        "function_call_output",
    ]


def test_natively_a_finished_call_goes_out_as_it_came_with_its_approval() -> None:
    after = read_a_file(reasoning(id="rs_1"), mcp_results="native")
    assert kinds(after)[1:] == ["reasoning", "mcp_approval_request", "mcp_approval_response", "mcp_call"]
    assert sent(after)[-1] == READ | {"error": None}


def test_as_a_function_pair_a_finished_call_replaces_its_approval() -> None:
    after = read_a_file()
    assert sent(after)[1:] == [
        {
            "type": "function_call",
            "call_id": "call_mcp_9",
            "name": "files__read",
            "arguments": '{"path": "a"}',
        },
        {"type": "function_call_output", "call_id": "call_mcp_9", "output": "the text"},
    ]
    assert [entry.item["type"] for entry in after.entries][1:] == [
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
    ]


@pytest.mark.parametrize(
    ("change", "output"),
    [
        ({"output": None}, ""),
        ({"output": None, "error": "broken"}, "The call failed: broken"),
        ({"output": "partly", "status": "failed"}, "The call failed: failed"),
    ],
)
def test_the_pair_tells_how_the_call_ended(change: dict[str, Any], output: str) -> None:
    assert sent(read_a_file(call=READ | change))[-1]["output"] == output


def test_the_pairs_name_is_one_the_wire_takes() -> None:
    call = mcp_call("seen", "naïve.tool/" + "x" * 80, approval_request_id=None)
    name = sent(hear(said(), call))[1]["name"]
    assert name.startswith("seen__na_ve_tool_x")
    assert len(name) == 64


def test_reasoning_stays_with_the_pair_that_follows_it() -> None:
    after = read_a_file(reasoning(id="rs_1"))
    assert kinds(after)[1:] == ["reasoning", "function_call", "function_call_output"]


def test_reasoning_whose_follower_is_gone_goes_too() -> None:
    """rs_1 led to the approval request alone; between it and the call the user has spoken."""
    asked = approve(
        hear(said(), reasoning(id="rs_1"), approval_request("files", "read", {"path": "a"})), "mcpr_read"
    )
    after = hear(hear(asked, message("wait", id="m1")).say("go on"), READ)
    assert [item.get("id") for item in sent(after)][1:3] == ["rs_1", "m1"], "still followed by a message"
    silent = hear(asked.say("go on"), READ)
    assert "reasoning" not in kinds(silent)


def test_reasoning_before_an_item_of_unknown_kind_is_left_alone() -> None:
    search = {"type": "tool_search_call", "id": "ts_1", "call_id": None, "execution": "server"}
    after = read_a_file(reasoning(id="rs_1"), search)
    assert kinds(after)[1:4] == ["reasoning", "tool_search_call", "function_call"]


def test_of_two_approvals_each_keeps_the_reasoning_while_one_is_left() -> None:
    first = approval_request("files", "read", {"path": "a"})
    asked = hear(said(), reasoning(id="rs_1"), first, approval_request("files", "write"))
    both = approve(approve(asked, "mcpr_read"), "mcpr_write", yes=False)
    after = hear(both, READ, message("done"))
    assert kinds(after)[1:3] == ["reasoning", "mcp_approval_request"]
    assert kinds(after)[3:] == ["mcp_approval_response", "function_call", "function_call_output", "message"]


def test_items_are_only_appended() -> None:
    """Without a used approval, every request begins with the bytes of the request before."""
    talk = said(mcp_results="native")
    before: tuple[bytes, ...] = ()
    for number in range(4):
        talk = hear(talk, reasoning(), function_call("add", call_id=f"call_{number}"))
        talk = tell(talk, f"call_{number}")
        now = talk.request().encoded_items
        assert now[: len(before)] == before
        before = now


def test_natively_nothing_that_was_sent_is_ever_edited() -> None:
    asked = approve(
        hear(said(mcp_results="native"), approval_request("files", "read", {"path": "a"})), "mcpr_read"
    )
    before = asked.request().encoded_items
    assert hear(asked, READ).request().encoded_items[: len(before)] == before


def test_reasoning_made_elsewhere_is_not_replayed() -> None:
    heard = hear(said(), reasoning(id="rs_1"), message("a"))
    here, dropped = heard.at("https://api.test|gpt")
    assert (here, dropped) == (heard, 0)
    there, dropped = heard.at("https://other.test|gpt")
    assert dropped == 1
    assert kinds(there) == ["message", "message"]
    assert there.at("https://third.test|gpt")[1] == 0


def test_reasoning_that_no_longer_verifies_is_dropped_whole() -> None:
    heard = hear(hear(said(), reasoning(), message("a")).say("b"), reasoning(), message("c"))
    silent, dropped = heard.without_reasoning()
    assert dropped == 2
    assert "reasoning" not in kinds(silent)
    assert silent.without_reasoning() == (silent, 0)


def test_an_image_loses_what_only_comes_out() -> None:
    item = {"type": "image_generation_call", "id": "ig", "result": "AA", "size": "1x1", "status": "completed"}
    entry = output_entry(item, origin="o", response_id="r")
    assert json.loads(entry.sent[0]) == {
        "type": "image_generation_call",
        "id": "ig",
        "result": "AA",
        "status": "completed",
    }


def test_a_lone_surrogate_is_sent_with_an_escape() -> None:
    assert encode({"a": "\ud800"}) == b'{"a":"\\ud800"}'
    assert encode({"a": "ü"}) == '{"a":"ü"}'.encode()
