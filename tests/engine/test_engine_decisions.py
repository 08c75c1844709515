"""Every call is decided once, one way, on record, and only a clear yes lets it run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from mcpbridge.adapters.approvers import DenyApprover
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve, Deny
from mcpbridge.engine.events import ActionDecided, ApprovalAsked, CallFinished, Finished
from mcpbridge.engine.loop import Limits
from mcpbridge.errors import RepeatedRequest, RoundLimitExceeded
from mcpbridge.policy import Policy
from mcpbridge.ports import Approver
from mcpbridge.testing import (
    approval_request,
    assert_allowed,
    assert_denied,
    function_call,
    mcp_call,
    mcp_list_tools,
    message,
    response,
)
from tests.engine.scene import Asked, Run, Scene, Tool, policy, said

END = response(message("ok"))


async def never(question: Question) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


class Never:
    ask = staticmethod(never)


def decide(rules: Policy, approver: Approver | None = None, **change: Any) -> tuple[Scene, Run]:
    """One hosted call that runs when it is approved."""
    request = approval_request("files", "write", {"path": "a"}) | change
    scene = Scene(
        steps=[
            response(request),
            lambda items: response(
                *([mcp_call("files", "write", {"path": "a"})] if items[-1]["approve"] else []), message("ok")
            ),
        ],
        policy=rules,
        approver=approver,
        ask_timeout=0,
    )
    return scene, scene.run()


@pytest.mark.parametrize(
    ("rules", "approver", "change", "outcome"),
    [
        (policy(allow="files.write"), None, {}, "policy_allow"),
        (policy(deny="files.write"), None, {}, "policy_deny"),
        (policy(), Asked(answer=Approve()), {}, "policy_deny"),
        (policy(ask="files.write"), DenyApprover(), {}, "no_approver"),
        (policy(ask="files.write"), Never(), {}, "timeout"),
        (policy(allow="files.write"), None, {"arguments": '{"a":1,"a":2}'}, "malformed"),
        (policy(allow="files.write"), None, {"arguments": "[]"}, "malformed"),
    ],
)
def test_each_way_to_decide_has_its_outcome(
    rules: Policy, approver: Approver | None, change: dict[str, Any], outcome: str
) -> None:
    scene, run = decide(rules, approver, **change)
    check = assert_allowed if outcome == "policy_allow" else assert_denied
    check(run.conversation, "files.write", outcome=outcome)
    assert scene.model.answers("mcpr_write") == [outcome == "policy_allow"]
    assert [record["outcome"] for record in scene.records("decision")] == [outcome]


@pytest.mark.parametrize("outcome", ["human_allow", "human_deny"])
def test_a_person_decides(outcome: str) -> None:
    yes = outcome == "human_allow"
    answer = Approve(by="bo") if yes else Deny(by="bo", reason="not today")
    scene, _ = decide(policy(ask="files.write", timeout="10s"), Asked(answer=answer))
    (record,) = scene.records("decision")
    assert (record["outcome"], record["approver"], record["authenticated"]) == (outcome, "bo", False)
    assert record["screen_hash"] in scene.audit.blobs
    if not yes:
        assert scene.model.requests[-1][-1]["reason"] == "not today"


@pytest.mark.promise("strict-yes")
@pytest.mark.parametrize(
    "answer",
    [
        ValueError("secret detail"), TimeoutError(), asyncio.CancelledError(),
        True, 1, "yes", None, {"approve": "false"}, {"approve": True}, Approve,
    ],
)  # fmt: skip
def test_what_is_no_clear_answer_is_an_error_and_denies(answer: Any) -> None:
    scene, run = decide(policy(ask="files.write", timeout="10s"), Asked(answer=answer))
    denied = assert_denied(run.conversation, "files.write", outcome="error")
    assert "secret detail" not in denied.reason
    assert scene.model.answers("mcpr_write") == [False]


def test_always_must_be_true_to_make_a_grant() -> None:
    loose: Any = "no"
    _, run = decide(policy(ask="files.write", timeout="10s"), Asked(answer=Approve(always=loose)))
    assert run.conversation.grants == ()


def test_a_tool_nobody_listed_is_unknown() -> None:
    scene = Scene(
        steps=[
            response(mcp_list_tools("files", "read"), approval_request("files", "write"), function_call("x")),
            END,
        ],
        policy=policy(default="ask"),
        approver=Asked(answer=Approve()),
    )
    run = scene.run()
    assert_denied(run.conversation, "files.write", outcome="unknown_tool")
    assert_denied(run.conversation, "local.x", outcome="unknown_tool")


def test_arguments_that_do_not_fit_never_reach_a_policy_or_the_function() -> None:
    tool = Tool(name="add", complaint="`x` is missing")
    scene = Scene(steps=[response(function_call("add")), END], policy=policy(allow="local.add"), tools=[tool])
    run = scene.run()
    assert_denied(run.conversation, "local.add", outcome="malformed")
    assert "`x` is missing" in run.outputs["call_add"]
    assert tool.calls == []


@pytest.mark.promise("denial-reason")
def test_the_denied_model_is_told_why() -> None:
    scene = Scene(
        steps=[response(function_call("add"), approval_request("files", "write")), END],
        policy=policy(deny="local.add, files.write"),
        tools=[Tool(name="add")],
    )
    run = scene.run()
    assert "because-deny" in run.outputs["call_add"]
    assert "because-deny" in scene.model.requests[-1][-1]["reason"]


def test_events_come_in_the_order_of_what_happens() -> None:
    _, run = decide(policy(allow="files.write"))
    assert [type(event).__name__ for event in run.events] == [
        "ResponseReceived",
        "ActionDecided",
        "CallFinished",
        "ResponseReceived",
        "Finished",
    ]
    assert run.of(CallFinished)[0].evidence == "reported_by_provider"
    assert run.of(Finished)[0].status == "completed"


def always(*, change: dict[str, Any] | None = None, **later: Any) -> tuple[Scene, Conversation]:
    """files.write was allowed for always; the same call (or a changed one) comes again."""
    again = approval_request("files", "write", {"path": "a"}, id="mcpr_2") | (change or {})
    scene = Scene(
        steps=[
            response(approval_request("files", "write", {"path": "a"})),
            response(mcp_call("files", "write", {"path": "a"}), message("ok")),
            response(*later.get("before", ()), again),
            lambda items: END,
        ],
        policy=policy(ask="files.write"),
        approver=Asked(answer=Approve(by="bo", always=True)),
    )
    first = scene.run().conversation
    scene.approver = Asked(answer=Deny(by="bo"))
    return scene, first


def test_a_grant_covers_the_same_call_and_asks_nobody() -> None:
    scene, first = always()
    second = scene.run(first.say("again")).conversation
    assert_allowed(second, "files.write", outcome="grant_allow")
    (grant,) = scene.records("grant_made")
    assert grant["grant_id"] == first.grants[0].id
    assert first.grants[0].fingerprint not in str(grant), "a plain hash of a call would confirm a guess"


def test_a_grant_covers_no_other_arguments() -> None:
    scene, first = always(change={"arguments": '{"path": "b"}'})
    assert_denied(scene.run(first.say("again")).conversation, "files.write", outcome="human_deny")


def test_a_grant_covers_no_other_definition() -> None:
    scene, first = always(before=[mcp_list_tools("files", "write")])
    assert_denied(scene.run(first.say("again")).conversation, "files.write", outcome="human_deny")


def test_a_grant_covers_no_other_principal() -> None:
    scene, first = always()
    other = replace(first, principal="eve").say("again")
    assert_denied(scene.run(other).conversation, "files.write", outcome="human_deny")


def test_people_are_asked_one_at_a_time() -> None:
    inside, most = 0, 0

    class Slow:
        async def ask(self, question: Question) -> Answer:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1
            return Approve()

    tools = [Tool(name="a"), Tool(name="b")]
    Scene(
        steps=[response(function_call("a"), function_call("b")), END],
        policy=policy(ask="local.a, local.b"),
        approver=Slow(),
        tools=tools,
    ).run()
    assert most == 1
    assert [len(tool.calls) for tool in tools] == [1, 1]


def test_the_model_does_not_ask_forever_for_what_is_denied() -> None:
    steps = [response(function_call("add", call_id=f"call_{n}")) for n in range(9)]
    scene = Scene(steps=steps, policy=policy(), tools=[Tool(name="add")], limits=Limits(repeated_requests=3))
    with pytest.raises(RepeatedRequest) as caught:
        scene.run()
    assert len(scene.model.requests) == 4
    stopped = caught.value.conversation
    assert stopped is not None
    assert [decided.outcome for decided in stopped.decisions] == ["policy_deny"] * 3 + ["limit"]
    assert stopped.pending == ()


def test_a_denial_of_an_earlier_turn_does_not_count_as_a_repeat() -> None:
    steps = [step for n in range(4) for step in (response(function_call("add", call_id=f"c{n}")), END)]
    scene = Scene(steps=steps, policy=policy(), tools=[Tool(name="add")], limits=Limits(repeated_requests=1))
    talk = scene.run().conversation
    for _ in range(3):
        talk = scene.run(talk.say("again")).conversation
    assert scene.model.remaining == 0


def test_a_turn_has_a_limited_number_of_rounds() -> None:
    steps = [response(function_call("add", {"n": n}, call_id=f"call_{n}")) for n in range(9)]
    scene = Scene(
        steps=steps, policy=policy(allow="local.add"), tools=[Tool(name="add")], limits=Limits(max_rounds=2)
    )
    with pytest.raises(RoundLimitExceeded) as caught:
        scene.run()
    assert len(scene.model.requests) == 2
    assert caught.value.conversation is not None
    assert caught.value.conversation.pending == ()


def test_a_question_left_open_is_an_event_and_pauses() -> None:
    scene = Scene(steps=[response(approval_request("files", "write"))], policy=policy(ask="files.write"))
    run = scene.run()
    (asked,) = run.of(ApprovalAsked)
    assert asked.waiting
    assert run.of(Finished)[0].questions == (asked.question,)
    assert run.of(ActionDecided) == []
    (record,) = scene.records("question_asked")
    assert scene.audit.blobs[record["screen_hash"]] == asked.question.screen


def test_said_is_what_the_scene_starts_with() -> None:
    assert said().user_texts == ("Go",)


class OneCallOnly(Asked):
    """Somebody whose answer can only be about this one call."""

    once_only = True


@pytest.mark.parametrize("somebody", [OneCallOnly(answer=Approve()), Asked(answer=Approve())])
def test_who_can_answer_one_call_only_is_offered_no_always(somebody: Asked) -> None:
    decide(policy(ask="files.write"), somebody)

    [question] = somebody.questions
    offered = not isinstance(somebody, OneCallOnly)
    assert (question.grantable, "always" in question.screen) == (offered, offered)
