"""A second file. It proves something where the account that writes the log cannot change it: append-only
(`chattr +a`, by root), on a host of its own, or on media that is written once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mcpbridge.audit.anchors.anchor import AnchorFailed, Point, anchor_line
from mcpbridge.audit.anchors.place import ELSEWHERE, in_log

_BINARY: Final[int] = getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAnchor:
    """Appends one line for each checkpoint, durable when `publish` returns."""

    path: Path
    every: float = 0.0

    @property
    def name(self) -> str:
        return f"file {self.path}"

    def publish(self, point: Point, /) -> None:
        if in_log(self.path, point.directory):  # asked each time: what a link leads to may change
            raise AnchorFailed(f"it is in the log's own folder ({point.directory}); {ELSEWHERE}")
        # Opened each time: who rotates or mounts it need not tell us. Append mode only: that is all that an
        # append-only file permits.
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY, 0o600)
        try:
            data = f"{anchor_line(point)}\n".encode()
            if os.write(fd, data) != len(data):
                raise AnchorFailed("the disk took only a part of the line (is it full?)")
            os.fsync(fd)
        finally:
            os.close(fd)
