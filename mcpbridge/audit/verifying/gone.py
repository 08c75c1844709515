"""A place where a log was seen, and where there is none any more: it was deleted, emptied, or replaced."""

from __future__ import annotations

from pathlib import Path

from mcpbridge.audit.chain import Flaw, FlawKind
from mcpbridge.audit.counted import counted
from mcpbridge.audit.segments import LOG_NAME
from mcpbridge.audit.verifying.heads import Heads
from mcpbridge.audit.verifying.result import Status, Verification


def gone_from(path: Path, shown: Path, heads: Heads | None, problem: str) -> Verification | None:
    """What is to be said where nothing can be checked although a log was seen there; None where none was.

    That nothing is there is the deepest cut of all. `problem`: what is there instead.
    """
    folder = folder_of(path)
    seen = heads.seen_at(folder) if heads else None
    if seen is None:
        return None
    lines, when = counted(seen.lines, "line"), seen.seen_at.strftime("%Y-%m-%d %H:%M UTC")
    message = (
        f"on {when} you saw {lines} of {seen.origin} here, and they are gone: {problem}. If the log was "
        "moved, verify it where it is; if it was meant to go, say so with --forget"
    )
    flaw = Flaw(line=0, kind=FlawKind.CUT_OFF, message=message)
    return Verification(
        path=shown, status=Status.TAMPERED, origin=seen.origin, flaws=(flaw,), flaw_count=1, problem=problem
    )


def folder_of(path: Path) -> Path:
    """The folder of a log that is named by its folder or its file, also where neither is there."""
    return path.parent if path.name == LOG_NAME or path.is_file() else path
