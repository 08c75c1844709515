"""Approvals of an earlier turn meet today's rules, and outcomes are owed until they are on record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.ruling import Approve, Deny, Outcome
from mcpbridge.core.state import dumps, loads
from mcpbridge.engine.events import ActionDecided, Finished
from mcpbridge.errors import AuditUnavailable, McpbridgeError, ModelUnavailable, OutcomeUnknown, UsageError
from mcpbridge.ports import Record
from mcpbridge.testing import (
    FixedClock,
    MemoryAudit,
    approval_request,
    function_call,
    mcp_call,
    message,
    response,
)
from tests.engine.scene import FILES, Asked, Run, Scene, Tool, policy

ASK = response(approval_request("files", "write", {"path": "a"}))
RAN = response(mcp_call("files", "write", {"path": "a"}, output="written"), message("ok"))
END = response(message("ok"))


def saved(run: Callable[[], Run], kind: type[McpbridgeError]) -> Conversation:
    with pytest.raises(kind) as caught:
        run()
    assert caught.value.conversation is not None
    return loads(dumps(caught.value.conversation))


def unsent() -> tuple[Scene, Conversation]:
    """An approval that a rule gave, and that could not be sent."""
    here = Scene(steps=(ASK, ModelUnavailable("unreachable"), RAN), policy=policy(allow="files.*"))
    return here, saved(here.run, ModelUnavailable)


@pytest.mark.parametrize("changed", [policy(deny="files.*"), policy(), policy(ask="files.*")])
def test_an_unsent_approval_that_would_not_be_given_today_is_withdrawn_on_record(changed: Any) -> None:
    here, conversation = unsent()
    done = Scene(steps=(END,), policy=changed, audit=here.audit).run(conversation)
    [event] = done.of(ActionDecided)
    assert not event.decision.allowed
    assert done.conversation.approved == {}
    assert [record["outcome"] for record in here.records("decision")] == ["policy_allow", "policy_deny"]


def test_an_unsent_approval_that_would_be_given_today_is_sent() -> None:
    here, conversation = unsent()
    here.run(conversation)
    assert here.model.answers("mcpr_write") == [True]


def test_a_tool_that_is_no_longer_offered_is_not_sent() -> None:
    here, conversation = unsent()
    narrowed = replace(FILES, allowed_tools=frozenset({"list"}))
    later = Scene(steps=(END,), policy=policy(allow="files.*"), audit=here.audit, servers=[narrowed])
    [event] = later.run(conversation).of(ActionDecided)
    assert event.decision.outcome is Outcome.UNKNOWN_TOOL
    assert later.model.answers("mcpr_write") == [False]


def test_a_question_about_a_tool_that_is_no_longer_offered_is_denied_whatever_a_person_says() -> None:
    here = Scene(steps=(ASK,), policy=policy(ask="files.*"))
    conversation = loads(dumps(here.run().conversation))
    narrowed = replace(FILES, allowed_tools=frozenset({"list"}))
    later = Scene(steps=(END,), policy=policy(ask="files.*"), audit=here.audit, servers=[narrowed])
    later.run(conversation, answers={"mcpr_write": Approve(by="ana")})
    assert later.model.answers("mcpr_write") == [False]


def test_a_person_who_repeats_an_unknown_does_not_overrule_the_policy() -> None:
    here = Scene(steps=(ASK, OutcomeUnknown("lost")), policy=policy(allow="files.*"))
    conversation = saved(here.run, OutcomeUnknown)
    later = Scene(steps=(END,), policy=policy(deny="files.*"), audit=here.audit)
    later.run(conversation, answers={"mcpr_write": Approve(by="ana")})
    assert later.model.answers("mcpr_write") == [False]


def test_a_persons_yes_of_an_earlier_turn_still_holds_where_the_policy_asks() -> None:
    here = Scene(
        steps=(ASK, ModelUnavailable("unreachable"), RAN),
        policy=policy(ask="files.*"),
        approver=Asked(answer=Approve()),
    )
    here.run(saved(here.run, ModelUnavailable))
    assert here.model.answers("mcpr_write") == [True]


def test_a_yes_to_a_call_that_nobody_was_shown_grants_nothing() -> None:
    here = Scene(steps=(ASK, RAN), policy=policy(ask="files.*"))
    conversation = loads(dumps(here.run().conversation))
    here.policy = policy(allow="files.*")
    done = here.run(conversation, answers={"mcpr_write": Approve(by="ana", always=True)})
    assert done.conversation.grants == ()
    assert [decided.outcome for decided in done.conversation.decisions] == ["policy_allow"]


def test_a_no_counts_also_where_the_rules_allow_by_now() -> None:
    here = Scene(steps=(ASK, END), policy=policy(ask="files.*"))
    conversation = loads(dumps(here.run().conversation))
    here.policy = policy(allow="files.*")
    here.run(conversation, answers={"mcpr_write": Deny(by="ana")})
    assert here.model.answers("mcpr_write") == [False]


def test_a_no_to_an_older_screen_counts_also_where_a_grant_covers_the_call_by_now() -> None:
    twice = response(*(approval_request("files", "write", {"path": "a"}, id=f"mcpr_{n}") for n in (1, 2)))
    here = Scene(steps=(twice, END), policy=policy(ask="files.*"))
    conversation = loads(dumps(here.run().conversation))
    here.policy = policy(default="ask")  # as strict, and other words on the screen
    here.approver = Asked(answer=Approve(by="bo", always=True))
    done = here.run(conversation, answers={"mcpr_2": Deny(by="ana")})
    assert len(done.conversation.grants) == 1
    assert here.model.answers("mcpr_1") == [True]
    assert here.model.answers("mcpr_2") == [False]


def test_a_yes_to_a_function_that_does_not_exist_is_a_denial() -> None:
    rules = policy(ask="local.*")
    here = Scene(
        steps=(response(function_call("ghost")), END), policy=rules, approver=Asked(answer=Approve())
    )
    done = here.run()
    [decided] = done.conversation.decisions
    assert decided.outcome == "unknown_tool"


@dataclass(kw_only=True)
class NoOutcomes:
    """A sink that cannot take outcomes until it is mended."""

    inner: MemoryAudit = field(default_factory=lambda: MemoryAudit(clock=FixedClock()))
    broken: bool = True

    async def append(self, record: Record) -> int:
        if record.type == "outcome" and self.broken:
            raise AuditUnavailable("the disk is full")
        return await self.inner.append(record)


@pytest.mark.promise("record-first")
@pytest.mark.parametrize(
    "steps",
    [(response(function_call("act")), END), (ASK, RAN, END)],
    ids=["a function here", "a hosted call"],
)
def test_an_outcome_without_a_log_is_written_when_there_is_one_again(steps: Any) -> None:
    sink, tool = NoOutcomes(), Tool(name="act")
    here = Scene(steps=steps, policy=policy(allow="files.*, local.*"), sink=sink, tools=[tool])
    conversation = saved(here.run, AuditUnavailable)
    assert len(conversation.owed) == 1
    sink.broken = False
    done = here.run(
        conversation.say("go on") if not conversation.pending and conversation.finished else conversation
    )
    outcomes = [record for record in sink.inner.records if record["type"] == "outcome"]
    assert [record["status"] for record in outcomes] == ["completed"]
    assert done.conversation.owed == ()
    assert len(tool.calls) <= 1


def test_a_turn_is_iterated_once() -> None:
    here = Scene(steps=(END, END))
    turn = here.turn()

    async def twice() -> None:
        [_ async for _ in turn]
        with pytest.raises(UsageError, match="iterated before"):
            [_ async for _ in turn]

    asyncio.run(twice())
    assert len(here.model.requests) == 1


def test_a_reader_who_leaves_at_the_last_event_leaves_a_finished_run() -> None:
    here = Scene(steps=(END,))

    async def leave() -> None:
        events = here.turn().advance()
        async for event in events:
            if isinstance(event, Finished):
                break
        await events.aclose()

    asyncio.run(leave())
    assert [record["status"] for record in here.records("run_finished")] == ["completed"]
