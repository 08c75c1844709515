"""What a yes is worth when the policies change, or time passes, between the question and the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve
from mcpbridge.core.state import dumps, loads
from mcpbridge.engine.events import Event, Finished, Notice
from mcpbridge.policy import Policy, load_policy
from mcpbridge.policy.changed import PoliciesChanged
from mcpbridge.testing import FixedClock, approval_request, function_call, message, response
from tests.engine.scene import Asked, Scene, Tool

QUORUM = "{tools: [files.write], quorum: 2, of: [bo, cy]}"
ESCALATES = "{tools: [files.write], quorum: 1, of: [bo], escalate: {after: 10m, to: [dee]}}"


def policy(effect: str = "ask", approvers: str = QUORUM, timeout: str = "") -> Policy:
    wait = f", ask_timeout: {timeout}" if timeout else ""
    return load_policy(
        f"version: 1\ndefaults: {{decision: deny{wait}}}\nrules:\n"
        f"  - {{id: w, effect: {effect}, tools: [files.write]}}\n"
        "  - {id: g, effect: ask, tools: [local.go]}\n"
        f"approvers: [{approvers}]\n",
        file="test.yaml",
    )


@dataclass(kw_only=True)
class Changing:
    """Policies that somebody changes while others think."""

    now: Policy

    def current(self) -> Sequence[Policy]:
        return (self.now,)

    def shadows(self) -> Sequence[Policy]:
        return ()

    def refresh(self) -> Sequence[PoliciesChanged]:
        return ()


@dataclass(kw_only=True)
class Meanwhile:
    """An approver during whose question something happens."""

    happens: Callable[[], None]
    answer: Answer

    async def ask(self, question: Question) -> Answer:
        self.happens()
        return self.answer


def proven(name: str, **fields: Any) -> Approve:
    return Approve(by=name, authenticated=True, **fields)


def go_on(
    scene: Scene, policies: Changing, conversation: Conversation, answers: Mapping[str, Answer] | None = None
) -> tuple[list[Event], Conversation]:
    engine = scene.engine()
    engine = replace(engine, judge=replace(engine.judge, policies=policies))

    async def whole() -> tuple[list[Event], Conversation]:
        turn = engine.turn(conversation, answers=answers)
        return [event async for event in turn.advance()], turn.conversation

    return asyncio.run(whole())


@pytest.mark.promise("quorum-bound")
@pytest.mark.parametrize("before", ["deny", "allow"])
def test_an_early_yes_is_counted_also_when_the_rule_that_asks_comes_back_meanwhile(before: str) -> None:
    asks = policy()
    scene = Scene(
        steps=[
            response(function_call("go", {}), approval_request("files", "write", {"path": "a"})),
            response(message("ok")),
        ],
        policy=asks,
        tools=[Tool(name="go")],
    )
    paused = scene.run().conversation
    policies = Changing(now=policy(before))

    def the_rule_comes_back() -> None:
        policies.now = asks

    scene.approver = Meanwhile(happens=the_rule_comes_back, answer=Approve(by="somebody"))
    events, after = go_on(scene, policies, loads(dumps(paused)), {"mcpr_write": Approve(by="bo")})
    assert [one.tool for one in after.decisions] == ["go"]
    assert [event.status for event in events if isinstance(event, Finished)] == ["paused"]
    notices = [event.message for event in events if isinstance(event, Notice)]
    assert any("nobody authenticated bo" in one for one in notices)


@dataclass(kw_only=True)
class Silent:
    """Says nothing until somebody may answer who was not asked before."""

    waits_for: str
    questions: list[Question] = field(default_factory=list[Question])

    async def ask(self, question: Question) -> Answer:
        self.questions.append(question)
        if self.waits_for not in question.may_answer:
            await asyncio.Event().wait()
        return proven(self.waits_for)


def writing(rules: Policy) -> Scene:
    return Scene(
        steps=[response(approval_request("files", "write", {"path": "a"})), response(message("ok"))],
        policy=rules,
    )


@pytest.mark.promise("quorum-escalates")
def test_a_silent_approver_is_asked_again_once_others_may_agree() -> None:
    scene = writing(policy(approvers=ESCALATES))
    paused = scene.run().conversation
    scene.clock = FixedClock(FixedClock().now() + timedelta(minutes=10) - timedelta(milliseconds=20))
    people = scene.approver = Silent(waits_for="dee")
    done = scene.run(loads(dumps(paused))).conversation
    assert [(one.outcome, one.tool) for one in done.decisions] == [("human_allow", "write")]
    assert [question.may_answer for question in people.questions] == [("bo",), ("bo", "dee")]
    assert scene.records("decision")[0]["approver"] == "dee"


@pytest.mark.promise("quorum-escalates")
def test_when_the_time_to_answer_ends_before_others_may_agree_silence_is_a_timeout() -> None:
    scene = writing(policy(approvers=ESCALATES, timeout="1s"))
    scene.ask_timeout = None
    paused = scene.run().conversation
    people = scene.approver = Silent(waits_for="dee")
    done = scene.run(paused).conversation
    assert [one.outcome for one in done.decisions] == ["timeout"]
    assert len(people.questions) == 1


EDIT = {"path": "b"}


def editing(approvers: str = "", limits: str = "") -> Scene:
    """A function that a person is asked about; b is another file than the model named, and c is forbidden."""
    rules = load_policy(
        "version: 1\ndefaults: {decision: ask}\nrules:\n"
        "  - {id: no-c, effect: deny, tools: [local.save], when: {path: {eq: c}}}\n"
        "  - {id: saving, effect: ask, tools: [local.save]}\n" + approvers + limits,
        file="test.yaml",
    )
    steps = [response(function_call("save", {"path": "a"}, call_id=f"call_{number}")) for number in range(3)]
    return Scene(steps=[*steps, response(message("ok"))], policy=rules, tools=[Tool(name="save")])


@pytest.mark.promise("edited-arguments")
def test_an_edit_where_several_have_to_agree_runs_nothing_however_it_comes() -> None:
    needs = "approvers: [{tools: [local.save], quorum: 2}]\n"
    live = editing(needs)
    live.approver = Asked(answer=proven("bo", arguments=EDIT))
    early = editing(needs)
    paused = early.run().conversation
    for scene, run in (
        (live, live.run()),
        (early, early.run(paused, answers={"call_0": proven("bo", arguments=EDIT)})),
    ):
        first = run.conversation.decisions[0]
        assert (first.outcome, "nobody can edit it" in first.reason) == ("error", True)
        assert scene.tools[0].calls == []
        assert run.conversation.votes == {}


@pytest.mark.promise("edited-arguments")
def test_an_edited_call_counts_against_its_limit_once() -> None:
    scene = editing(limits="limits: [{tools: [local.save], calls: 2, per: conversation}]\n")
    scene.approver = Asked(answer=Approve(arguments=EDIT))
    run = scene.run()
    assert [one.outcome for one in run.conversation.decisions] == ["human_allow", "human_allow", "limit"]
    assert len(scene.tools[0].calls) == 2


@pytest.mark.promise("edited-arguments")
def test_always_beside_an_edit_binds_what_ran_and_never_what_the_model_asked_for() -> None:
    scene = editing()
    people = scene.approver = Asked(answer=Approve(arguments=EDIT, always=True))
    run = scene.run()
    assert len(people.questions) == 3, "the model's own arguments were never granted"
    assert [dict(grant.bound) for grant in run.conversation.grants] == [{"path": '"b"'}] * 3


def test_an_edit_into_what_is_denied_makes_no_grant() -> None:
    scene = editing()
    scene.approver = Asked(answer=Approve(arguments={"path": "c"}, always=True))
    run = scene.run()
    assert {one.outcome for one in run.conversation.decisions} == {"policy_deny"}
    assert run.conversation.grants == ()


@pytest.mark.promise("quorum")
@pytest.mark.parametrize("other", ["BO", "bo ", "b\u200bo", "\uff42\uff4f", "bo\u00ad", "\u2060bo"])
def test_nobody_is_two_people_by_what_cannot_be_seen(other: str) -> None:
    scene = writing(policy(approvers="{tools: [files.write], quorum: 2}"))
    run = scene.run()
    for name in ("bo", other):
        run = scene.run(run.conversation, answers={"mcpr_write": proven(name)})
    assert run.conversation.decisions == ()
    assert run.of(Finished)[0].questions[0].agreed == ("bo",)


def test_always_beside_an_edit_into_what_is_allowed_says_that_no_grant_is_needed() -> None:
    rules = load_policy(
        "version: 1\ndefaults: {decision: ask}\nrules:\n"
        "  - {id: b, effect: allow, tools: [local.save], when: {path: {eq: b}}}\n",
        file="test.yaml",
    )
    scene = editing()
    scene.policy = rules
    scene.approver = Asked(answer=Approve(arguments=EDIT, always=True))
    run = scene.run()
    assert run.conversation.grants == ()
    refused = [notice.message for notice in run.of(Notice) if notice.type == "grant_refused"]
    assert all("as it was changed, the policy allows it without one" in one for one in refused)
    assert len(refused) == 3
