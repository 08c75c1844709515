"""The pair of streams that the SDK's client reads and writes, over the pipes of a program.

Without tasks and queues in between: what is sent is in the pipe when `send` returns, and what arrives goes
from the pipe to the session in one step.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError, jsonrpc_message_adapter
from pydantic import ValidationError

from mcpbridge.adapters.mcp_servers.conduct import Conduct
from mcpbridge.adapters.mcp_servers.garbled import unreadable
from mcpbridge.adapters.mcp_servers.lines import MAX_PARTS, Lines, TooLong, parts
from mcpbridge.adapters.mcp_servers.sending import SENDING

TOO_LARGE: Final = -32099
"""Our own code (JSON-RPC leaves -32000 to -32099 to implementations): the answer was not kept."""
_CHUNK: Final = 65_536


class Outgoing:
    """Writes each message as one line; notes for each request that it may have left."""

    def __init__(self, stdin: asyncio.StreamWriter) -> None:
        self._stdin = stdin
        self._closed = False

    async def send(self, item: SessionMessage, /) -> None:
        if self._closed or self._stdin.is_closing():
            raise anyio.ClosedResourceError
        sending = SENDING.get()
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        if sending is not None:
            sending.begun = True
        try:
            self._stdin.write(text.encode() + b"\n")
            await self._stdin.drain()
        except (ConnectionError, RuntimeError):  # the program closed its input, or has ended
            raise anyio.BrokenResourceError from None

    async def aclose(self) -> None:
        self._closed = True

    async def __aenter__(self) -> Outgoing:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Incoming:
    """Reads messages; ends with the program's output. `ended` is called when that ends by itself."""

    def __init__(
        self, stdout: asyncio.StreamReader, limit: int, ended: Callable[[], None], conduct: Conduct
    ) -> None:
        self._stdout, self._ended, self._conduct = stdout, ended, conduct
        self._lines = Lines(limit)
        self._ready: deque[SessionMessage | Exception] = deque()
        self._closed = False

    def __aiter__(self) -> Incoming:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        while not self._ready:
            chunk = b"" if self._closed else await self._read()
            if not chunk:
                raise StopAsyncIteration
            for line in self._lines.feed(chunk):
                self._take(line)
        return self._ready.popleft()

    def _take(self, line: bytes | TooLong) -> None:
        message = _message(line)
        if message is not None:
            self._conduct.spoke = True
            self._ready.append(message)
        elif isinstance(line, bytes):
            self._conduct.saw(line)

    @property
    def at_end(self) -> bool:
        """Whether the program closed its output, or ended."""
        return self._stdout.at_eof()

    async def receive(self) -> SessionMessage | Exception:
        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise anyio.EndOfStream from None

    async def drain(self) -> None:
        """Read on when nobody listens any more, so that a program that still talks can end."""
        while await self._read():
            pass

    async def _read(self) -> bytes:
        chunk = await self._stdout.read(_CHUNK)
        if not chunk:
            self._ended()
        return chunk

    async def aclose(self) -> None:
        self._closed = True
        self._ready.clear()

    async def __aenter__(self) -> Incoming:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _message(line: bytes | TooLong) -> SessionMessage | None:
    """What a line says; None for what is no JSON-RPC, which some programs print between the messages. Where
    it is to be an answer, whoever waits for that one is told that it cannot be read."""
    if isinstance(line, bytes) and parts(line) > MAX_PARTS:
        line = TooLong(line, line, len(line))
    if isinstance(line, TooLong):
        if line.request_id is None:
            return None
        error = ErrorData(code=TOO_LARGE, message="the answer is too large", data={"size": line.size})
        return SessionMessage(JSONRPCError(jsonrpc="2.0", id=line.request_id, error=error))
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValidationError as error:
        answer = unreadable(error)
        return None if answer is None else SessionMessage(answer)
