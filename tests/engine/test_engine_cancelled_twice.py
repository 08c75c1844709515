"""Cancelled again while calls are being stopped: what may have run is on record all the same."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from mcpbridge.ports import CallContext, Json
from tests.engine.scene import said
from tests.engine.test_engine_cancel import World, consume, turn


@dataclass
class Reluctant(World):
    """Its calls never answer, and take their time to stop."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def tool(self, arguments: Json, context: CallContext) -> str:
        self.effects.append(context.call_id)
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await self.go_on.wait()
        return "never"


@pytest.mark.promise("at-most-once")
def test_cancelled_twice_a_call_that_ran_is_on_record_as_unknown() -> None:
    async def story() -> Reluctant:
        world = Reluctant()
        task = asyncio.create_task(consume(turn(world, said(), keep=False)))
        await world.begun.wait()
        for _ in range(2):
            task.cancel()
            for _ in range(5):  # passes of the loop: it waits for its calls to stop
                await asyncio.sleep(0)
        await asyncio.wait({task})
        world.go_on.set()
        return world

    world = asyncio.run(story())
    unknown = {record["request_id"] for record in world.audit.records if record["type"] == "outcome_unknown"}
    assert world.effects
    assert unknown >= set(world.effects)
