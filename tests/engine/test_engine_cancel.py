"""Cancelled anywhere: nothing runs twice, no answer is lost, no task is left behind."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question
from mcpbridge.core.request import ModelRequest
from mcpbridge.core.ruling import Answer, Approve, Deny
from mcpbridge.core.state import dumps, loads
from mcpbridge.engine.loop import Turn
from mcpbridge.errors import OutcomeUnknown
from mcpbridge.ports import CallContext, Json, ModelOutput, ModelResponse, Record, StreamEvent
from mcpbridge.testing import (
    MemoryAudit,
    approval_request,
    function_call,
    mcp_call,
    message,
    numbered,
    reasoning,
    response,
)
from tests.engine.scene import Scene, Tool, policy, said


@dataclass
class World:
    """What really happened, whatever a conversation remembers. Every await in it is one step of the loop."""

    effects: list[str] = field(default_factory=list[str])
    returned: list[str] = field(default_factory=list[str])
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    saved: str = ""
    asked: int = 0

    async def append(self, record: Record) -> int:
        await asyncio.sleep(0)
        seq = await self.audit.append(record)
        await asyncio.sleep(0)
        return seq

    async def ask(self, question: Question) -> Answer:
        await asyncio.sleep(0)
        return Approve(by="bo", always=True)

    async def keep(self, conversation: Conversation) -> None:
        await asyncio.sleep(0)
        self.saved = dumps(conversation)
        await asyncio.sleep(0)

    async def tool(self, arguments: Json, context: CallContext) -> str:
        await asyncio.sleep(0)
        self.effects.append(context.call_id)
        for _ in range(1 if context.call_id == "call_one" else 3):
            await asyncio.sleep(0)
        self.returned.append(context.call_id)
        return "done"

    async def respond(self, request: ModelRequest) -> AsyncGenerator[ModelOutput, None]:
        items: list[dict[str, Any]] = [json.loads(chunk) for chunk in request.encoded_items]
        await asyncio.sleep(0)
        yield StreamEvent(event={"type": "response.created"})
        body = self._reply(items)
        await asyncio.sleep(0)
        self.asked += 1
        yield ModelResponse(body=numbered(body, self.asked))

    def _reply(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        kinds = [item["type"] for item in items]
        if "mcp_approval_request" not in kinds:
            calls = [function_call("one"), function_call("two")]
            return response(reasoning(), calls[0], approval_request("files", "write"), calls[1])
        if "mcp_call" not in kinds and any(item.get("approve") is True for item in items):
            self.effects.append("mcpr_write")
            return response(mcp_call("files", "write"), message("ok"))
        return response(message("ok"))


def turn(world: World, conversation: Conversation, *, keep: bool, give_up: bool = False) -> Turn:
    tools = [Tool(name="one", body=world.tool), Tool(name="two", body=world.tool)]
    rules = policy(ask="files.write, local.one", allow="local.two")
    scene = Scene(policy=rules, approver=world, tools=tools, sink=world, other_model=world)
    answers = {name: Deny(reason="unknown") for name in conversation.unknown} if give_up else None
    return scene.turn(conversation, answers=answers, checkpoint=world.keep if keep else None)


async def consume(one: Turn) -> None:
    async for _ in one.advance():
        pass


Loose = list[dict[str, Any]]


@pytest.fixture
def loose() -> Generator[Loose, None, None]:
    """What the event loop complains about, such as an exception that nobody retrieved: nothing."""
    complaints: Loose = []
    yield complaints
    gc.collect()
    assert complaints == []


async def cancel_after(loose: Loose, one: Turn, steps: int) -> bool:
    """Let the loop turn `steps` times, then cancel. Whether the run had ended before."""
    asyncio.get_running_loop().set_exception_handler(lambda _, about: loose.append(about))
    task = asyncio.create_task(consume(one))
    for _ in range(steps):
        await asyncio.sleep(0)
    ended = task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ended or task.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return ended


def outputs(conversation: Conversation) -> set[str]:
    return {e.item["call_id"] for e in conversation.entries if e.item["type"] == "function_call_output"}


def finish(world: World, conversation: Conversation, *, keep: bool) -> None:
    """Go on until the model has answered; what is unknown is refused first, then given up."""
    if conversation.unknown:
        with pytest.raises(OutcomeUnknown):
            asyncio.run(consume(turn(world, conversation, keep=keep)))
    last = turn(world, conversation, keep=keep, give_up=True)
    asyncio.run(consume(last))
    assert last.conversation.text == "ok"
    assert not last.conversation.pending
    assert not last.conversation.unknown


@pytest.mark.promise("at-most-once")
@pytest.mark.parametrize("round_trip", [False, True])
@pytest.mark.parametrize("keep", [False, True])
def test_cancelled_after_any_step_a_run_goes_on_without_repeating_anything(
    keep: bool, round_trip: bool, loose: Loose
) -> None:
    ended, steps = False, 0
    while not ended:
        world = World()
        one = turn(world, said(), keep=keep)
        ended = asyncio.run(cancel_after(loose, one, steps))
        state = one.conversation
        for call_id in world.returned:
            assert call_id in outputs(state), f"step {steps}: {call_id} ran, and its answer is lost"
        for name in set(world.effects) - {"mcpr_write"}:
            assert name in outputs(state) or name in state.unknown, f"step {steps}: {name} is forgotten"
        finish(world, loads(dumps(state)) if round_trip else state, keep=keep)
        assert len(world.effects) == len(set(world.effects)), f"step {steps}: {world.effects}"
        steps += 1
    assert steps > 20


@pytest.mark.promise("at-most-once")
def test_killed_after_any_step_the_last_checkpoint_goes_on_without_repeating_anything(loose: Loose) -> None:
    """As above, but only what was saved is left, as after a crash."""
    ended, steps = False, 0
    while not ended:
        world = World()
        ended = asyncio.run(cancel_after(loose, turn(world, said(), keep=True), steps))
        if world.saved:
            state = loads(world.saved)
            for name in set(world.effects) - {"mcpr_write"}:
                assert name in outputs(state) or name in state.unknown
            finish(world, state, keep=True)
        assert len(world.effects) == len(set(world.effects)), f"step {steps}: {world.effects}"
        steps += 1


def test_interrupted_while_an_undone_decision_is_voided_it_still_goes_on(loose: Loose) -> None:
    """call_one was allowed and never began; the next run ends right after its right to run is used up."""
    world = World()
    one = turn(world, said(), keep=False)
    undone = False
    steps = 0
    while not undone:
        world = World()
        one = turn(world, said(), keep=False)
        asyncio.run(cancel_after(loose, one, steps))
        undone = bool(one.conversation.decisions) and len(one.conversation.pending) == 3
        undone = undone and not one.conversation.unknown
        steps += 1
    again, second = one, 0
    while not any(record["type"] == "recovery" for record in world.audit.records):
        again = turn(world, one.conversation, keep=False)
        asyncio.run(cancel_after(loose, again, second))
        second += 1
    finish(world, again.conversation, keep=False)
    assert sorted(world.effects) == ["call_one", "call_two", "mcpr_write"]


@pytest.mark.promise("at-most-once")
def test_cancelled_twice_it_still_repeats_nothing(loose: Loose) -> None:
    for first in range(0, 60, 5):
        for second in range(0, 30, 7):
            world = World()
            one = turn(world, said(), keep=True)
            asyncio.run(cancel_after(loose, one, first))
            two = turn(world, loads(dumps(one.conversation)), keep=True, give_up=True)
            asyncio.run(cancel_after(loose, two, second))
            finish(world, loads(dumps(two.conversation)), keep=True)
            assert len(world.effects) == len(set(world.effects)), (first, second, world.effects)


@pytest.mark.parametrize("keep", [False, True])
def test_closed_at_any_event_a_run_leaves_nothing_behind(keep: bool) -> None:
    async def close_after(world: World, one: Turn, events: int) -> bool:
        advancing = one.advance()
        for _ in range(events):
            if await anext(advancing, None) is None:
                return True
        await advancing.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return False

    ended, events = False, 0
    while not ended:
        world = World()
        one = turn(world, said(), keep=keep)
        ended = asyncio.run(close_after(world, one, events))
        finish(world, loads(dumps(one.conversation)), keep=keep)
        assert len(world.effects) == len(set(world.effects)), (events, world.effects)
        events += 1
    assert events > 8


def test_of_two_functions_the_one_that_ran_keeps_its_answer() -> None:
    """call_one has returned, call_two is still at it when the run is cancelled."""
    waiting: list[asyncio.Event] = []

    async def wait(arguments: Json, context: CallContext) -> str:
        waiting.append(asyncio.Event())
        await waiting[0].wait()
        return "never"

    tools = [Tool(name="one"), Tool(name="two", body=wait)]
    scene = Scene(
        steps=[response(function_call("one"), function_call("two"))],
        policy=policy(allow="local.*"),
        tools=tools,
        sink=None,
    )
    one = scene.turn()

    async def whole() -> None:
        task = asyncio.create_task(consume(one))
        for _ in range(30):
            await asyncio.sleep(0)
        assert waiting
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(whole())
    assert outputs(one.conversation) == {"call_one"}
    assert one.conversation.unknown == ("call_two",)
    assert [record["request_id"] for record in scene.records("outcome_unknown")] == ["call_two"]
