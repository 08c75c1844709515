"""What a server's program writes to its standard error: read always, shown cleaned, never in full length."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from mcpbridge.core.question import visible

_LINE: Final = 2_000
"""Bytes of one line that are kept; the rest of it is thrown away."""
_LAST: Final = 5
"""Lines remembered for the message of a server that ends."""


class StandardError:
    """Reads until the end, so that the program never waits for a reader."""

    def __init__(self, said: Callable[[str], None] | None) -> None:
        self._said = said
        self._last: deque[str] = deque(maxlen=_LAST)

    @property
    def last(self) -> str:
        """The last lines, for an error message."""
        return " / ".join(self._last)

    async def read(self, stream: asyncio.StreamReader) -> None:
        line = b""
        while chunk := await stream.read(65_536):
            *whole, rest = (line + chunk).split(b"\n")
            for text in whole:
                self._take(text)
            line = rest[:_LINE]
        if line:
            self._take(line)

    def _take(self, line: bytes) -> None:
        text = visible(line[:_LINE].decode("utf-8", "replace").rstrip("\r"), newlines=False)
        if not text.strip():
            return
        self._last.append(text[:300])
        if self._said is not None:
            self._said(text)
