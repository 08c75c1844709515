"""Sessions with MCP servers, opened once and used again.

A session is used by one operation at a time, so that a failing request ends nobody else's; and it belongs to
one client, one URL and one set of headers, so that credentials and what a server remembers never mix. The SDK
binds a client to the task that entered it and cancels that task when a request fails: each session has a task
of its own.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mcpbridge.service.mcp.http import Answers, http_client

if TYPE_CHECKING:
    import httpx2
    from mcp import Client

_T = TypeVar("_T")
_LEGACY = frozenset(
    {400, 404, 405}
)  # what a server of the old HTTP+SSE transport answers to a POST (MCP spec)
_FORGOTTEN = 404  # a session id that the server no longer knows; the request was not handled (MCP spec)
_CLOSING = 2.0  # seconds for a session to say goodbye


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What a session is opened with, and for which client of the service."""

    url: str
    headers: frozenset[tuple[str, str]] = field(repr=False)
    client: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """Bounds of what an MCP server can cost."""

    seconds: float = 60.0
    """For one operation, connecting included."""
    result_bytes: int = 16 * 2**20
    """For one answer."""
    idle_sessions: int = 32
    idle_seconds: float = 30.0


class Unanswered(Exception):
    """No result. `cause` is what the SDK raised, `answers` what the server answered last."""

    def __init__(self, cause: BaseException | None, answers: Answers) -> None:
        super().__init__("the MCP server gave no result")
        self.cause = _root(cause)
        self.answers = answers


@dataclass(slots=True, eq=False)
class Session:
    """One connection, kept open by a task of its own until `close`."""

    address: Address = field(repr=False)
    limits: SessionLimits
    answers: Answers = field(default_factory=Answers)
    _owner: asyncio.Task[None] | None = None
    _leave: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> Client:
        """Raises Unanswered."""
        opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._owner = asyncio.create_task(self._own(opened))
        self._owner.add_done_callback(_end_of)  # looked at, so that asyncio does not log it
        return await self._unless_lost(self._owner, opened)

    async def use(self, client: Client, operation: Callable[[Client], Awaitable[_T]]) -> _T:
        """Raises Unanswered."""
        assert self._owner is not None
        working = asyncio.ensure_future(operation(client))
        working.add_done_callback(_end_of)
        try:
            return await self._unless_lost(self._owner, working)
        except Exception as error:  # boundary: whatever a foreign server provokes in the SDK is its failure
            if _is_closed(error):  # the task that holds the connection knows why
                await asyncio.wait({self._owner}, timeout=_CLOSING)
                error = _end_of(self._owner) or error
            raise Unanswered(error, self.answers) from error

    async def close(self) -> None:
        """Says goodbye, but not for long."""
        self._leave.set()
        if self._owner is not None:
            await asyncio.wait({self._owner}, timeout=_CLOSING)
        self.drop()

    @property
    def lost(self) -> bool:
        return self._owner is not None and self._owner.done()

    def drop(self) -> None:
        """Ends it at once; what it was doing has an unknown end."""
        if self._owner is not None:
            self._owner.cancel()

    async def _unless_lost(self, owner: asyncio.Task[None], awaited: asyncio.Future[_T]) -> _T:
        try:
            both: set[asyncio.Future[Any]] = {awaited, owner}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not awaited.done():
                raise Unanswered(_end_of(owner), self.answers)
            return awaited.result()
        finally:
            awaited.cancel()

    async def _own(self, opened: asyncio.Future[Client]) -> None:
        async with self._connected() as client:
            if not opened.done():
                opened.set_result(client)
            await self._leave.wait()

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[Client, None]:
        """Streamable HTTP; where the server knows only the older transport, that."""
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        url = self.address.url
        entered = False
        try:
            async with self._http() as http:
                transport = streamable_http_client(
                    url, http_client=http, max_sse_event_size=self.limits.result_bytes
                )
                async with Client(transport, cache=None) as client:
                    entered = True
                    yield client
                    return
        except Exception as error:  # boundary: whatever fails while connecting; the status decides
            refused = self.answers.status
            if entered or refused not in _LEGACY:
                raise
            first = error
        async with self._older(first, refused) as client:
            yield client

    @asynccontextmanager
    async def _older(self, first: Exception, refused: int) -> AsyncGenerator[Client, None]:
        from mcp import Client
        from mcp.client.sse import sse_client

        url, seconds = self.address.url, self.limits.seconds
        entered = False
        try:
            transport = sse_client(
                url,
                timeout=seconds,
                sse_read_timeout=seconds + self.limits.idle_seconds,
                httpx_client_factory=lambda headers=None, timeout=None, auth=None: self._http(),
            )
            async with Client(transport, cache=None, mode="legacy") as client:
                entered = True
                yield client
        except Exception:  # boundary: it is neither of the two; what it said first says more
            if entered:
                raise
            self.answers.status = refused
            raise first from None

    def _http(self) -> httpx2.AsyncClient:
        limits, address = self.limits, self.address
        return http_client(
            address.url,
            dict(address.headers),
            self.answers,
            timeout=limits.seconds,
            max_bytes=limits.result_bytes,
        )


