"""Lines of standard input, which a signal can stop waiting for.

The SDK reads them in a thread that the loop and the interpreter wait for: Ctrl-C would be heard when the
client says something, and the servers' programs would run on until then.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Final

_CHUNK: Final = 65_536


class StandardInput:
    """Reads when it is asked for more, in a thread that nobody waits for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._wanted: SimpleQueue[asyncio.Future[bytes]] = SimpleQueue()

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        Thread(target=self._reading, args=(asyncio.get_running_loop(),), daemon=True).start()
        data = bytearray()
        while chunk := await self._more():
            start = len(data)
            data += chunk
            while (end := data.find(b"\n", start)) >= 0:
                line, start = data[:end], 0
                del data[: end + 1]
                yield line.decode("utf-8", "replace")
        if data:
            yield data.decode("utf-8", "replace")

    async def _more(self) -> bytes:
        """The next bytes; none at the end."""
        coming: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._wanted.put(coming)
        return await coming

    def _reading(self, loop: asyncio.AbstractEventLoop) -> None:
        chunk = b"begun"
        while chunk:
            coming = self._wanted.get()
            try:
                chunk = os.read(self._descriptor, _CHUNK)
            except OSError:  # it is gone, as a terminal that was closed
                chunk = b""
            with suppress(RuntimeError):  # so is the loop
                loop.call_soon_threadsafe(_came, coming, chunk)


def _came(coming: asyncio.Future[bytes], chunk: bytes) -> None:
    if not coming.done():
        coming.set_result(chunk)
