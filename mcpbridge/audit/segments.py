"""The files of one log: closed segments, oldest first, and the active one.

    audit-000000000001.jsonl   closed; the number is the `seq` of its first line
    audit-000000048213.jsonl
    audit.jsonl                active: the next line is written here

`seq` and `prev` go on from one segment to the next. Between the two renames of a rotation, and after a crash
there, no file is active; the log then ends with its last closed segment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mcpbridge.audit.disk import open_log

LOG_NAME: Final = "audit.jsonl"
_CLOSED: Final = re.compile(r"audit-([0-9]{12,18})\.jsonl")


def segments(directory: Path) -> tuple[Path, ...]:
    """The log's files, oldest first, the active one last. A file instead of a folder is a log of one segment.

    Files that exist at this moment: to read a log that is being written, use `opened`.
    """
    if not directory.is_dir():
        return (directory,)
    active = directory / LOG_NAME
    return (*closed_segments(directory), *((active,) if active.exists() else ()))


def closed_segments(directory: Path) -> tuple[Path, ...]:
    """The closed segments, oldest first."""
    found = ((first_of(path), path) for path in directory.iterdir())
    return tuple(path for first, path in sorted(found) if first)


def first_of(path: Path) -> int:
    """The `seq` of a closed segment's first line, by its name; 0 for any other file."""
    match = _CLOSED.fullmatch(path.name)
    return int(match[1]) if match else 0


def closed_name(first: int) -> str:
    """The name of the closed segment whose first line is record `first`."""
    return f"audit-{first:012d}.jsonl"


def opened(directory: Path) -> Iterator[tuple[Path, int]]:
    """Each segment with a descriptor for reading, which is closed when the next one is asked for.

    Safe beside writers that rotate: the active file is opened first, so nothing that was durable before is
    left out and nothing is read twice. Raises FileNotFoundError when there is no log, OSError.
    """
    active = directory / LOG_NAME if directory.is_dir() else directory
    try:
        last = open_log(active, write=False)
    except FileNotFoundError:  # a rotation is at work, or was cut off between its two renames
        yield from _each(closed_segments(directory) if directory.is_dir() else (), missing=active)
        return
    try:
        identity = _identity(os.fstat(last))
        if active != directory:
            yield from _each(_before(closed_segments(directory), identity))
        yield active, last
    finally:
        os.close(last)


def _before(closed: tuple[Path, ...], identity: tuple[int, int]) -> tuple[Path, ...]:
    """The segments before the one that was active: rotations may have closed it since, and later ones."""
    for at, path in enumerate(closed):
        if _identity(path.stat()) == identity:
            return closed[:at]
    return closed


def _each(paths: tuple[Path, ...] | list[Path], *, missing: Path | None = None) -> Iterator[tuple[Path, int]]:
    if missing and not paths:
        raise FileNotFoundError(2, os.strerror(2), str(missing))
    for path in paths:
        fd = open_log(path, write=False)
        try:
            yield path, fd
        finally:
            os.close(fd)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
