"""Where an anchor's file must not be: in the folder of the log that it is to vouch for. Each line of a
checkpoint there would damage what it is to prove, and whoever takes the log away takes the proof along."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ELSEWHERE: Final = "write a path outside it, such as /mnt/heads/log.jsonl"


def in_log(file: Path, log: Path) -> bool:
    """Whether writing to `file` writes into the folder `log`: also through links, under another spelling of
    its name, or where both are names of one file. Neither has to exist yet."""
    real, folder = resolved(file), resolved(log)
    return any(_same(above, folder) for above in (real, *real.parents)) or _has_other_name(real, folder)


def resolved(path: Path) -> Path:
    """The path without links, as far as it exists."""
    try:
        return Path(os.path.realpath(path))
    except ValueError:  # no file can have this name, and opening it says so
        return path


def _same(one: Path, other: Path) -> bool:
    """One file or folder, whose names differ where letter case does not count or it is mounted twice."""
    if one == other:
        return True
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def _has_other_name(file: Path, folder: Path) -> bool:
    try:
        # Only a file with a second name can be one further down; the segments may be links themselves.
        inside = folder.rglob("*") if file.stat().st_nlink > 1 else folder.glob("*")
    except (OSError, ValueError):
        return False
    return any(_same(each, file) for each in inside)
