"""Lines of a byte stream, each of bounded length: a longer one is read past, never kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_ENDS: Final = 4_096
"""Bytes kept of both ends of a line that is too long: its id stands in one of them."""
MAX_PARTS: Final = 500_000
"""Objects and lists in one message. Python and the SDK take some 330 bytes for each, also an empty one:
without a bound, 30 MB of `{},{},…` took 3.3 GB (measured)."""
_ID: Final = re.compile(rb'"id"\s*:\s*(\d{1,15})\s*[,}]')


def parts(data: bytes) -> int:
    """No fewer than the objects and lists that begin in it; those in texts count too."""
    return data.count(b"{") + data.count(b"[")


def only_id(head: bytes, tail: bytes) -> int | None:
    """The JSON-RPC id at one end of a message, where exactly one is to be seen."""
    found = _ID.findall(head[:256]) or _ID.findall(tail[-256:])
    return int(found[0]) if len(found) == 1 else None


class TooLong:
    """A line that was not kept. `request_id` is the JSON-RPC id in it, if it is to be seen."""

    def __init__(self, head: bytes, tail: bytes, size: int) -> None:
        self.request_id = only_id(head, tail)
        self.size = size


class Lines:
    """Feed it chunks; it gives the whole lines in them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._tail = b""

    def feed(self, chunk: bytes) -> Iterator[bytes | TooLong]:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._keep(end)
            yield self._taken()
        self._keep(rest)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._limit:
            self._parts.append(part)
            return
        if not self._tail:
            self._parts = [b"".join(self._parts)[:_ENDS] or part[:_ENDS]]
        self._tail = (self._tail + part)[-_ENDS:]

    def _taken(self) -> bytes | TooLong:
        whole, size = b"".join(self._parts), self._size
        line = whole if size <= self._limit else TooLong(whole, self._tail, size)
        self._parts, self._size, self._tail = [], 0, b""
        return line
