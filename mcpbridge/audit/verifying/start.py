"""Where a log begins: with its first record, or where retention says that it now does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, NamedTuple

from mcpbridge.audit.chain import GENESIS, link_of, parsed
from mcpbridge.audit.checkpoint import Checkpoint
from mcpbridge.audit.keys.places import KEYS, ORIGIN, optional_bytes
from mcpbridge.audit.merkle import CompactRange
from mcpbridge.audit.note import NoteError
from mcpbridge.audit.read import seq_of
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.segments import opened
from mcpbridge.audit.tail import line_at, whole_lines

_NEEDLE: Final = b'"type":"%b"' % RecordType.RETENTION_APPLIED.value.encode()
_CHECKPOINT: Final = b'","type":"checkpoint"'


class Start(NamedTuple):
    """What the first line that is there follows."""

    lines: int
    """That were removed before it."""
    prev: str
    tree: CompactRange
    by: int = 0
    """`seq` of the record that says so."""


_BEGINNING: Final = Start(0, GENESIS, CompactRange())


def start_of(directory: Path) -> Start:
    """Where no record says why the log begins in its middle, that is its first flaw. Raises OSError."""
    first = _first_link(directory)
    if first is None or first[1] == 1:
        return _BEGINNING
    for _, fd in opened(directory):
        for block in whole_lines(fd, 0, os.fstat(fd).st_size):
            if _NEEDLE in block:
                for line in block.split(b"\n"):
                    found = _removed(line, first)
                    if found is not None:
                        return found
    return _BEGINNING


def _first_link(directory: Path) -> tuple[str, int] | None:
    for _, fd in opened(directory):
        return link_of(line_at(fd, 0, os.fstat(fd).st_size))
    return None


def _removed(line: bytes, first: tuple[str, int]) -> Start | None:
    """The start by a retention record, when it is about what stands before `first`."""
    record: dict[str, Any] = (parsed(line) if _NEEDLE in line else None) or {}
    if record.get("type") != RecordType.RETENTION_APPLIED or record.get("last_seq") != first[1] - 1:
        return None
    try:
        tree = CompactRange.from_parts(first[1] - 1, [bytes.fromhex(peak) for peak in record["range"]])
    except (KeyError, TypeError, ValueError):
        return None
    return Start(tree.size, str(record.get("head")), tree, seq_of(record))


def origin_of(directory: Path) -> str:
    """The log's name, by its first checkpoint; by `keys/origin` when it has none yet. Raises OSError."""
    for _, fd in opened(directory):
        for block in whole_lines(fd, 0, os.fstat(fd).st_size):
            at = block.find(_CHECKPOINT)
            while at >= 0:
                start, end = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at)
                origin = _origin(block[start:end])
                if origin:
                    return origin
                at = block.find(_CHECKPOINT, end)
    folder = directory if directory.is_dir() else directory.parent
    return (optional_bytes(folder / KEYS / ORIGIN) or b"").decode("utf-8", "replace").strip()


def _origin(line: bytes) -> str:
    record: dict[str, Any] = parsed(line) or {}
    try:
        return Checkpoint.of_note(str(record["note"]))[0].origin if record["type"] == "checkpoint" else ""
    except (KeyError, NoteError):
        return ""
