"""The cases: each gives its variants, `mcpbridge` and what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from benchmarks.responses import bare, replies
from benchmarks.responses.governed import make_bridge
from benchmarks.responses.measure import Variant
from benchmarks.responses.transport import Canned, make_client
from mcpbridge import Conversation

PROMPT = "Guests cannot pay since Monday. Please open an issue for it and tell me its number."
OURS, BARE, BYTES = "mcpbridge", "bare client", "bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row of the table. `target` is the most that ours may cost of the other, None when only told."""

    name: str
    title: str
    variants: dict[str, Variant]
    target: float | None = None
    repeat: int = 1
    """Calls per sample."""


def _one_turn(name: str, title: str, bodies: Sequence[bytes], target: float, *, hosted: bool, local: bool) -> Case:
    """A turn of a new conversation, from the prompt to the answer."""
    transport = Canned()
    client = make_client(transport)
    bridge = make_bridge(client, servers=hosted, tools=local)
    tools: list[Any] = [*([bare.MCP_TOOL] if hosted else []), *(bare.DECLARATIONS if local else [])]

    async def ours() -> str:
        transport.play(bodies)
        return (await bridge.run(PROMPT)).text

    async def theirs() -> str:
        transport.play(bodies)
        return await bare.turn(client, [], PROMPT, tools)

    return Case(name=name, title=title, variants={OURS: ours, BARE: theirs}, target=target, repeat=20)


def text_turn() -> Case:
    return _one_turn(
        "text_turn", "text turn", replies.TEXT_TURN, 1.10, hosted=False, local=False
    )


def one_approval() -> Case:
    return _one_turn(
        "one_approval", "one hosted approval", replies.APPROVAL_TURN, 1.05, hosted=True, local=False
    )


def five_functions() -> Case:
    return _one_turn(
        "five_functions", "five local functions", replies.FUNCTIONS_TURN, 1.10, hosted=False, local=True
    )


def fifty_turns() -> Case:
    """A conversation of 50 text turns, sent whole each time; each leaves 2 KiB of ciphertext."""
    transport = Canned()
    client = make_client(transport)
    bridge = make_bridge(client, servers=False, tools=False)
    bodies = replies.conversation_turns(50)

    async def ours() -> str:
        transport.play(bodies)
        conversation = bridge.conversation()
        for _ in bodies:
            conversation = (await bridge.run(PROMPT, conversation=conversation)).conversation
        return conversation.text

    async def theirs() -> str:
        transport.play(bodies)
        items: list[Any] = []
        text = ""
        for _ in bodies:
            text = await bare.turn(client, items, PROMPT, [])
        return text

    return Case(name="fifty_turns", title="50 stateless turns", variants={OURS: ours, BARE: theirs}, target=0.05)


async def growth() -> Case:
    """Turn 5 and turn 500 of one conversation, each alone; `row()` compares the differences.

    The other side keeps a list of encoded items and posts them joined: nobody can do with less, short
    of not sending the history.
    """
    transport = Canned()
    client = make_client(transport)
    bridge = make_bridge(client, servers=False, tools=False)
    bodies = replies.conversation_turns(500)
    transport.play(bodies)
    conversation = bridge.conversation()
    before: dict[int, Conversation] = {}
    for number in range(1, 501):
        before[number] = conversation
        conversation = (await bridge.run(PROMPT, conversation=conversation)).conversation

    def ours(number: int) -> Variant:
        async def run() -> object:
            transport.play(bodies[number - 1 : number])
            return await bridge.run(PROMPT, conversation=before[number])

        return run

    def theirs(number: int) -> Variant:
        items = [chunk for entry in before[number].say(PROMPT).entries for chunk in entry.sent]
        items[0] = b'{"model":"gpt-5.2","store":false,"input":[' + items[0]
        items[-1] += b"]}"

        async def run() -> object:
            transport.play(bodies[number - 1 : number])
            content = b",".join(items)
            return await client.post("/responses", content=content, cast_to=httpx2.Response)

        return run

    variants = {
        f"{OURS} 500": ours(500),
        f"{BYTES} 500": theirs(500),
        f"{OURS} 5": ours(5),
        f"{BYTES} 5": theirs(5),
    }
    return Case(
        name="growth", title="turn 500 minus turn 5", variants=variants, target=1.30, repeat=20
    )
