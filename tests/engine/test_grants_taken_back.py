"""A grant that was taken back, or whose clock was set back, holds nowhere any more."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from mcpbridge.core.conversation import Conversation, Grant
from mcpbridge.core.ruling import Approve
from mcpbridge.core.state import dumps, loads
from mcpbridge.engine.grants import withdrawal
from mcpbridge.ports import Record
from mcpbridge.testing import FixedClock, function_call, message, response
from tests.engine.scene import Asked, Scene, Tool, policy


def asking(number: int, **options: object) -> Scene:
    made = Scene(
        steps=[
            response(function_call("pay", {"to": "a"}, call_id=f"call_{number}", id=f"fc_{number}")),
            response(message("ok", id=f"msg_{number}")),
        ],
        policy=policy(ask="local.pay"),
        approver=Asked(answer=Approve(always=True)),
        tools=[Tool(name="pay")],
    )
    for name, value in options.items():
        setattr(made, name, value)
    return made


def granted() -> tuple[Scene, Conversation, Grant]:
    scene = asking(1)
    conversation = scene.run().conversation
    (grant,) = conversation.grants
    return scene, conversation, grant


def last(scene: Scene, conversation: Conversation) -> str:
    return scene.run(loads(dumps(conversation)).say("Go on")).conversation.decisions[-1].outcome


@pytest.mark.promise("grant-ends")
def test_a_grant_that_was_taken_back_ends_in_copies_of_the_conversation_too() -> None:
    first, conversation, grant = granted()
    assert last(asking(2, audit=first.audit), conversation) == "grant_allow"
    taken_back = Record(type="grant_withdrawn", quotas=(withdrawal(grant, most=9),), use=grant.id)
    for _ in ("once", "and again, in another copy"):
        asyncio.run(first.audit.append(taken_back))
    later = asking(3, audit=first.audit)
    assert last(later, conversation) == "human_allow"
    assert [one["reason"] for one in later.records("grant_refused")] == [
        "it was taken back, in a copy of this conversation"
    ]


@pytest.mark.promise("grant-ends")
@pytest.mark.parametrize(("minutes", "outcome"), [(-4, "grant_allow"), (-6, "human_allow")])
def test_a_grant_does_not_get_younger_where_a_clock_is_set_back(minutes: int, outcome: str) -> None:
    first, conversation, _ = granted()
    clock = FixedClock(FixedClock().now() + timedelta(minutes=minutes))
    assert last(asking(2, audit=first.audit, clock=clock), conversation) == outcome