def _end_of(task: asyncio.Future[Any]) -> Exception | None:
    if not task.done() or task.cancelled():
        return None
    error = task.exception()
    return error if isinstance(error, Exception) else None


def _is_closed(error: Exception) -> bool:
    from mcp.shared.exceptions import MCPError
    from mcp_types import CONNECTION_CLOSED

    return isinstance(error, MCPError) and error.code == CONNECTION_CLOSED


def _root(error: BaseException | None) -> BaseException | None:
    if isinstance(error, Unanswered):
        return error.cause
    if isinstance(error, BaseExceptionGroup):
        return _root(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
    return error


@dataclass(slots=True)
class SessionPool:
    """Idle sessions; the one that is idle for longest goes first."""

    limits: SessionLimits = field(default_factory=SessionLimits)
    _idle: OrderedDict[Session, tuple[Client, asyncio.TimerHandle]] = field(
        default_factory=OrderedDict["Session", "tuple[Client, asyncio.TimerHandle]"]
    )
    _closing: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def run(self, address: Address, operation: Callable[[Client], Awaitable[_T]]) -> _T:
        """The operation on an idle session or a new one. Raises Unanswered."""
        session, client = self._take(address)
        if client is not None:
            try:
                return await self._on(session, client, operation)
            except Unanswered as failure:
                if failure.answers.status != _FORGOTTEN:
                    raise  # it may have run
            session = Session(address, self.limits)
        return await self._on(session, None, operation)

    async def aclose(self) -> None:
        """Closes all that is idle."""
        while self._idle:
            session, (_, timer) = self._idle.popitem()
            timer.cancel()
            self._close(session)
        if self._closing:
            await asyncio.wait(self._closing)

    async def _on(
        self, session: Session, client: Client | None, operation: Callable[[Client], Awaitable[_T]]
    ) -> _T:
        """Whatever goes wrong, the session is not used again."""
        done = False
        try:
            async with asyncio.timeout(self.limits.seconds):
                opened = client or await session.open()
                result = await session.use(opened, operation)
            done = True
        except TimeoutError as error:
            raise Unanswered(error, session.answers) from None
        finally:
            if not done:
                session.drop()
        self._give_back(session, opened)
        return result

    def _take(self, address: Address) -> tuple[Session, Client | None]:
        for session in reversed(self._idle):
            if session.address == address and not session.lost:
                client, timer = self._idle.pop(session)
                timer.cancel()
                return session, client
        return Session(address, self.limits), None

    def _give_back(self, session: Session, client: Client) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self.limits.idle_seconds, self._expire, session)
        self._idle[session] = (client, timer)
        if len(self._idle) > self.limits.idle_sessions:
            oldest, (_, oldest_timer) = self._idle.popitem(last=False)
            oldest_timer.cancel()
            self._close(oldest)

    def _expire(self, session: Session) -> None:
        del self._idle[session]
        self._close(session)

    def _close(self, session: Session) -> None:
        task = asyncio.create_task(session.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
