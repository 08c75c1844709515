"""A toolbox for a test, with the little that every test needs around it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcpbridge.adapters.mcp_servers.settings import (
    Bounds,
    BridgedServer,
    HttpAddress,
    Protocol,
    StdioCommand,
)
from mcpbridge.adapters.mcp_servers.toolbox import ServerToolbox
from mcpbridge.core.secret import Secret
from mcpbridge.ports import (
    CallObserver,
    Elicitation,
    Elicited,
    Progress,
    Sampled,
    Sampling,
    ServerAsked,
    ToolAnswer,
)

PROGRAM = Path(__file__).with_name("program.py")
QUICK = Bounds(backoff=0.0)


def program(
    *flags: str, calls: Path | None = None, said: Callable[[str], None] | None = None
) -> StdioCommand:
    """The small program. `calls`: a file in which it notes what it is asked."""

    async def environment() -> Mapping[str, Secret]:
        return {} if calls is None else {"CALLS": Secret(str(calls))}

    command = (sys.executable, "-I", "-S", str(PROGRAM), *flags)
    return StdioCommand(command=command, environment=environment, said=said)


@asynccontextmanager
async def toolbox(
    address: HttpAddress | StdioCommand, *, bounds: Bounds = QUICK, protocol: Protocol = "auto"
) -> AsyncGenerator[ServerToolbox, None]:
    box = ServerToolbox(
        BridgedServer(label="srv", identity="here", address=address, bounds=bounds, protocol=protocol)
    )
    try:
        yield box
    finally:
        await box.close()


async def call(
    box: ServerToolbox,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    seconds: float | None = 30.0,
    observer: CallObserver | None = None,
) -> ToolAnswer:
    """As the engine does it: list, then call by that listing."""
    listing = await box.tools()
    return await box.call(
        name, arguments or {}, epoch=listing.epoch, meta={}, seconds=seconds, observer=observer
    )


@dataclass(slots=True)
class Person:
    """Follows a call, and answers what is asked."""

    answer: Elicited = field(default_factory=lambda: Elicited(action="decline"))
    first: Callable[[], Awaitable[None]] | None = None
    heard: list[Progress] = field(default_factory=list[Progress])
    asked: list[Elicitation] = field(default_factory=list[Elicitation])
    words: Sampled = field(default_factory=lambda: Sampled(refused="no"))
    wishes: list[Sampling] = field(default_factory=list[Sampling])
    records: list[ServerAsked] = field(default_factory=list[ServerAsked])

    def progress(self, progress: Progress) -> None:
        self.heard.append(progress)

    async def elicit(self, question: Elicitation) -> Elicited:
        self.asked.append(question)
        if self.first is not None:
            await self.first()
        return self.answer

    async def sample(self, wish: Sampling) -> Sampled:
        self.wishes.append(wish)
        return self.words

    async def noted(self, asked: ServerAsked) -> None:
        self.records.append(asked)


async def until(holds: Callable[[], bool]) -> None:
    """Until something that another task or process does is there to be seen; fails after a while."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 # what is waited for happens outside this loop
            await asyncio.sleep(0.01)


def noted(calls: Path) -> list[Any]:
    """What the program was asked."""
    if not calls.exists():
        return []
    return [json.loads(line) for line in calls.read_text(encoding="utf-8").splitlines()]
