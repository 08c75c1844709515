"""A conversation is a frozen value with four moves; each refuses what does not fit."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

from mcpbridge.core.conversation import ApprovalAnswer, Conversation, FunctionAnswer, Grant
from mcpbridge.errors import ReplayInvariant, UsageError
from mcpbridge.testing import approval_request, function_call, mcp_call, mcp_list_tools, message
from tests.core.talk import approve, hear, said, sent, tell

ASKED = hear(said(), approval_request("files", "read"), function_call("add", {"x": 1}))


def test_it_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        said().turn = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def test_every_move_leaves_the_conversation_before_it_as_it_was() -> None:
    start = said()
    before = copy.deepcopy(start)
    approve(tell(hear(start, *ASKED.output), "call_add"), "mcpr_read").sending().not_sent()
    assert start == before


def test_what_the_user_says_is_a_message_and_begins_a_turn() -> None:
    later = hear(said("one"), message("ok")).say([{"type": "input_text", "text": "two"}])
    assert (later.turn, later.rounds, later.output) == (2, 0, ())
    assert later.user_texts == ("one", "two")
    assert sent(later)[-1]["role"] == "user"


def test_context_is_never_the_users_words() -> None:
    later = said().say("the tracker is down", context=True)
    assert later.user_texts == ("Hello",)
    assert later.turn == 1
    assert sent(later)[-1] == {
        "type": "message",
        "role": "developer",
        "content": "the tracker is down",
    }


def test_only_text_parts_are_the_users_words() -> None:
    parts = [
        {"type": "input_image", "image_url": "https://x.test/a.png"},
        {"type": "input_text", "text": "b"},
    ]
    assert Conversation(id="c").say(parts).user_texts == ("b",)


@pytest.mark.parametrize("content", [[], [{"type": "input_text"}], [{"type": "input_text", "text": 5}]])
def test_a_message_without_words_or_parts_is_refused(content: Any) -> None:
    with pytest.raises(UsageError):
        Conversation(id="c").say(content)


def test_nothing_is_said_while_a_question_is_open() -> None:
    with pytest.raises(UsageError):
        ASKED.say("hurry up")


def test_nothing_is_requested_before_every_question_is_answered() -> None:
    half = approve(ASKED, "mcpr_read")
    with pytest.raises(ReplayInvariant, match="call_add"):
        half.request()
    assert tell(half, "call_add").request().live_approvals == ("mcpr_read",)


def test_nothing_is_requested_from_an_empty_conversation() -> None:
    with pytest.raises(ReplayInvariant):
        Conversation(id="c").request()


def test_nothing_is_requested_while_an_outcome_is_unknown() -> None:
    with pytest.raises(ReplayInvariant, match="call_gone"):
        said().beginning("call_gone").request()


def test_a_request_names_the_approvals_that_may_still_run_something() -> None:
    live = tell(approve(ASKED, "mcpr_read"), "call_add")
    assert live.sending().begun == ("mcpr_read",)
    assert live.sending().not_sent().begun == ()
    used = hear(live.sending(), mcp_call("files", "read"))
    assert used.request().live_approvals == used.begun == ()


def test_a_denial_is_not_live() -> None:
    denied = tell(approve(ASKED, "mcpr_read", yes=False, reason="not now"), "call_add")
    assert denied.request().live_approvals == ()
    assert sent(denied)[-2] == {
        "type": "mcp_approval_response",
        "approval_request_id": "mcpr_read",
        "approve": False,
        "reason": "not now",
    }


@pytest.mark.parametrize("truthy", [1, "yes", "false", [0]])
def test_an_approval_is_true_or_it_is_none(truthy: Any) -> None:
    answered = tell(ASKED.answer(ApprovalAnswer(request_id="mcpr_read", approve=truthy)), "call_add")
    assert answered.approved == {}
    assert sent(answered)[-2]["approve"] is False


def test_strangers_repeats_and_answers_of_the_wrong_kind_are_refused() -> None:
    answered = approve(ASKED, "mcpr_read")
    for wrong in (
        FunctionAnswer(request_id="mcpr_read", output=""),
        ApprovalAnswer(request_id="call_add", approve=True),
        ApprovalAnswer(request_id="mcpr_other", approve=True),
    ):
        with pytest.raises(UsageError):
            ASKED.answer(wrong)
    with pytest.raises(UsageError):
        approve(answered, "mcpr_read")


def test_a_function_may_answer_with_parts() -> None:
    parts = [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": "data:,"}]
    answered = approve(tell(ASKED, "call_add", parts), "mcpr_read")
    assert {"type": "function_call_output", "call_id": "call_add", "output": parts} in sent(answered)


def test_beginning_is_said_once_and_ends_with_the_answer() -> None:
    begun = ASKED.beginning("call_add").beginning("call_add")
    assert begun.unknown == ("call_add",)
    assert begun.not_begun("call_add").unknown == tell(begun, "call_add").unknown == ()


def test_an_unknown_outcome_is_repeated_as_a_further_attempt() -> None:
    again = ASKED.beginning("call_add").repeat_unknown("call_add")
    assert again.unknown == ()
    assert again.repeats == {"call_add": 1}
    assert again.again("call_add").repeats == {"call_add": 2}


def test_only_what_is_unknown_is_repeated_or_given_up() -> None:
    with pytest.raises(UsageError):
        ASKED.repeat_unknown("call_add")
    with pytest.raises(UsageError):
        ASKED.give_up_unknown("call_add", "why")


def test_an_unknown_function_is_given_up_with_a_reason() -> None:
    given_up = ASKED.beginning("call_add").give_up_unknown("call_add", "nobody knows")
    assert [call.id for call in given_up.pending] == ["mcpr_read"]
    assert sent(approve(given_up, "mcpr_read"))[-2]["output"] == "nobody knows"


def test_an_unknown_decision_is_given_up_as_a_denial() -> None:
    given_up = tell(ASKED.beginning("mcpr_read").give_up_unknown("mcpr_read", "nobody knows"), "call_add")
    assert given_up.request().live_approvals == ()


def test_a_live_approval_that_is_given_up_becomes_a_denial() -> None:
    lost = tell(approve(ASKED, "mcpr_read"), "call_add").sending()
    given_up = lost.give_up_unknown("mcpr_read", "nobody knows")
    assert given_up.unknown == ()
    assert given_up.request().live_approvals == ()
    answers = [item for item in sent(given_up) if item["type"] == "mcp_approval_response"]
    assert [(item["approve"], item["reason"]) for item in answers] == [(False, "nobody knows")]


def test_listings_are_remembered_by_definition_and_identity() -> None:
    listed = hear(said(), mcp_list_tools("files", "read"), mcp_list_tools("seen", "read"))
    assert listed.identities == {"files": "https://files.test/mcp", "seen": "https://seen.test/mcp"}
    assert listed.tools["files"]["read"] != listed.tools["seen"]["read"]


def test_a_listing_that_failed_forgets_nothing() -> None:
    listed = hear(said(), mcp_list_tools("files", "read"))
    assert hear(listed, mcp_list_tools("files", error="down")).tools == listed.tools


def test_usage_is_summed_and_nonsense_counts_nothing() -> None:
    usage = {"input_tokens": 5, "total_tokens": True, "output_tokens_details": {"reasoning_tokens": 2}}
    twice = hear(hear(said(), message("a"), usage=usage), message("b"), usage=usage)
    assert (twice.usage.input_tokens, twice.usage.total_tokens) == (10, 0)
    assert twice.usage.reasoning_tokens == 4


def test_the_answer_is_what_the_model_says_at_the_end_refusals_included() -> None:
    refusal = message("", content=[{"type": "refusal", "refusal": "I will not"}])
    assert hear(said(), message("thinking ", phase="commentary"), message("No: "), refusal).text == (
        "No: I will not"
    )


def test_the_model_has_had_the_last_word_until_somebody_speaks() -> None:
    done = hear(said(), message("ok"))
    assert done.finished
    assert not done.say("more").finished
    assert not said().finished
    assert not ASKED.finished
    assert not tell(approve(ASKED, "mcpr_read"), "call_add").finished


def test_notes_are_kept() -> None:
    grant = Grant(fingerprint="f", definition_hash="d", principal="ana", request_id="mcpr_read")
    noted = ASKED.granted(grant).asking("mcpr_read", "hash")
    assert noted.grants == (grant,)
    assert noted.asked == {"mcpr_read": "hash"}
