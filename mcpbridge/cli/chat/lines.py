"""Lines that a person types at a terminal, or that come through a pipe."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final, TextIO

from mcpbridge.adapters.terminal import LineReader, Lines

_MOST: Final = 65_536


class TerminalLines:
    """Lines of a terminal in its line mode, read only when there is one: a cancelled `line()` leaves no
    thread behind that would take the next line, and nothing is kept between two lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def busy(self) -> bool:
        """Nothing is ever abandoned."""
        return False

    async def line(self) -> str:
        """The next line with its end; "" where the terminal is closed."""
        typed = b""
        while not typed.endswith(b"\n"):
            await self._something()
            try:
                piece = os.read(self._stream.fileno(), _MOST)
            except OSError:  # it went away
                piece = b""
            if not piece:
                break
            typed += piece
        return typed.decode(self._stream.encoding or "utf-8", "replace")

    async def drop_line(self) -> None:
        """There is none."""

    async def _something(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._stream.fileno(), ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._stream.fileno())


def lines_of(stream: TextIO) -> Lines:
    """The lines of a stream: of a terminal, where the event loop can wait for one; else by a thread."""
    return LineReader(stream) if sys.platform == "win32" or not stream.isatty() else TerminalLines(stream)
