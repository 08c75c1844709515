"""One connection to one server, owned by one task.

The SDK binds a client to the task that entered it, and cancels that task when something fails below. So a
task of its own enters and leaves the client and does nothing else; callers await their answers in their own
tasks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import (
    Implementation,
    ServerNotification,
    ToolListChangedNotification,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcpbridge.adapters.mcp_servers.advice import advice
from mcpbridge.adapters.mcp_servers.auth import HeaderAuth
from mcpbridge.adapters.mcp_servers.conduct import Conduct
from mcpbridge.adapters.mcp_servers.failures import not_connected
from mcpbridge.adapters.mcp_servers.http import ServerClient
from mcpbridge.adapters.mcp_servers.questions import Questions
from mcpbridge.adapters.mcp_servers.replies import answering
from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.adapters.mcp_servers.settings import BridgedServer, HttpAddress, StdioCommand
from mcpbridge.adapters.mcp_servers.stderr import StandardError
from mcpbridge.adapters.mcp_servers.stdio import program
from mcpbridge.core.secret import Secret

for _name in ("mcp", "client"):  # the SDK's loggers: silent where the program has not set up logging
    logging.getLogger(_name).addHandler(logging.NullHandler())

_FIXED: Final = "2026-07-28"
_LISTEN_AGAIN: Final = 5.0
"""Seconds before a lost stream of announcements is opened again."""
_ENDING: Final = 3.0
"""Seconds for ending a program that does not want to."""
_SSE_EVENT: Final = 64 * 1024
"""Bytes of an event around the answer that it carries."""


class Connection:
    """Open, used by any number of tasks at once, and then lost or closed; never opened again."""

    def __init__(self, server: BridgedServer, changed: Callable[[], None]) -> None:
        self.server = server
        self.errors = StandardError(server.address.said if isinstance(server.address, StdioCommand) else None)
        self.conduct = Conduct()
        self.lost = False
        self.in_flight: set[Sending] = set()
        self.questions = Questions(server, self.in_flight)
        self._changed = changed
        self._leave = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        assert self._client is not None, "opened"
        return self._client

    @property
    def modern(self) -> bool:
        """Whether this is the stateless protocol (2026-07-28 and later)."""
        return self.client.protocol_version in MODERN_PROTOCOL_VERSIONS

    @property
    def assumed(self) -> bool:
        """Whether the protocol is fixed by the configuration, so that no capabilities are known."""
        return self.server.protocol == _FIXED

    async def open(self) -> None:
        """Raises ServerUnavailable, AuthRefused or RateLimited. A cancelled opening leaves nothing behind."""
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._owner = asyncio.create_task(self._own(opened), name=f"mcp server {self.server.label}")
        try:
            await opened
        except BaseException:  # boundary: whatever kept it from opening, nothing is left behind
            opened.cancel()
            await self.close()
            raise

    @property
    def ended(self) -> bool:
        """Whether nothing of it is left."""
        return self._owner is None or self._owner.done()

    async def close(self) -> None:
        """Say goodbye, for a bounded time. Calls still under way are lost. Never raises. Who is cancelled
        while he waits for it ends nothing: it goes on by itself, and closing again waits for the same end."""
        self.lost = True
        self._leave.set()
        if self._owner is None:
            return
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(self._owner))
        await asyncio.shield(self._closing)

    async def _close(self, owner: asyncio.Task[None]) -> None:
        seconds = self.server.bounds.goodbye + _ENDING
        if self._client is not None:
            await asyncio.wait({owner}, timeout=seconds)
        while not owner.done():
            owner.cancel()
            await asyncio.wait({owner}, timeout=seconds)  # again: the SDK has swallowed it

    def retire(self) -> None:
        """No new call is made on it; it is left when the last one has its answer."""
        self.lost = True
        if not self.in_flight:
            self._leave.set()

    def begin(self, sending: Sending) -> None:
        self.in_flight.add(sending)

    def end(self, sending: Sending) -> None:
        self.in_flight.discard(sending)
        if self.lost and not self.in_flight:
            self._leave.set()

    async def _own(self, opened: asyncio.Future[None]) -> None:
        sending = Sending(limit=self.server.bounds.listing_bytes)
        try:
            async with AsyncExitStack() as stack:
                async with sending.within(self.server.bounds.connect):
                    self._client = await self._connect(stack)
                if not opened.done():
                    opened.set_result(None)
                await self._stay(stack)
        # boundary: whatever a server provokes in the SDK, which also cancels this task for it
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001
            if not opened.done():
                behind = self.conduct.told or advice(self.server, sending)
                failure = not_connected(self.server.label, error, sending, self.errors.last, behind)
                failure.__cause__ = failure.__cause__ or (error if isinstance(error, Exception) else None)
                opened.set_exception(failure)
        finally:
            self.lost = True

    async def _stay(self, stack: AsyncExitStack) -> None:
        listening = asyncio.create_task(self._listen())
        stack.push_async_callback(_stopped, listening)
        await self._leave.wait()

    async def _connect(self, stack: AsyncExitStack) -> Client:
        server = self.server
        transport = answering(await self._transport(stack))
        client = Client(
            transport,
            mode="legacy"
            if isinstance(server.address, HttpAddress) and server.address.transport == "sse"
            else server.protocol,
            cache=None,
            client_info=Implementation(name="mcpbridge", version=_version()),
            message_handler=self._heard,
            elicitation_callback=self.questions.elicit if server.elicitation else None,
            sampling_callback=self.questions.sample if server.sampling else None,
            list_roots_callback=self.questions.roots if server.roots else None,
        )
        self.questions.hear_all(client)
        return await stack.enter_async_context(client)

    async def _transport(self, stack: AsyncExitStack) -> Any:
        address, bounds = self.server.address, self.server.bounds
        if isinstance(address, StdioCommand):
            environment: Mapping[str, Secret] = {}
            if address.environment is not None:
                environment = await address.environment()
            return program(
                address,
                environment,
                self.errors,
                self.conduct,
                limit=bounds.answer_bytes,
                goodbye=bounds.goodbye,
                ended=self.retire,
            )
        auth = address.auth or (HeaderAuth(address.headers) if address.headers is not None else None)
        http = ServerClient(self.server.label, address, auth, timeout=bounds.connect)
        if address.transport == "sse":
            factory: Any = _Given(http)
            return sse_client(address.url, httpx_client_factory=factory)
        await stack.enter_async_context(http)
        return streamable_http_client(
            address.url, http_client=http, max_sse_event_size=bounds.answer_bytes + _SSE_EVENT
        )

    async def _heard(self, message: ServerNotification | Exception) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._changed()

    async def _listen(self) -> None:
        """Announcements of the newer era come on a stream that is asked for. A server may have none."""
        if not self.modern or not (self.assumed or self._announces()):
            return
        while await self._heard_some():
            await asyncio.sleep(_LISTEN_AGAIN)
            self._changed()  # something may have been announced while nobody listened

    async def _heard_some(self) -> bool:
        """Listen until the stream ends; whether there was one."""
        begun = False
        try:
            async with self.client.listen(tools_list_changed=True) as events:
                begun = True
                async for _ in events:
                    self._changed()
        except Exception:  # noqa: BLE001 # boundary: whatever a server provokes in the SDK; calls notice it too
            return begun
        return begun

    def _announces(self) -> bool:
        tools = self.client.server_capabilities.tools
        return tools is not None and tools.list_changed is True


class _Given:
    """The SDK's client factory: a client that is made already. It closes it."""

    def __init__(self, http: ServerClient) -> None:
        self._http = http

    def __call__(self, **_: object) -> ServerClient:
        return self._http


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _version() -> str:
    from mcpbridge import __version__  # loaded lazily: it reads the installed metadata

    return str(__version__)
