"""A segment's lines in one reused buffer: nothing is copied to be hashed, and memory stays what it is."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

_BLOCK: Final = 1 << 20
LONGEST: Final = 1 << 28
"""Bytes after which what has no newline is taken for no line: a file could be made of one, without an end."""
_NEWLINE: Final = re.compile(rb"\n")


class Lines:
    """Whole lines of a file, a block at a time. Line `n` of the block is `data[starts[n]:ends[n]]`."""

    def __init__(self, fd: int) -> None:
        self._file = io.FileIO(fd, closefd=False)
        self.data = bytearray(1 + _BLOCK)
        """One byte stands before the first line, as a newline stands before every other."""
        self._filled = 1
        self.overlong = False
        """Whether reading stopped at a line longer than any record."""
        self.starts: list[int] = []
        self.ends: list[int] = []

    def blocks(self) -> Iterator[None]:
        """Fill the buffer again and again, to the end that the file has then. Raises OSError."""
        while self._read():
            with memoryview(self.data) as view:
                self.ends = [found.start() for found in _NEWLINE.finditer(view, 1, self._filled)]
            if self.ends:
                self.starts = [1, *(end + 1 for end in self.ends[:-1])]
                yield
                self._keep(self.ends[-1] + 1)

    @property
    def rest(self) -> bytes:
        """After the last newline."""
        return bytes(self.data[1 : self._filled])

    def leaves(self) -> list[bytes]:
        """SHA-256(0x00 || line) of each line of the block."""
        data = self.data
        for start in self.starts:
            data[start - 1] = 0
        with memoryview(data) as view:
            return [
                sha256(view[start - 1 : end]).digest()
                for start, end in zip(self.starts, self.ends, strict=True)
            ]

    def holds(self, text: bytes) -> bool:
        """Whether it occurs anywhere in the block."""
        return self.data.find(text, 1, self.ends[-1]) >= 0

    def line(self, at: int) -> bytes:
        return bytes(self.data[self.starts[at] : self.ends[at]])

    def _read(self) -> bool:
        if self._filled == len(self.data):  # one line fills it
            if len(self.data) > LONGEST:
                self.overlong = True
                return False
            self.data.extend(bytes(len(self.data)))
        with memoryview(self.data) as view:
            count = self._file.readinto(view[self._filled :]) or 0
        self._filled += count
        return count > 0

    def _keep(self, start: int) -> None:
        rest = self._filled - start
        self.data[1 : 1 + rest] = self.data[start : self._filled]
        self._filled = 1 + rest
