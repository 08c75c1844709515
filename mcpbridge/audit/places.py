"""Where lines stand in a log of several segments: one number counts through all of them."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mcpbridge.audit.disk import open_log


class Place(NamedTuple):
    """A position, in the file that it is in."""

    fd: int
    offset: int
    end: int
    """Offset in the file up to which it may be read."""


class Places:
    """Positions: offsets in all segments laid end to end, as they were when this process first saw them.

    A closed segment that retention removed meanwhile keeps its positions, and nothing stands at them.
    """

    def __init__(self, closed: Sequence[Path]) -> None:
        self._paths: list[Path] = []
        self._starts: list[int] = []
        self.active = 0
        """Position of the active segment's first byte."""
        for path in closed:
            self.close(path, path.stat().st_size)

    def close(self, path: Path, size: int) -> None:
        """The active segment became `path`; the next one begins behind it."""
        self._paths.append(path)
        self._starts.append(self.active)
        self.active += size

    def end_of_segment(self, position: int, end: int) -> int:
        """Where the segment that `position` is in ends, or `end` where that comes first."""
        following = bisect_right(self._starts, position)
        if position >= self.active:
            return end
        return min(end, self._starts[following] if following < len(self._starts) else self.active)

    @contextmanager
    def at(self, position: int, *, fd: int, end: int) -> Generator[Place | None]:
        """The place of a position; None when its segment is gone. `fd`: the active segment; `end`: position
        after the log's last line."""
        stop = self.end_of_segment(position, end)
        if position >= self.active:
            yield Place(fd, position - self.active, stop - self.active)
            return
        at = bisect_right(self._starts, position) - 1
        start = self._starts[at]
        try:
            closed = open_log(self._paths[at], write=False)
        except FileNotFoundError:
            yield None
            return
        try:
            yield Place(closed, position - start, stop - start)
        finally:
            os.close(closed)
