"""When a server's tools change: those who listen are told, in either protocol era."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, runtime_checkable

import anyio
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp.shared.exceptions import MCPError

from mcpbridge.engine.shelves import Toolboxes
from mcpbridge.ports import Toolbox


@runtime_checkable
class Announcing(Protocol):
    """What a Toolbox also is when it can say that its tools have changed."""

    def watch(self, changed: Callable[[], None]) -> None:
        """`changed` is called then, on the event loop. Must not block."""
        ...


def watched(toolboxes: Toolboxes, changed: Callable[[], None]) -> None:
    """From now on, whatever is opened here tells of its changes."""
    for label, opener in toolboxes.openers.items():
        toolboxes.openers[label] = partial(_opened, opener, changed)


def _opened(opener: Callable[[], Toolbox], changed: Callable[[], None]) -> Toolbox:
    box = opener()
    if isinstance(box, Announcing):
        box.watch(changed)
    return box


@dataclass(kw_only=True)
class Announcements:
    """Who of one caller's clients is told that tools have changed."""

    most: int
    """Sessions of the older protocol that are remembered; the one that was used longest ago goes first."""
    listen: ListenHandler = field(init=False)
    """Serves the streams on which clients of the newer protocol listen."""
    _bus: InMemorySubscriptionBus = field(default_factory=InMemorySubscriptionBus, init=False)
    _sessions: dict[str, ServerSession] = field(default_factory=dict[str, ServerSession], init=False)
    _telling: asyncio.Task[None] | None = field(default=None, init=False)
    _news: bool = field(default=False, init=False)
    """Whether something has changed of which nobody has begun to be told."""

    def __post_init__(self) -> None:
        self.listen = ListenHandler(self._bus, max_subscriptions=self.most)

    def listed(self, key: str, session: ServerSession) -> None:
        """A session of the older protocol has been told which tools there are."""
        self._sessions.pop(key, None)
        self._sessions[key] = session
        if len(self._sessions) > self.most:
            del self._sessions[next(iter(self._sessions))]

    def changed(self) -> None:
        """Tell everybody. Several changes at once are one; what changes while they are told, is told too."""
        self._news = True
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        while self._news:
            self._news = False
            await self._bus.publish(ToolsListChanged())
            told = (self._told(key, session) for key, session in list(self._sessions.items()))
            await asyncio.gather(*told)  # side by side: one that does not read keeps nobody waiting

    async def _told(self, key: str, session: ServerSession) -> None:
        try:
            async with asyncio.timeout(1.0):
                await session.send_tool_list_changed()
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, MCPError, TimeoutError):
            if self._sessions.get(key) is session:
                del self._sessions[key]
