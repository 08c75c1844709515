"""A response is taken over whole or refused whole: never anything undeclared, unapproved or used twice."""

from __future__ import annotations

from typing import Any

import pytest

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import Declared
from mcpbridge.errors import (
    DuplicateItem,
    MalformedItem,
    ProtocolViolation,
    ResponseNotCompleted,
    UnapprovedCall,
    UndeclaredServer,
    UnsupportedItem,
)
from mcpbridge.testing import (
    approval_request,
    function_call,
    mcp_call,
    mcp_list_tools,
    message,
    response,
)
from tests.core.talk import DECLARED, approve, hear, said

ARGUMENTS = {"path": "a"}


def approved(*, yes: bool = True) -> Conversation:
    """One approval of files.read was asked, and answered."""
    asked = hear(said(), approval_request("files", "read", ARGUMENTS))
    return approve(asked, "mcpr_read", yes=yes).sending()


def refusal(
    conversation: Conversation, *items: dict[str, Any], kind: type[ProtocolViolation]
) -> ProtocolViolation:
    before = conversation
    with pytest.raises(kind) as caught:
        hear(conversation, *items)
    assert conversation is before
    assert conversation.begun == tuple(conversation.approved), "what was under way stays unknown"
    return caught.value


@pytest.mark.parametrize(
    "item",
    [
        mcp_list_tools("strange", "read"),
        approval_request("strange", "read"),
        mcp_call("strange", "read"),
    ],
)
def test_a_label_nobody_declared_stops_the_run(item: dict[str, Any]) -> None:
    error = refusal(said(), item, kind=UndeclaredServer)
    assert error.server_label == "strange"
    assert error.item_id


@pytest.mark.parametrize("build", [approval_request, mcp_call])
def test_a_tool_outside_allowed_tools_stops_the_run(build: Any) -> None:
    assert refusal(said(), build("docs", "delete"), kind=UndeclaredServer).server_label == "docs"


def test_a_tool_within_allowed_tools_passes() -> None:
    assert [call.id for call in hear(said(), approval_request("docs", "search")).pending] == ["mcpr_search"]


@pytest.mark.promise("ungated-opt-in")
def test_a_built_in_tool_that_was_not_accepted_stops_the_run() -> None:
    item = {"type": "code_interpreter_call", "id": "ci_1"}
    assert refusal(said(), item, kind=UndeclaredServer).item_id == "ci_1"
    hear(said(), {"type": "web_search_call", "id": "ws_1"})


@pytest.mark.promise("unasked-stops")
def test_a_call_that_never_asked_stops_the_run() -> None:
    error = refusal(said(), mcp_call("files", "read", approval_request_id=None), kind=UnapprovedCall)
    assert error.server_label == "files"


def test_a_call_on_an_observed_server_need_not_ask() -> None:
    after = hear(said(), mcp_call("seen", "read", approval_request_id=None))
    assert len(after.hosted_calls()) == 1


def test_a_server_opted_out_of_approvals_does_not_ask() -> None:
    assert refusal(said(), approval_request("seen", "read"), kind=UnapprovedCall).server_label == "seen"


def test_a_call_under_an_approval_nobody_gave_stops_the_run() -> None:
    refusal(said(), mcp_call("files", "read", ARGUMENTS), kind=UnapprovedCall)
    refusal(approved(yes=False), mcp_call("files", "read", ARGUMENTS), kind=UnapprovedCall)


def test_a_call_in_the_same_response_as_its_request_was_not_approved() -> None:
    request = approval_request("files", "read", ARGUMENTS)
    refusal(said(), request, mcp_call("files", "read", ARGUMENTS), kind=UnapprovedCall)


@pytest.mark.parametrize(
    "call",
    [
        mcp_call("seen", "read", ARGUMENTS),
        mcp_call("files", "write", ARGUMENTS, approval_request_id="mcpr_read"),
        mcp_call("files", "read", {"path": "b"}),
        mcp_call("files", "read", '{"path":"a"}'),
    ],
)
def test_what_ran_must_be_what_was_approved(call: dict[str, Any]) -> None:
    refusal(approved(), call, kind=UnapprovedCall)


def test_a_grant_is_used_once_within_a_response() -> None:
    call = mcp_call("files", "read", ARGUMENTS)
    refusal(approved(), call, call, kind=DuplicateItem)


def test_a_grant_is_used_once_by_two_calls_of_different_ids() -> None:
    call = mcp_call("files", "read", ARGUMENTS)
    refusal(approved(), {**call, "id": "mcp_a"}, {**call, "id": "mcp_b"}, kind=DuplicateItem)


def test_a_grant_is_used_once_over_all_responses() -> None:
    call = mcp_call("files", "read", ARGUMENTS)
    used = hear(approved(), call)
    assert used.approved == {}
    refusal(used, call, kind=UnapprovedCall)


@pytest.mark.parametrize(
    "items",
    [
        [message("a", id="msg_1"), message("b", id="msg_1")],
        [approval_request("files", "read", id="x"), approval_request("files", "write", id="x")],
        [function_call("add", id="fc_1"), function_call("add", id="fc_2")],
        [{"type": "new_kind", "id": "same"}, {"type": "other_kind", "id": "same"}],
    ],
)
def test_an_id_is_used_once(items: list[dict[str, Any]]) -> None:
    assert refusal(said(), *items, kind=DuplicateItem).item_id


def test_a_declaration_says_whether_something_runs_unasked() -> None:
    assert DECLARED.runs_unasked
    assert Declared(ungated=frozenset({"web_search"})).runs_unasked
    assert not Declared(servers={"files": DECLARED.servers["files"]}).runs_unasked


def test_an_id_of_an_earlier_turn_does_not_come_again() -> None:
    earlier = hear(said(), message("a", id="msg_1"))
    refusal(earlier.say("more"), message("b", id="msg_1"), kind=DuplicateItem)


@pytest.mark.promise("not-completed")
@pytest.mark.parametrize(
    ("fields", "code", "detail"),
    [
        ({"status": "failed", "error": {"code": "server_error", "message": "boom"}}, "server_error", "boom"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            "max_output_tokens",
            "max_output_tokens",
        ),
        ({"status": "cancelled"}, None, "no reason given"),
        ({"status": "in_progress", "error": {"code": 7}}, None, "7"),
    ],
)
def test_nothing_is_taken_from_a_response_that_is_not_completed(
    fields: dict[str, Any], code: str | None, detail: str
) -> None:
    with pytest.raises(ResponseNotCompleted) as caught:
        hear(said(), function_call("add"), **fields)
    assert (caught.value.status, caught.value.code, caught.value.detail) == (fields["status"], code, detail)


@pytest.mark.parametrize(
    "body", [{}, {"status": None}, {"status": "completed"}, {"status": "completed", "output": {}}]
)
def test_a_response_without_its_frame_is_malformed(body: dict[str, Any]) -> None:
    with pytest.raises(MalformedItem):
        said().receive(body, DECLARED)


def test_one_bad_item_refuses_the_whole_response() -> None:
    with pytest.raises(UnsupportedItem):
        hear(said(), message("fine"), {"type": "computer_call", "call_id": "c"})


def test_a_response_need_not_have_an_id() -> None:
    assert said().receive({**response(message("a", id="m")), "id": 5}, DECLARED).response_id == ""
