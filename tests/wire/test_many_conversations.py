"""Many conversations at once through one Bridge: nothing is lost or doubled, and others get their turn."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from mcpbridge import tool
from mcpbridge.adapters.turnstile import Turnstile
from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.wire.stack import ALL_ALLOWED, Stack, run

_CONVERSATIONS, _ROUNDS = 40, 5


def _script() -> str:
    """Round N opens the issue `talk-K-N` and notes the same words locally."""
    name = "{{seen:(talk-\\d+)}}"
    rules = [
        f"- when: {{sees: 'Created issue #\\d+: talk-\\d+-{_ROUNDS}'}}\n  then: [{{say: 'done {name}'}}]",
        *(
            f"- when: {{sees: 'Created issue #\\d+: talk-\\d+-{number - 1}'}}\n" + _round(number, name)
            for number in range(_ROUNDS, 1, -1)
        ),
        "- when: {}\n" + _round(1, name),
    ]
    return "rules:\n" + "\n".join(rules)


def _round(number: int, name: str) -> str:
    return (
        f"  then:\n  - reasoning: round {number}\n"
        f"  - mcp: {{server: tracker, tool: create_issue, arguments: {{title: '{name}-{number}'}}}}\n"
        f"  - call: {{name: note, arguments: {{text: '{name}-{number}'}}}}"
    )


@pytest.mark.promise("many-at-once")
def test_conversations_at_once_lose_no_call_and_double_none(tmp_path: Path, tracker: Tracker) -> None:
    noted: Counter[str] = Counter()

    @tool
    async def note(text: str) -> str:
        """Note something."""
        noted[text] += 1
        return "noted"

    async def all_at_once(stack: Stack) -> list[str]:
        async with stack.bridge(tools=[note]) as bridge:
            talks = (bridge.run(f"talk-{number}") for number in range(_CONVERSATIONS))
            return [result.text for result in await asyncio.gather(*talks)]

    with running_in_thread(_script()) as endpoint:
        texts = run(
            all_at_once(Stack(folder=tmp_path, endpoint=endpoint, tracker=tracker, policy=ALL_ALLOWED))
        )
    once = Counter(
        f"talk-{talk}-{number}" for talk in range(_CONVERSATIONS) for number in range(1, _ROUNDS + 1)
    )
    assert texts == [f"done talk-{number}" for number in range(_CONVERSATIONS)]
    assert noted == once
    assert Counter(str(effect.arguments["title"]) for effect in tracker.effects) == once


def test_the_turnstile_lets_one_through_per_pass_and_others_have_their_turn_between() -> None:
    async def passes() -> list[str]:
        turnstile, order = Turnstile(), list[str]()

        async def compute(number: int) -> None:
            await turnstile.through()
            order.append(f"compute {number}")

        async def other() -> None:
            for _ in range(6):
                order.append("other")
                await asyncio.sleep(0)

        await asyncio.gather(*(compute(number) for number in range(3)), other())
        return order

    order = run(passes())
    computed = [index for index, what in enumerate(order) if what != "other"]
    assert [order[index] for index in computed] == ["compute 0", "compute 1", "compute 2"]
    assert all("other" in order[first:second] for first, second in pairwise(computed))


def test_one_who_is_cancelled_in_the_turnstile_holds_up_nobody() -> None:
    async def passes() -> list[int]:
        turnstile, through = Turnstile(), list[int]()

        async def compute(number: int) -> None:
            await turnstile.through()
            through.append(number)

        tasks = [asyncio.ensure_future(compute(number)) for number in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await compute(4)
        return through

    assert run(passes()) == [0, 2, 3, 4]
