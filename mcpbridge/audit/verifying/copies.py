"""Copies of a log: an archive, a backup, a folder that was moved away.

A log that ends before what was seen of it was cut, in the place where it was seen. Elsewhere it may be a copy
that was made earlier, or what retention moved there. That is believed where the log itself still stands and
goes on from the copy's last line, and nowhere else.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from mcpbridge.audit.chain import line_hash, link_of
from mcpbridge.audit.segments import opened
from mcpbridge.audit.tail import whole_lines
from mcpbridge.audit.verifying.heads import Head, Heads


class Copy(NamedTuple):
    """A log that another one goes on from."""

    place: str
    """Where the other one stands."""
    lines: int
    """Up to its last whole line."""
    last: str
    """The hash of that."""
    seen: Head | None = None
    """The other one, as it was seen; None where it is the one that the verifier names."""

    def __str__(self) -> str:
        if self.seen is None:
            return (
                f"this is an archive or another copy of the log in {self.place}: it has lines up to "
                f"{self.lines}, and the log there goes on from the last one, so verify that too"
            )
        when = self.seen.seen_at.strftime("%Y-%m-%d %H:%M UTC")
        return (
            f"this is a copy that ends before what you saw in {self.place} on {when}: it has lines up to "
            f"{self.lines} of {self.seen.lines}; the log there goes on from its last one, so verify that too"
        )


def may_be_copy(head: Head, folder: Path, heads: Heads) -> bool:
    """Whether a log in `folder` may end before `head`: that was seen elsewhere, and here never more than a
    copy."""
    return bool(
        head.place
        and Path(head.place) != folder.resolve()
        and (heads.at(folder) == "" or heads.copy_at(folder) is not None)
    )


def copy_of(path: Path, head: Head) -> Copy | None:
    """The log in `path` as a copy of the one that was seen. None where it ends no earlier, or where nothing
    there goes on from its last line. Raises OSError."""
    last = _last_line(path)
    link = link_of(last)
    if link is None or link[1] >= head.lines:
        return None
    found = Copy(head.place, link[1], line_hash(last), head)
    return found if _goes_on(found) else None


def archive_of(path: Path, log: Path, heads: Heads | None) -> Copy | None:
    """The log in `path` as an archive or a copy of the one that stands in `log`, which the verifier names.
    None where that does not go on from its last line, or where more than a copy was ever seen. Raises
    OSError."""
    folder = path if path.is_dir() else path.parent
    if folder.resolve() == (log if log.is_dir() else log.parent).resolve():
        return None
    if heads and heads.at(folder) and heads.copy_at(folder) is None:
        return None
    last = _last_line(path)
    link = link_of(last)
    found = Copy(str(log), link[1], line_hash(last)) if link else None
    return found if found and _goes_on(found) else None


def _last_line(path: Path) -> bytes:
    last = b""
    for _, fd in opened(path):
        for block in whole_lines(fd, 0, os.fstat(fd).st_size):
            last = block[block.rfind(b"\n", 0, -1) + 1 : -1]
    return last


def _goes_on(copy: Copy) -> bool:
    place = Path(copy.place)
    needle = copy.last.encode()
    try:
        for _, fd in opened(place):
            for block in whole_lines(fd, 0, os.fstat(fd).st_size):
                lines = block.split(b"\n") if needle in block else []
                if any(link_of(line) == (copy.last, copy.lines + 1) for line in lines):
                    return True
    except OSError:  # it is not there any more, or not for this account
        return False
    return False
