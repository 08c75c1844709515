"""Any order and mix of approvals, functions, reasoning, unknown items, faults, cancellations and resumes
keeps every invariant, judged by the local service's own checks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import openai
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.entries import McpResults
from mcpbridge.core.ruling import Answer
from mcpbridge.core.state import dumps, loads
from mcpbridge.engine.loop import Engine, Turn
from mcpbridge.errors import McpbridgeError, ReplayInvariant
from tests.engine.scene import Tool, policy, said
from tests.service.published import published_problems
from tests.strictness.accepted import check_accepted
from tests.strictness.line import UNASKED, connected, engine
from tests.strictness.provider import CALLS, FAULTS, FUNCTIONS, INERT, World

RULES = policy(allow="files.hosted, local.go", ask="files.hosted_ask, local.ask")
ANSWERED = st.sampled_from((*CALLS, *CALLS, *INERT))
RESPONSE = st.lists(ANSWERED, min_size=1, max_size=5)
FAULTY = st.tuples(RESPONSE, st.sampled_from(FAULTS)).map(lambda found: [*found[0], found[1]])
PLANS = st.lists(RESPONSE | RESPONSE | RESPONSE | FAULTY, max_size=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a run goes."""

    steps: int | None
    """After how many steps of the event loop it is cancelled."""
    stream: bool
    there: bool
    """Whether there is a person to ask, or the run pauses."""
    keep: bool
    """Whether its states are saved on the way."""


STEPS = st.none() | st.none() | st.integers(0, 150)
HOW = st.builds(How, steps=STEPS, stream=st.booleans(), there=st.booleans(), keep=st.booleans())


class Talk(RuleBasedStateMachine):
    """A conversation, and older copies of it that somebody may take up again."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.talk = said()
        self.copies: list[str] = []

    @initialize(mode=st.sampled_from(["native", "function_pair"]))
    def begin(self, mode: McpResults) -> None:
        self.talk = said(mcp_results=mode)

    @rule(plan=PLANS, how=HOW, yes=st.booleans())
    def go_on(self, plan: list[list[str]], how: How, yes: bool) -> None:
        """Say something where nothing is open, answer a part of what is open, and run."""
        self.world.plan.extend(plan)
        self.world.yes = yes
        if self.talk.finished or not (self.talk.pending or self.talk.begun):
            self.talk = self.talk.say("More")
        self.talk = self._run(self.talk, self._answers(self.talk, yes=yes), how)

    @rule()
    def save_and_load(self) -> None:
        """Another process takes over."""
        self.copies.append(dumps(self.talk))
        self.talk = loads(self.copies[-1])

    @precondition(lambda self: self.copies)
    @rule(index=st.integers(0, 20), yes=st.booleans(), how=HOW)
    def take_up_a_copy(self, index: int, yes: bool, how: How) -> None:
        """Somebody goes on from an older copy; what came of it is thrown away."""
        copy = loads(self.copies[index % len(self.copies)])
        if not copy.finished:
            self._run(copy, self._answers(copy, yes=yes), how)

    def _answers(self, talk: Conversation, *, yes: bool) -> dict[str, Answer]:
        """Every other question, and all that is unknown."""
        answers = {call.id: self.world.answers(call.id, yes=yes) for call in talk.pending[::2]}
        for request_id in talk.unknown:
            answers[request_id] = self.world.answers(request_id, yes=yes)
            self.world.permitted[request_id] += yes
        return answers

    def _run(self, talk: Conversation, answers: Mapping[str, Answer], how: How) -> Conversation:
        async def checkpoint(conversation: Conversation) -> None:
            await asyncio.sleep(0)
            self.copies.append(dumps(conversation))

        async def whole() -> Conversation:
            async with connected(self.world.answer) as client:
                turn = self._engine(client, how).turn(
                    talk, answers=answers, checkpoint=checkpoint if how.keep else None
                )
                return await _advanced(turn, how.steps)

        ended = asyncio.run(whole())
        check_accepted(ended, unasked=UNASKED)
        return ended

    def _engine(self, client: openai.AsyncOpenAI, how: How) -> Engine:
        return engine(
            client,
            policy=RULES,
            tools=[Tool(name=name, body=self.world.call) for name in FUNCTIONS],
            audit=self.world,
            approver=self.world if how.there else None,
            stream=how.stream,
        )

    @invariant()
    def nothing_went_wrong(self) -> None:
        assert self.world.problems == []

    def teardown(self) -> None:
        for body in self.world.bodies[-1:]:
            known = [item for item in body["input"] if item["type"] != "from_the_future"]
            assert published_problems("CreateResponse", {**body, "input": known}) == []


async def _advanced(turn: Turn, steps: int | None) -> Conversation:
    """The conversation after the turn, or after as much of it as `steps` allow."""

    async def consume() -> None:
        async for _ in turn.advance():
            pass

    task = asyncio.create_task(consume())
    if steps is not None:
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
    (ended,) = await asyncio.gather(task, return_exceptions=True)
    assert not isinstance(ended, ReplayInvariant), ended
    if ended is not None and not isinstance(ended, McpbridgeError | asyncio.CancelledError):
        raise ended
    return turn.conversation


@pytest.mark.promise("any-order")
def test_any_order_of_events_faults_cancellations_and_resumes_keeps_every_invariant() -> None:
    run_state_machine_as_test(  # pyright: ignore[reportUnknownMemberType]
        Talk, settings=settings(max_examples=100, stateful_step_count=12, deadline=None, derandomize=True)
    )
