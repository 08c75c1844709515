"""A server on the loopback interface: on a free port, stopped gracefully, in this task or in a thread."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

import h11
import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

_T = TypeVar("_T")
_HOST = "127.0.0.1"
_GRACE = 2.0  # seconds for open requests when the server stops
_IDLE = 75  # seconds: longer than clients keep an idle connection, else they send into one that just closed
_REST = 10.0  # seconds to send what nobody reads any more
_TRANSPORT = "transport"


@asynccontextmanager
async def serving(
    app: ASGIApp,
    *,
    port: int = 0,
    signals: bool = False,
    grace: float = _GRACE,
    connections: int | None = None,
) -> AsyncGenerator[LoopbackServer, None]:
    """Any ASGI application on the loopback interface, from the moment it listens.

    It stops when the context is left, or on SIGINT and SIGTERM with `signals`: requests have `grace` seconds
    to end; a second signal ends them at once. Beyond `connections`, a request is answered with 503.
    """
    listening = listen(port)
    server = LoopbackServer(
        app, port=listening.getsockname()[1], signals=signals, grace=grace, most=connections
    )
    task = asyncio.create_task(server.serve(sockets=[listening]))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield server
    finally:
        ready.cancel()
        server.stop()
        await asyncio.wait({task})
        listening.close()


@contextmanager
def in_thread(make: Callable[[], AbstractAsyncContextManager[_T]]) -> Generator[_T, None, None]:
    """An asynchronous context manager, entered and left in a thread with an event loop of its own."""
    entered: Future[tuple[_T, Callable[[], None]]] = Future()

    async def hold() -> None:
        loop, leave = asyncio.get_running_loop(), asyncio.Event()
        async with make() as value:
            entered.set_result((value, lambda: _call_in(loop, leave.set)))
            await leave.wait()

    def run() -> None:
        try:
            asyncio.run(hold())
        except (
            BaseException
        ) as error:  # boundary: what goes wrong in the thread is raised where it is entered
            if entered.done():
                raise
            entered.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    value, leave = entered.result()
    try:
        yield value
    finally:
        leave()
        thread.join()


def listen(port: int = 0) -> socket.socket:
    """A listening loopback socket. The protocol is named: asyncio sets TCP_NODELAY only then."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # elsewhere it would let two servers share a port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


class LoopbackServer(uvicorn.Server):
    """uvicorn without polling: says when it is ready, stops when told."""

    def __init__(self, app: ASGIApp, *, port: int, signals: bool, grace: float, most: int | None) -> None:
        super().__init__(
            uvicorn.Config(
                self._until_stopped(app),
                http=_WatchedProtocol,
                ws="none",
                log_config=None,
                access_log=False,
                timeout_keep_alive=_IDLE,
                limit_concurrency=most + 1 if most is not None else None,  # it refuses from there on
            )
        )
        self.port = port
        self.origin = f"http://{_HOST}:{port}"
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()
        self._hurried = asyncio.Event()
        self._grace = grace
        self._signals = signals
        self._loop = asyncio.get_running_loop()

    def _until_stopped(self, app: ASGIApp) -> ASGIApp:
        """Requests that are cancelled because the server stops have ended: uvicorn would show a traceback."""

        async def ending(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                if not self.should_exit:
                    raise

        return ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets=sockets)
        except SystemExit:
            raise RuntimeError("the application did not start") from None
        self.ready.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's, without its fixed pauses: requests may end, within the grace period."""
        for server in self.servers:
            server.close()
        open_ones: set[asyncio.Task[object]] = {*self.server_state.tasks}
        for connection in list(self.server_state.connections):
            connection.shutdown()
            if isinstance(connection, _WatchedProtocol):
                connection.leave_if_still_sent()
                open_ones.add(asyncio.create_task(connection.lost.wait()))
        for late in await self._unfinished(open_ones):
            late.cancel()
        ending = asyncio.create_task(self.lifespan.shutdown())
        for late in await self._unfinished({ending}):
            late.cancel()

    async def _unfinished(self, tasks: set[asyncio.Task[_T]]) -> set[asyncio.Task[_T]]:
        """Those that have not ended when the grace period has, or when a second signal comes."""
        if not tasks:
            return tasks
        hurried = asyncio.create_task(self._hurried.wait())
        waiting: set[asyncio.Future[Any]] = {hurried, asyncio.ensure_future(asyncio.wait(tasks))}
        await asyncio.wait(waiting, timeout=self._grace, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        return {task for task in tasks if not task.done()}

    def stop(self) -> None:
        self.should_exit = True
        self.stopping.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        if not self._signals:
            yield
            return
        with super().capture_signals():
            try:
                yield
            finally:
                if self._captured_signals == [signal.SIGTERM]:  # done as told; others are passed on
                    self._captured_signals.clear()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        again = self.should_exit
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe((self._hurried if again else self.stopping).set)


@dataclass(frozen=True, slots=True)
class Connection:
    """The TCP connection of a request whose body has been read, so that a fault can drop it."""

    transport: asyncio.Transport
    receive: Receive

    @classmethod
    def of(cls, request: Request) -> Connection:
        return cls(request.scope["state"][_TRANSPORT], request.receive)

    @property
    def lost(self) -> bool:
        """Whether the client has gone, or is being left."""
        return self.transport.is_closing()

    async def drop(self) -> None:
        """Sends what is buffered, then closes without another byte."""
        self.transport.close()
        while (await self.receive())["type"] != "http.disconnect":
            pass


class _WatchedProtocol(H11Protocol):
    """h11 over uvicorn: its transport is in the request's state, and its end can be awaited."""

    lost: asyncio.Event

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.lost = asyncio.Event()
        self.app_state = {**self.app_state, _TRANSPORT: transport}

    def leave_if_still_sent(self) -> None:
        """The server stops, and of a request that has not arrived whole nothing has begun."""
        if self.conn.their_state is h11.SEND_BODY and not self.cycle.response_started:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Who was answered early may send the rest, unread, so that the answer is heard; but not for ever."""
        super().on_response_complete()
        if self.cycle.more_body:
            self.loop.call_later(_REST, self._leave, self.cycle)

    def _leave(self, answered: RequestResponseCycle) -> None:
        if self.cycle is answered and self.conn.their_state is h11.SEND_BODY:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.set()


def _call_in(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)
