"""The cases: each gives its variants, `mcpbridge` and what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx2

from benchmarks.responses import agents_sdk, bare, replies
from benchmarks.responses.governed import make_bridge
from benchmarks.responses.local_functions import DECLARATIONS
from benchmarks.responses.measure import Variant
from benchmarks.responses.transport import Canned, make_client
from mcpbridge import Bridge, Conversation

PROMPT = "Guests cannot pay since Monday. Please open an issue for it and tell me its number."
DICTS, LEAST = "plain dicts", "bytes, one copy"
_HEAD = b'{"model":"gpt-5.2","store":false,"input":['
OURS, BARE, BYTES, AGENTS = "mcpbridge", "bare client", "encoded bytes", "openai-agents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row of the table. `target` is the most that ours may cost of the other, None when only told."""

    name: str
    title: str
    variants: dict[str, Variant]
    target: float | None = None
    repeat: int = 1
    """Calls per sample."""
    samples: int = 15


def _one_turn(
    name: str, title: str, bodies: Sequence[bytes], target: float, *, hosted: bool, local: bool
) -> Case:
    """A turn of a new conversation, from the prompt to the answer."""
    transport = Canned()
    client = make_client(transport)
    bridge = make_bridge(client, servers=hosted, tools=local)
    tools: list[Any] = [*([bare.MCP_TOOL] if hosted else []), *(DECLARATIONS if local else [])]

    async def ours() -> str:
        transport.play(bodies)
        return (await bridge.run(PROMPT)).text

    async def theirs() -> str:
        transport.play(bodies)
        return await bare.turn(client, [], PROMPT, tools)

    async def dicts() -> str:
        transport.play(bodies)
        return await bare.turn_of_dicts(client, [], PROMPT, tools)

    variants: dict[str, Variant] = {OURS: ours, BARE: theirs, DICTS: dicts}
    return Case(name=name, title=title, variants=variants, target=target, repeat=20)


def text_turn() -> Case:
    return _one_turn("text_turn", "text turn", replies.TEXT_TURN, 1.10, hosted=False, local=False)


def one_approval() -> Case:
    case = _one_turn(
        "one_approval", "one hosted approval", replies.APPROVAL_TURN, 1.05, hosted=True, local=False
    )
    return replace(case, variants=case.variants | agents_sdk.one_approval(replies.APPROVAL_TURN, PROMPT))


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

    variants: dict[str, Variant] = {
        OURS: ours,
        BARE: theirs,
        **agents_sdk.fifty_turns(transport, client, bodies, PROMPT),
    }
    return Case(
        name="fifty_turns", title="50 stateless turns, 2 KiB each", variants=variants, target=0.05, samples=5
    )


async def growth() -> Case:
    """Turn 5 and turn 500 of one conversation, each alone; the differences are compared.

    The other side keeps a list of encoded items and posts them joined: once as anybody would write it,
    once with a single copy of the history, which is the least there is short of not sending it. One turn
    per sample, with a collection in between, as between two turns of a person: in a tight loop the
    allocator hands the same warm block out again.
    """
    transport = Canned()
    client = make_client(transport)
    bridge = make_bridge(client, servers=False, tools=False)
    bodies = replies.conversation_turns(500)
    before = await _conversations(bridge, transport, bodies)

    def ours(number: int) -> Variant:
        async def run() -> object:
            transport.play(bodies[number - 1 : number])
            return await bridge.run(PROMPT, conversation=before[number - 1])

        return run

    def joined(number: int) -> Variant:
        items = before[number - 1].say(PROMPT).request().encoded_items

        async def run() -> object:
            transport.play(bodies[number - 1 : number])
            content = b"".join((_HEAD, b",".join(items), b"]}"))
            return await client.post("/responses", content=content, cast_to=httpx2.Response)

        return run

    def copied_once(number: int) -> Variant:
        items = list(before[number - 1].say(PROMPT).request().encoded_items)
        items[0] = _HEAD + items[0]
        items[-1] += b"]}"

        async def run() -> object:
            transport.play(bodies[number - 1 : number])
            return await client.post("/responses", content=b",".join(items), cast_to=httpx2.Response)

        return run

    makers = {OURS: ours, BYTES: joined, LEAST: copied_once}
    variants = {f"{name} {number}": make(number) for number in (500, 5) for name, make in makers.items()}
    return Case(name="growth", title="turn 500 minus turn 5", variants=variants, target=1.30, samples=60)


async def _conversations(bridge: Bridge, transport: Canned, bodies: Sequence[bytes]) -> list[Conversation]:
    """The conversation as it stood before each turn."""
    transport.play(bodies)
    found = [bridge.conversation()]
    for _ in bodies:
        found.append((await bridge.run(PROMPT, conversation=found[-1])).conversation)
    return found
