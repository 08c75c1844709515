"""Who has to agree, and what a yes is worth that nobody authenticated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.core.approval import Approval, Vote, agreed, lacking
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve, Deny
from mcpbridge.core.state import dumps, loads
from mcpbridge.engine.events import Finished, Notice
from mcpbridge.policy import Policy, load_policy
from mcpbridge.testing import FixedClock, approval_request, message, response
from tests.engine.scene import Run, Scene, said

TWO = "{tools: [files.write], quorum: 2, of: [ana, bo, cy], not_requester: true}"


def rules(approvers: str = TWO) -> Policy:
    text = (
        "version: 1\ndefaults: {decision: deny}\n"
        "rules: [{id: a, effect: ask, tools: [files.write]}]\n"
        f"approvers: [{approvers}]"
    )
    return load_policy(text, file="test.yaml")


def proven(name: str, **fields: Any) -> Approve:
    return Approve(by=name, authenticated=True, **fields)


@dataclass(kw_only=True)
class People:
    """An approver that several people answer through, one after the other."""

    answers: list[Answer]
    questions: list[Question] = field(default_factory=list[Question])

    async def ask(self, question: Question) -> Answer:
        self.questions.append(question)
        return self.answers.pop(0)


def scene(policy: Policy | None = None, **options: Any) -> Scene:
    steps = [response(approval_request("files", "write", {"path": "a"})), response(message("ok"))]
    return Scene(steps=steps, policy=policy or rules(), **options)


def outcomes(run: Run) -> list[str]:
    return [one.outcome for one in run.conversation.decisions]


def open_questions(run: Run) -> tuple[Question, ...]:
    return run.of(Finished)[0].questions


@pytest.mark.promise("quorum")
def test_two_people_agree_on_two_days_in_two_processes() -> None:
    today = scene()
    paused = loads(dumps(today.run().conversation))
    half = today.run(paused, answers={"mcpr_write": proven("bo")})
    assert outcomes(half) == []
    assert (open_questions(half)[0].agreed, open_questions(half)[0].may_answer) == (("bo",), ("cy",))
    done = today.run(loads(dumps(half.conversation)), answers={"mcpr_write": proven("cy")})
    assert outcomes(done) == ["human_allow"]
    decision = today.records("decision")[0]
    assert (decision["approver"], decision["authenticated"]) == ("bo, cy", True)
    assert [one["counts"] for one in today.records("approval_given")] == [True, True]
    assert len(today.records("question_asked")) == 1


@pytest.mark.promise("claimed-counts-nothing")
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Approve(by="bo"), "nobody authenticated bo"),
        (proven(""), "names nobody"),
        (proven("ana"), "ana requests this"),
        (proven("ANA "), "requests this"),
        (proven("eve"), "eve is none of ana, bo, cy"),
        (Approve(by="bo", authenticated="yes"), "nobody authenticated bo"),  # type: ignore[arg-type]  # pyright: ignore,
    ],
)
def test_a_yes_that_does_not_count_leaves_the_question_open_and_says_why(answer: Approve, why: str) -> None:
    one = scene()
    run = one.run(one.run().conversation, answers={"mcpr_write": answer})
    assert outcomes(run) == []
    assert why in run.of(Notice)[0].message
    assert one.records("approval_given")[0]["counts"] is False


def test_the_same_person_counts_once_also_in_capitals() -> None:
    one = scene(rules("{tools: [files.write], quorum: 2}"))
    run = one.run()
    for name in ("bo", "BO", "bo"):
        run = one.run(run.conversation, answers={"mcpr_write": proven(name)})
    assert open_questions(run)[0].agreed == ("bo",)


@pytest.mark.promise("quorum")
def test_one_no_denies_whoever_says_it() -> None:
    one = scene()
    half = one.run(one.run().conversation, answers={"mcpr_write": proven("bo")})
    done = one.run(half.conversation, answers={"mcpr_write": Deny(by="eve", reason="not today")})
    assert outcomes(done) == ["human_deny"]
    assert one.model.requests[-1][-1]["reason"] == "not today"


def test_several_people_answer_one_approver() -> None:
    people = People(answers=[proven("bo"), proven("cy")])
    one = scene(approver=people)
    assert outcomes(one.run()) == ["human_allow"]
    assert one.records("decision")[0]["mode"] == "live"
    assert [question.agreed for question in people.questions] == [(), ("bo",)]
    assert "needs      2 of ana, bo, cy; not the requester" in people.questions[0].screen


def test_where_the_second_person_is_missing_the_run_pauses_with_the_first_yes() -> None:
    one = scene(approver=People(answers=[proven("bo"), proven("bo")]))
    run = one.run()
    assert run.of(Finished)[0].status == "paused"
    one.approver = People(answers=[proven("cy")])
    assert outcomes(one.run(loads(dumps(run.conversation)))) == ["human_allow"]


@pytest.mark.promise("quorum-bound")
def test_votes_for_another_screen_are_none() -> None:
    one = scene()
    half = one.run(one.run().conversation, answers={"mcpr_write": proven("bo")})
    one.policy = rules("{tools: [files.write], quorum: 2, of: [bo, cy, dee]}")
    again = one.run(half.conversation)
    assert open_questions(again)[0].agreed == ()
    assert len(one.records("question_asked")) == 2


ESCALATES = "{tools: [files.write], quorum: 1, of: [bo], escalate: {after: 10m, to: [dee]}}"


@pytest.mark.promise("quorum-escalates")
@pytest.mark.parametrize(("minutes", "outcome"), [(9, []), (10, ["human_allow"])])
def test_after_a_while_others_may_agree(minutes: int, outcome: list[str]) -> None:
    one = scene(rules(ESCALATES))
    paused = one.run()
    assert open_questions(paused)[0].may_answer == ("bo",)
    one.clock = FixedClock(FixedClock().now() + timedelta(minutes=minutes))
    assert outcomes(one.run(paused.conversation, answers={"mcpr_write": proven("dee")})) == outcome


@dataclass(kw_only=True)
class Escalating:
    """Nobody answers until somebody else may."""

    questions: list[Question] = field(default_factory=list[Question])

    async def ask(self, question: Question) -> Answer:
        self.questions.append(question)
        if "dee" not in question.may_answer:
            raise TimeoutError  # pragma: no cover
        return proven("dee")


def test_an_approver_is_told_who_may_answer_by_now() -> None:
    one = scene(rules(ESCALATES))
    paused = one.run()
    one.clock = FixedClock(FixedClock().now() + timedelta(minutes=11))
    one.approver = Escalating()
    assert outcomes(one.run(paused.conversation)) == ["human_allow"]


def test_who_requests_must_be_known_where_it_matters() -> None:
    one = scene()
    nobody = Conversation(id="conv_1").say("Go")
    run = one.run(one.run(nobody).conversation, answers={"mcpr_write": proven("bo")})
    assert "nobody said who requests this" in run.of(Notice)[0].message


def test_all_rules_that_name_the_tool_have_to_be_satisfied() -> None:
    one = scene(rules('{tools: ["files.*"], of: [bo]}, {tools: ["*"], of: [cy]}'))
    half = one.run(one.run().conversation, answers={"mcpr_write": proven("bo")})
    assert open_questions(half)[0].may_answer == ("cy",)
    assert outcomes(one.run(half.conversation, answers={"mcpr_write": proven("cy")})) == ["human_allow"]


def test_always_needs_everybody_and_takes_the_least() -> None:
    one = scene()
    half = one.run(one.run().conversation, answers={"mcpr_write": proven("bo", always=True, ttl=60.0)})
    done = one.run(half.conversation, answers={"mcpr_write": proven("cy", always=True, uses=3)})
    (grant,) = done.conversation.grants
    assert (grant.uses, grant.expires) == (3, FixedClock().now().timestamp() + 60)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("{tools: [files.write]}", "nobody in particular"),
        ("{tools: [files.write], quorum: 0}", "whole number from 1"),
        ("{tools: [files.write], quorum: 3, of: [ana, bo]}", "only 2 may"),
        ("{tools: [files.write], of: [ana, Ana]}", "count as one person"),
        ("{tools: [files.write], quorum: 2, not_requester: false}", "or remove it"),
        ("{tools: [files.write], quorum: 1, escalate: {after: 1m, to: [bo]}}", "without `of`"),
        ("{tools: [files.write], of: [bo], escalate: {after: soon, to: [cy]}}", "such as 10m"),
        ("{tools: [files.write], of: [bo], escalate: {after: 1m, to: [bo]}}", "is in `of` already"),
        ('{tools: [files.write], of: ["*"]}', "name of one person"),
    ],
)
def test_a_rule_that_nobody_could_satisfy_is_refused(entry: str, complaint: str) -> None:
    with pytest.raises(Exception, match=complaint):
        rules(entry)


NAMES = st.sampled_from(["ana", "Ana", "bo", "cy", "dee"])


@given(
    quorum=st.integers(1, 3),
    of=st.lists(NAMES, unique=True, max_size=4),
    voters=st.lists(NAMES, max_size=6),
    other=st.booleans(),
)
def test_no_order_and_no_repetition_makes_a_quorum(
    quorum: int, of: list[str], voters: list[str], other: bool
) -> None:
    rule = Approval(quorum=quorum, of=tuple(of), not_requester=other)
    votes = [Vote(by=name, screen_hash="", at=0.0) for name in voters]
    missing = lacking([rule], votes, requester="ana", waited=0.0)
    people = {
        name.lower() for name in voters if (not of or name in of) and not (other and name.lower() == "ana")
    }
    assert (missing == ()) == (len(people) >= quorum)
    assert len(agreed(rule, votes, requester="ana", waited=0.0)) == len(people)


@pytest.mark.parametrize(
    "older",
    [
        {'"mcpbridge_conversation":4': '"mcpbridge_conversation":3', '"doubtful":[],': ""},
        {
            '"mcpbridge_conversation":4': '"mcpbridge_conversation":2',
            '"doubtful":[],': "",
            '"bridged":{},': "",
        },
        {
            '"mcpbridge_conversation":4': '"mcpbridge_conversation":1',
            '"doubtful":[],': "",
            '"bridged":{},': "",
            '"asked_at":{},"votes":{},': "",
        },
    ],
    ids=["3", "2", "1"],
)
def test_states_of_the_older_formats_are_read(older: Mapping[str, str]) -> None:
    text = dumps(said())
    for new, old in older.items():
        assert new in text
        text = text.replace(new, old)
    assert loads(text).user_texts == ("Go",)
