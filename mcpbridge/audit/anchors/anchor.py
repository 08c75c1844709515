"""What an anchor is: somewhere else where a log's checkpoints are kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from mcpbridge.audit.checkpoint import Checkpoint
from mcpbridge.audit.note import NoteError

ANCHORS: Final = "anchors"
"""Folder beside the log with what anchors gave back: cosignatures and time stamps."""


class AnchorFailed(Exception):
    """The checkpoint did not get there. It stays in this room: `Anchoring` tells it and tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A checkpoint of one log, on its way."""

    directory: Path
    """The log's folder."""
    note: str
    """The signed note."""
    checkpoint: Checkpoint

    @classmethod
    def of(cls, directory: Path, note: str) -> Point:
        """Raises NoteError when `note` is no checkpoint."""
        return cls(directory=directory, note=note, checkpoint=Checkpoint.of_note(note)[0])


class Anchor(Protocol):
    """One place. Used by one thread at a time."""

    @property
    def name(self) -> str:
        """For people: `file /mnt/x`, `witness https://…`."""
        ...

    @property
    def every(self) -> float:
        """Seconds between two checkpoints at least; 0 takes each one."""
        ...

    def publish(self, point: Point, /) -> None:
        """Returns once the checkpoint is there. Raises AnchorFailed, or OSError."""
        ...


def anchor_line(point: Point) -> str:
    """How a checkpoint is written where lines are kept: one line of JSON, no newline."""
    about = {"log": point.checkpoint.origin, "size": point.checkpoint.size, "note": point.note}
    return json.dumps(about, ensure_ascii=False, separators=(",", ":"))


def read_anchor_line(line: bytes) -> tuple[str, Checkpoint] | None:
    """The signed note and its checkpoint in a line that `anchor_line` made; None in any other line. A log
    daemon may have written something before it, and so may a write that a full disk took only a part of."""
    start = line.rfind(b'{"log":"')
    if start < 0:
        return None
    try:
        value: Any = json.JSONDecoder().raw_decode(line[start:].decode())[0]
        note = str(value["note"])
        return note, Checkpoint.of_note(note)[0]
    except (ValueError, KeyError, TypeError, RecursionError, NoteError):
        return None
