"""An "always" binds what the screen said, holds below every deny, and comes to its end on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.ruling import Approve, Effect, Ruling
from mcpbridge.core.state import dumps, loads
from mcpbridge.engine.events import Finished, Notice
from mcpbridge.engine.judge import FixedPolicies, Judge
from mcpbridge.policy import Policy, load_policy
from mcpbridge.policy.grants import GrantTerms, bound, holding, made, strictest
from mcpbridge.testing import FixedClock, approval_request, function_call, message, response
from tests.engine.scene import Asked, Run, Scene, Tool, said

PAY = {"recipient": "DE89", "amount": 5}


def rules(*more: str, ask: str = "local.pay, files.write") -> Policy:
    lines = ["version: 1", "defaults: {decision: deny}", "rules:"]
    lines += [f"  - {{id: a, effect: ask, tools: [{ask}]}}", *more]
    return load_policy("\n".join(lines), file="test.yaml")


BOUND = "grants: {bind: [recipient], max_ttl: 8h, max_uses: 2}"


def calls(*arguments: Mapping[str, Any], name: str = "") -> list[dict[str, Any]]:
    """All in one response, and the end. Ids are unique where `name` is."""
    made_now = [
        function_call("pay", one, call_id=f"call_{name}{place}", id=f"fc_{name}{place}")
        for place, one in enumerate(arguments)
    ]
    return [response(*made_now), response(message("ok", id=f"msg_{name}"))]


def pay(*arguments: Mapping[str, Any], policy: Policy, answer: Approve) -> tuple[Scene, Run, Asked]:
    asked = Asked(answer=answer)
    scene = Scene(steps=calls(*arguments), policy=policy, approver=asked, tools=[Tool(name="pay")])
    return scene, scene.run(), asked


def outcomes(run: Run) -> list[str]:
    return [one.outcome for one in run.conversation.decisions]


@pytest.mark.promise("grant-bound")
def test_only_the_bound_arguments_have_to_be_equal() -> None:
    scene, run, asked = pay(PAY, PAY | {"amount": 9}, policy=rules(BOUND), answer=Approve(always=True))
    assert outcomes(run) == ["human_allow", "grant_allow"]
    assert len(asked.questions) == 1
    assert "binds to local, this tool as it is now, and" in asked.questions[0].screen
    assert "recipient as shown; other values may differ, for 8h at most" in asked.questions[0].screen
    assert scene.records("grant_made")[0]["bound"] == ["recipient"]
    used = scene.records("grant_used")[0]
    assert (used["used"], used["uses"], used["granted_for"]) == (1, 2, "call_0")


@pytest.mark.parametrize(
    "other",
    [PAY | {"recipient": "FR76"}, PAY | {"recipient": ["DE89"]}, PAY | {"bcc": "x"}, {"amount": 5}],
)
def test_another_bound_value_or_a_further_argument_is_asked_about(other: Mapping[str, Any]) -> None:
    _, run, _ = pay(PAY, other, policy=rules(BOUND), answer=Approve(always=True))
    assert outcomes(run) == ["human_allow", "human_allow"]


def test_without_bind_all_arguments_have_to_be_equal_whatever_their_order() -> None:
    same = {"amount": 5, "recipient": "DE89"}
    _, run, _ = pay(PAY, same, PAY | {"amount": 5.0}, policy=rules(), answer=Approve(always=True))
    assert outcomes(run) == ["human_allow", "grant_allow", "human_allow"]


@pytest.mark.promise("grant-uses")
def test_uses_are_counted_before_each_call_of_one_response() -> None:
    scene, run, asked = pay(PAY, PAY, PAY, PAY, policy=rules(BOUND), answer=Approve(always=True))
    assert outcomes(run) == ["human_allow", "grant_allow", "grant_allow", "human_allow"]
    assert len(asked.questions) == 2
    assert [record["reason"] for record in scene.records("grant_refused")] == ["it is used up"]


@pytest.mark.promise("grant-uses")
def test_copies_of_a_conversation_share_the_uses_of_its_grant() -> None:
    scene, run, asked = pay(PAY, policy=rules(), answer=Approve(always=True, uses=1))
    assert len(asked.questions) == 1
    for name in ("first", "second"):
        again = calls(PAY, name=name)
        more = Scene(
            steps=again, policy=scene.policy, approver=asked, tools=[Tool(name="pay")], audit=scene.audit
        )
        copy = more.run(loads(dumps(run.conversation)).say("Go on"))
        assert outcomes(copy)[-1] == {"first": "grant_allow", "second": "human_allow"}[name]
    assert "by a copy" in scene.records("grant_refused")[0]["reason"]


@pytest.mark.promise("grant-ends")
def test_a_grant_expires_and_says_so() -> None:
    scene, run, asked = pay(PAY, policy=rules(BOUND), answer=Approve(always=True, ttl=60.0))
    for minutes, outcome in ((0.5, "grant_allow"), (1, "human_allow")):
        again = calls(PAY, name=str(minutes))
        clock = FixedClock(FixedClock().now() + timedelta(minutes=minutes))
        later = Scene(steps=again, policy=scene.policy, approver=asked, tools=[Tool(name="pay")], clock=clock)
        done = later.run(loads(dumps(run.conversation)).say("Go on"))
        assert outcomes(done)[-1] == outcome
    assert [record["reason"] for record in later.records("grant_refused")] == ["it expired"]


def hosted(policy: Policy, conversation: Conversation, tools: Mapping[str, str]) -> Run:
    conversation = replace(conversation, tools={"files": tools})
    number = len(conversation.decisions)
    scene = Scene(
        steps=[
            response(approval_request("files", "write", PAY, id=f"mcpr_{number}")),
            response(message("ok", id=f"msg_{number}")),
        ],
        policy=policy,
        approver=Asked(answer=Approve(always=True)),
    )
    return scene.run(conversation)


@pytest.mark.promise("grant-ends")
def test_a_grant_dies_when_the_tool_is_described_in_other_words() -> None:
    first = hosted(rules(), said(), {"write": "one"})
    same = hosted(rules(), first.conversation.say("more"), {"write": "one"})
    other = hosted(rules(), same.conversation.say("more"), {"write": "two"})
    back = hosted(
        rules(),
        replace(other.conversation, grants=other.conversation.grants[:-1]).say("more"),
        {"write": "one"},
    )
    assert [outcomes(run)[-1] for run in (first, same, other, back)] == [
        *("human_allow", "grant_allow", "human_allow", "human_allow")
    ]


def test_a_tool_nobody_knows_is_asked_about_each_time() -> None:
    policy = load_policy(
        "version: 1\ndefaults: {decision: ask, unknown_tool: ask}\nrules: []", file="test.yaml"
    )
    first = hosted(policy, said(), {"read": "one"})
    again = hosted(policy, first.conversation.say("more"), {"read": "one"})
    assert outcomes(again) == ["human_allow", "human_allow"]
    assert again.conversation.grants == ()
    assert "no grant was made" in first.of(Notice)[0].message


@pytest.mark.promise("grant-below-deny")
def test_a_deny_that_comes_later_beats_the_grant() -> None:
    _, run, _ = pay(PAY, policy=rules(), answer=Approve(always=True))
    denies = rules("  - {id: no, effect: deny, tools: [local.pay], when: {amount: {gt: 1}}}")
    scene = Scene(steps=calls(PAY, name="later"), policy=denies, tools=[Tool(name="pay")])
    done = scene.run(run.conversation.say("more"))
    assert outcomes(done)[-1] == "policy_deny"


@pytest.mark.parametrize(("ttl", "uses"), [(9 * 3600.0, None), (None, 3), (float("nan"), None), (None, 0)])
def test_more_than_the_policy_permits_makes_no_grant(ttl: float | None, uses: int | None) -> None:
    scene, run, _ = pay(PAY, PAY, policy=rules(BOUND), answer=Approve(always=True, ttl=ttl, uses=uses))
    assert outcomes(run) == ["human_allow", "human_allow"]
    assert run.conversation.grants == ()
    assert len(scene.records("grant_refused")) == 2


def test_a_grant_that_one_person_gave_does_not_stand_for_two() -> None:
    _, run, _ = pay(PAY, policy=rules(), answer=Approve(by="ana", always=True))
    scene = Scene(
        steps=calls(PAY, name="later"),
        policy=rules("approvers: [{tools: [local.pay], quorum: 2}]"),
        tools=[Tool(name="pay")],
    )
    done = scene.run(run.conversation.say("more"))
    assert done.of(Finished)[0].status == "paused"
    assert scene.records("grant_refused")[0]["reason"] == "other people have to agree now"


def test_of_several_policies_each_binds_what_it_says() -> None:
    one = GrantTerms(bind=frozenset({"to"}), max_ttl=60.0)
    two = GrantTerms(bind=frozenset({"cc"}), max_uses=3, max_ttl=90.0)
    assert strictest([one, two]) == GrantTerms(bind=frozenset({"to", "cc"}), max_ttl=60.0, max_uses=3)
    assert strictest([one, GrantTerms()]).bind is None


def test_a_call_without_any_bound_argument_is_bound_as_a_whole() -> None:
    terms = GrantTerms(bind=frozenset({"recipient"}))
    assert bound(action({"path": "/"}), terms) == {"path": '"/"'}


VALUES = st.sampled_from(["a", "b", 1, 1.0, True, None, ["a"], {"x": 1}])
ARGUMENTS = st.dictionaries(st.sampled_from(["to", "cc", "body"]), VALUES, max_size=3)


def action(arguments: Mapping[str, Any], tool: str = "pay", definition: str = "") -> Action:
    return Action(
        request_id="call_1", server_label="local", tool=tool, via="local", arguments=arguments,
        raw_arguments="", definition_hash=definition,
    )  # fmt: skip


@given(ARGUMENTS, ARGUMENTS, st.sets(st.sampled_from(["to", "cc"])))
def test_a_grant_never_covers_another_bound_value(
    shown: dict[str, Any], later: dict[str, Any], names: set[str]
) -> None:
    terms = GrantTerms(bind=frozenset(names) or None)
    grant = made(action(shown), terms, grant_id="g", principal="ana", now=0.0, ttl=None, uses=None)
    covers, _ = holding([grant], action(later), terms, principal="ana", now=1.0)
    if covers is not None:
        assert {*later} <= {*shown}
        for name in names & {*shown} or {*shown}:
            assert (name, repr(later[name])) == (name, repr(shown[name]))
    assert holding([grant], action(later), terms, principal="bo", now=1.0)[0] is None
    assert holding([grant], action(later, tool="other"), terms, principal="ana", now=1.0)[0] is None
    assert holding([grant], action(later, definition="new"), terms, principal="ana", now=1.0)[0] is None


@pytest.mark.promise("grant-below-deny")
@given(ARGUMENTS, st.sampled_from(list(Effect)), st.booleans())
def test_a_grant_only_ever_answers_for_a_person(
    arguments: dict[str, Any], effect: Effect, known: bool
) -> None:
    call = action(arguments)
    grant = made(call, GrantTerms(), grant_id="g", principal="ana", now=0.0, ttl=None, uses=None)
    judge = Judge(policies=FixedPolicies(policies=(rules(),)), clock=FixedClock())
    ruling = Ruling(effect=effect, outcome=None, reason="", grantable=known)
    verdict = judge.without_asking(call, ruling, replace(said(), grants=(grant,)))
    granted = verdict is not None and verdict.decision.outcome.value == "grant_allow"
    assert granted == (effect is Effect.ASK and known)
