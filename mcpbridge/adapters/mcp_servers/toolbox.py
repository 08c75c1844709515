"""A bridged server behind the Toolbox port: connected when it is first used, and again after it was lost."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.adapters.mcp_servers.sending import FORGOTTEN
from mcpbridge.adapters.mcp_servers.settings import BridgedServer
from mcpbridge.core.action import ToolDefinition
from mcpbridge.errors import RateLimited, ServerError, ServerUnavailable, ToolsChanged
from mcpbridge.ports import CallObserver, Json, Listing, ToolAnswer

if TYPE_CHECKING:
    from mcpbridge.adapters.mcp_servers.connection import Connection
    from mcpbridge.adapters.mcp_servers.opening import Opened

_OPENING: Final = "mcpbridge.adapters.mcp_servers.opening"
_READING: Final = "mcpbridge.adapters.mcp_servers.resources"
"""What imports the SDK, which takes more than a second: in a thread, where a server is first used."""


@dataclass(slots=True)
class _Backoff:
    """After failures, the same failure is told again for a while, and nobody is asked."""

    failure: ServerError | None = None
    wait: float = 0.0
    until: float = 0.0

    def check(self, now: float) -> None:
        if self.failure is not None and now < self.until:
            wait = ceil(self.until - now)
            raise type(self.failure)(
                f"{self.failure} (nothing was sent now; the next try is in {wait} s)",
                server_label=self.failure.server_label,
                status_code=self.failure.status_code,
            )

    def failed(self, failure: ServerError, now: float, *, first: float, most: float) -> None:
        self.failure = failure
        # The first failure is forgiven at once: servers restart.
        asked = failure.retry_after if isinstance(failure, RateLimited) else None
        self.until = now + max(self.wait, min(asked or 0.0, most))
        self.wait = min(self.wait * 2 or first, most)

    def worked(self) -> None:
        self.failure, self.wait, self.until = None, 0.0, 0.0


class ServerToolbox:
    """Implements `ports.Toolbox` and `ports.Library`. For one event loop, and any number of tasks at once."""

    def __init__(self, server: BridgedServer) -> None:
        self.server = server
        self._opened: Opened | None = None
        self._begun: list[Connection] = []
        """Whatever may not have ended: also what has its last calls, and what was given up on the way."""
        self._listing: Listing | None = None
        self._stale = False
        """Whether a change was announced that is not listed: until it is, also while it is being listed."""
        self._announced = 0
        self._epoch = 0
        self._asked_at = 0.0
        self._lock = asyncio.Lock()
        self._backoff = _Backoff()
        self._closed = False
        self._closing: asyncio.Task[None] | None = None
        self._watching: list[Callable[[], None]] = []
        self._shown: tuple[ToolDefinition, ...] | None = None
        """What was listed last, over whichever connection."""
        self._told = False
        """Whether a change was announced that nobody has listed yet."""

    @property
    def label(self) -> str:
        return self.server.label

    @property
    def identity(self) -> str:
        return self.server.identity

    async def tools(self, *, fresh: bool = False) -> Listing:
        """As in the port. The lock is held while connecting and listing, never during a call; who wants it
        fresh is content with a listing that was begun after he came."""
        current = None if fresh else self._current()
        if current is not None:
            return current
        came = asyncio.get_running_loop().time()
        async with self._lock:
            current = self._current()
            if current is not None and (not fresh or self._asked_at >= came):
                return current
            return await self._list_anew()

    async def call(
        self,
        name: str,
        arguments: Json,
        *,
        epoch: int,
        meta: Json,
        seconds: float | None,
        observer: CallObserver | None = None,
    ) -> ToolAnswer:
        """As in the port. Only on the connection whose tools were listed last: after it was lost, or when
        changed tools were announced, ToolsChanged asks for `tools()` first."""
        current = self._current()
        if current is None or current.epoch != epoch or self._opened is None:
            raise ToolsChanged(
                f"{self.label}: its tools have to be listed anew before {name} is called; nothing was done",
                server_label=self.label,
            )
        return await self._opened.caller.call(name, arguments, meta=meta, seconds=seconds, observer=observer)

    async def resources(self) -> tuple[Json, ...]:
        """All resources that the server lists, as it describes them. Raises ServerError."""
        found: tuple[Json, ...] = await self._asked("resources")
        return found

    async def templates(self) -> tuple[Json, ...]:
        """All patterns of URIs that the server lists, as it describes them. Raises ServerError."""
        found: tuple[Json, ...] = await self._asked("templates")
        return found

    async def read(self, uri: str) -> str | list[dict[str, Any]]:
        """A resource as text or content parts, cut like a tool's result. Raises ServerError."""
        found: str | list[dict[str, Any]] = await self._asked("read", uri)
        return found

    async def prompts(self) -> tuple[Json, ...]:
        """All prompts that the server lists, as it describes them. Raises ServerError."""
        found: tuple[Json, ...] = await self._asked("prompts")
        return found

    async def prompt(
        self, name: str, arguments: Mapping[str, str] | None = None
    ) -> tuple[tuple[str, str | list[dict[str, Any]]], ...]:
        """A prompt's messages, each as (role, text or content parts). Raises ServerError."""
        found: tuple[tuple[str, str | list[dict[str, Any]]], ...] = await self._asked(
            "prompt", name, arguments or {}
        )
        return found

    async def _asked(self, what: str, *arguments: object) -> Any:
        await self.tools()
        reading: Any = await asyncio.to_thread(importlib.import_module, _READING)
        if self._opened is None:
            raise ServerUnavailable(f"{self.label}: its toolbox is closed", server_label=self.label)
        return await getattr(reading, what)(self._opened.connection, *arguments)

    def watch(self, changed: Callable[[], None]) -> None:
        """`changed` is called on the event loop when the server says or shows that its tools changed."""
        self._watching.append(changed)

    async def close(self) -> None:
        """As in the port. Afterwards nothing can be listed or called. Who is cancelled while he waits for it
        ends nothing: it goes on by itself, and closing again waits for the same end."""
        self._closed = True
        if self._closing is None:
            self._closing = asyncio.create_task(self._end())
        await asyncio.shield(self._closing)

    async def _end(self) -> None:
        async with self._lock:
            self._opened = self._listing = None
            await asyncio.gather(*(connection.close() for connection in self._begun))

    def _current(self) -> Listing | None:
        opened = self._opened
        return (
            self._listing if opened is not None and not opened.connection.lost and not self._stale else None
        )

    async def _list_anew(self) -> Listing:
        if self._closed:
            raise ServerUnavailable(f"{self.label}: its toolbox is closed", server_label=self.label)
        loop, bounds = asyncio.get_running_loop(), self.server.bounds
        self._backoff.check(loop.time())
        self._asked_at = loop.time()
        try:
            listing = await self._listed_now()
        except ServerError as failure:
            await self._leave()
            self._backoff.failed(failure, loop.time(), first=bounds.backoff, most=bounds.backoff_most)
            raise
        self._backoff.worked()
        return listing

    async def _listed_now(self) -> Listing:
        """A server that was restarted has forgotten the session, and nothing else is wrong with it."""
        if not self._usable():
            return await self._reconnected()
        try:
            return await self._relisted()
        except ServerError as failure:
            if failure.status_code not in FORGOTTEN or self._usable():
                raise
        return await self._reconnected()

    def _usable(self) -> bool:
        return self._opened is not None and not self._opened.connection.lost

    async def _reconnected(self) -> Listing:
        await self._retire()
        opening: Any = await asyncio.to_thread(importlib.import_module, _OPENING)
        self._stale = False
        self._opened = await opening.opened(self.server, self._changed, self._begun.append)
        return self._taken()

    async def _relisted(self) -> Listing:
        assert self._opened is not None, "usable"
        before, announced = self._listing, self._announced
        await self._opened.relist()
        self._stale = self._announced != announced  # what was announced meanwhile counts
        if before is not None and self._opened.listing(before.epoch) == before:
            return before
        return self._taken()

    def _taken(self) -> Listing:
        assert self._opened is not None, "opened"
        self._epoch += 1
        self._listing = self._opened.listing(self._epoch)
        if self._shown is not None and self._shown != self._listing.tools and not self._told:
            self._tell()
        self._shown, self._told = self._listing.tools, False
        return self._listing

    def _changed(self) -> None:
        self._stale = self._told = True
        self._announced += 1
        self._tell()

    def _tell(self) -> None:
        for changed in self._watching:
            changed()

    async def _retire(self) -> None:
        """Let calls on the lost connection have their answers; it closes itself after the last one."""
        opened, self._opened, self._listing = self._opened, None, None
        self._begun = [connection for connection in self._begun if not connection.ended]
        if opened is None:
            return
        if opened.connection.in_flight:
            opened.connection.retire()
        else:
            await opened.connection.close()

    async def _leave(self) -> None:
        opened, self._opened, self._listing = self._opened, None, None
        if opened is not None:
            await opened.connection.close()
