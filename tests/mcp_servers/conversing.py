"""One conversation of a real Bridge with one real server, which is killed and started again in it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcpbridge import Bridge, OutcomeUnknown, Result
from mcpbridge.cli.main import main
from mcpbridge.engine.events import Event
from mcpbridge.service.endpoint import LocalEndpoint
from tests.bridged.wire import Wire
from tests.mcp_servers.scene import until

POLICY = """
version: 1
defaults: {decision: ask}
rules:
  - {id: all, effect: allow, tools: ["*"]}
  - {id: gated, effect: deny, tools: ["real.GATED"], reason: "Not by an agent."}
pins: {file: tools.lock, on_change: deny, on_new_tool: deny}
"""
Call = tuple[str, Mapping[str, Any]]
Begun = Callable[[Sequence[Event]], bool]
"""Whether the call is under way, by what was told so far or by what can be seen elsewhere."""


def script(**calls: Call) -> str:
    """A model that makes the call that its user names, and repeats what it is told."""
    rules = [
        {
            "when": {"user": f"^{words}$"},
            "then": [{"call": {"name": f"real__{tool}", "arguments": dict(arguments)}}],
        }
        for words, (tool, arguments) in calls.items()
    ]
    told = {"when": {"function_output": "*"}, "then": [{"say": "{{last_output}}"}]}
    return json.dumps({"rules": [*rules, told]})


@dataclass(kw_only=True)
class Talk:
    """`server` is the YAML of its declaration, without its label."""

    folder: Path
    service: LocalEndpoint
    server: str
    gated: str = "none"
    wire: Wire = field(init=False)

    def __post_init__(self) -> None:
        self.wire = Wire(
            folder=self.folder / "talk",
            service=self.service,
            servers=f"  - {{label: real, via: bridge, {self.server}}}\n",
            policy=POLICY.replace("GATED", self.gated),
        )

    def pin(self, *more: str) -> int:
        """`mcpbridge pin`."""
        return main(["pin", "-c", str(self.wire.file()), *more])

    def say(self, *steps: str | Callable[[], None]) -> Result:
        """In one conversation; what is no text happens in between."""
        return self.wire.turns(*steps)[-1]

    def killed_in(
        self, words: str, begun: Begun, kill: Callable[[], None], **answers: Any
    ) -> tuple[OutcomeUnknown, Result]:
        """Say it, kill the server when the call has begun, and go on with these answers. What the run
        ended with, and the end."""
        return asyncio.run(self._killed_in(words, begun, kill, answers))

    async def _killed_in(
        self, words: str, begun: Begun, kill: Callable[[], None], answers: dict[str, Any]
    ) -> tuple[OutcomeUnknown, Result]:
        async with self.wire.bridge() as bridge:
            seen: list[Event] = []
            run = asyncio.create_task(bridge.run(words, on_event=seen.append))
            await until(lambda: begun(seen) or run.done())
            assert not run.done(), f"the call has ended: {run.result().text}"
            kill()
            unknown = await _unknown(run)
            return unknown, await self._resumed(bridge, unknown, answers)

    async def _resumed(self, bridge: Bridge, unknown: OutcomeUnknown, answers: dict[str, Any]) -> Result:
        assert unknown.conversation is not None
        [call] = unknown.request_ids
        answers["meanwhile"]()
        return await bridge.resume(unknown.conversation, decisions={call: answers["decision"]})

    def outcomes(self) -> list[tuple[str, str, int | None]]:
        """Tool, status and connection of each call that was made."""
        return [
            (record["tool"], record["status"], record.get("epoch")) for record in self.wire.records("outcome")
        ]


async def _unknown(run: asyncio.Task[Result]) -> OutcomeUnknown:
    try:
        result = await run
    except OutcomeUnknown as unknown:
        return unknown
    raise AssertionError(f"it was answered: {result.text}")
