"""Server-sent events: the `data` of each event, by the rules of the WHATWG HTML standard, section 9.2.6."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BOM: Final = b"\xef\xbb\xbf"


class EventData:
    """Takes bytes as they arrive and gives the data of each event that they complete.

    Comments and other fields are passed over; an event that is not ended by an empty line is not given.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        """Pieces of the line that has not ended."""
        self._data: list[bytes] = []
        self._after_return = False
        self._first = True

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of every event that ends in `chunk`."""
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # the other half of a \r\n
            self._after_return = False
        if not chunk:
            return
        self._after_return = chunk.endswith(b"\r")
        *ended, rest = _LINE_END.split(chunk)
        for line in ended:
            yield from self._ended(b"".join((*self._line, line)))
            self._line.clear()
        self._line.append(rest)

    def _ended(self, line: bytes) -> Iterator[bytes]:
        if self._first:
            line, self._first = line.removeprefix(_BOM), False
        if not line:
            if self._data:
                yield b"\n".join(self._data)
                self._data.clear()
            return
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
