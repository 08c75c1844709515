"""A server that is a program: started in a process group of its own, ended with everything it started.

The SDK's transport keeps a line of any length, and its standard error goes to ours as it is; hence this one.
It yields the same pair of streams.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError, jsonrpc_message_adapter

from mcpbridge.adapters.mcp_servers.lines import Lines, TooLong
from mcpbridge.adapters.mcp_servers.sending import SENDING
from mcpbridge.adapters.mcp_servers.settings import StdioCommand
from mcpbridge.adapters.mcp_servers.stderr import StandardError
from mcpbridge.core.secret import Secret

TOO_LARGE: Final = -32099
"""Our own code (JSON-RPC leaves -32000 to -32099 to implementations): the answer was not kept."""
_TERMINATED: Final = 1.0
"""Seconds a program has after SIGTERM."""
_CHUNK: Final = 65_536

Incoming = MemoryObjectSendStream[SessionMessage | Exception]


class Outgoing:
    """The SDK's write stream: notes for each request that it may have left."""

    def __init__(self, inner: MemoryObjectSendStream[SessionMessage]) -> None:
        self._inner = inner

    async def send(self, item: SessionMessage) -> None:
        sending = SENDING.get()
        if sending is not None and self._inner.statistics().open_receive_streams:
            sending.begun = True
        await self._inner.send(item)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Outgoing:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@asynccontextmanager
async def program(
    server: StdioCommand,
    environment: Mapping[str, Secret],
    errors: StandardError,
    *,
    limit: int,
    goodbye: float,
    ended: Callable[[], None],
) -> AsyncGenerator[tuple[Any, Any], None]:
    """Start it; read and write until the block ends; end it. `ended` is called when it ends by itself.

    Raises OSError where it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *server.command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=server.folder,
        env=get_default_environment() | {name: value.reveal() for name, value in environment.items()},
        start_new_session=True,
    )
    incoming, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    assert process.stdout is not None, "it is a pipe"
    assert process.stderr is not None, "it is a pipe"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, process.stdout, incoming, limit, ended)
        tasks.start_soon(_write, process, outgoing, incoming)
        tasks.start_soon(errors.read, process.stderr)
        try:
            yield read, Outgoing(write)
        finally:
            with anyio.CancelScope(shield=True):
                read.close()
                write.close()
                await _end(process, goodbye)
            tasks.cancel_scope.cancel()
    for stream in (incoming, outgoing):
        stream.close()


async def _read(
    stdout: asyncio.StreamReader, incoming: Incoming, limit: int, ended: Callable[[], None]
) -> None:
    """Ends the session's stream with the program's; reads on when nobody listens, so that it can end."""
    lines = Lines(limit)
    async with incoming:
        listening = True
        while chunk := await stdout.read(_CHUNK):
            for line in lines.feed(chunk):
                message = _message(line) if listening else None
                if message is None:
                    continue
                try:
                    await incoming.send(message)
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    listening = False
        ended()


def _message(line: bytes | TooLong) -> SessionMessage | None:
    """What a line says; None for what is no JSON-RPC, which some programs print between the messages."""
    if isinstance(line, TooLong):
        if line.request_id is None:
            return None
        error = ErrorData(code=TOO_LARGE, message="the answer is too large", data={"size": line.size})
        return SessionMessage(JSONRPCError(jsonrpc="2.0", id=line.request_id, error=error))
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        return None


async def _write(
    process: Process, outgoing: MemoryObjectReceiveStream[SessionMessage], incoming: Incoming
) -> None:
    assert process.stdin is not None, "it is a pipe"
    try:
        async with outgoing:
            async for item in outgoing:
                text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()
    except (ConnectionError, RuntimeError):  # the program closed its input, or has ended
        await incoming.aclose()


async def _end(process: Process, goodbye: float) -> None:
    """Close its input, and wait; then SIGTERM and SIGKILL, to everything that it started too."""
    assert process.stdin is not None, "it is a pipe"
    process.stdin.close()
    await _ended(process, goodbye)
    _signal(process, signal.SIGTERM)
    if not await _ended(process, _TERMINATED):
        _signal(process, _KILL)
        await _ended(process, _TERMINATED)
    # Something that it started may still hold the pipes; nothing public lets go of them.
    transport = getattr(process, "_transport", None)
    if transport is not None:
        with suppress(PermissionError):
            transport.close()


_KILL: Final = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL


async def _ended(process: Process, seconds: float) -> bool:
    """Not `process.wait()`: that also waits until everybody has closed the pipes."""
    with anyio.move_on_after(seconds):
        while process.returncode is None:  # noqa: ASYNC110 # nothing public tells it
            await anyio.sleep(0.01)
    return process.returncode is not None


def _signal(process: Process, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)  # its own group, since it leads a session
