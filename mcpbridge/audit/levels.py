"""How much of a call the log keeps, tool by tool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase

from mcpbridge.errors import UsageError


class Level(StrEnum):
    """The accepted levels."""

    NONE = "none"
    """Nothing about the arguments."""
    METADATA = "metadata"
    """HMACs only: of the arguments as a whole and of each value in them; and their size."""
    ARGUMENTS = "arguments"
    """The default: readable, except leaves that look like secrets or are declared so."""
    SEALED = "sealed"
    """Encrypted to reviewers, with a key per record that can be destroyed: see sealed.py."""
    FULL = "full"
    """As `arguments`, and what came back from the tool. Must be allowed, and marks the log."""

    @property
    def readable(self) -> bool:
        """Whether whoever has the log can read the arguments."""
        return self in (Level.ARGUMENTS, Level.FULL)


class Levels:
    """`label.tool` patterns → level; the first pattern that fits wins, none means `arguments`."""

    __slots__ = ("_patterns",)

    def __init__(self, levels: Mapping[str, str] | None = None, *, allow_full: bool = False) -> None:
        self._patterns = tuple((pattern, _level(pattern, name)) for pattern, name in (levels or {}).items())
        if not allow_full and (full := list(self.full)):
            raise UsageError(
                f"levels: full for {full[0]!r} keeps whole results; write allow_full: true beside it if that "
                "is meant, or arguments"
            )

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def of(self, tool: str) -> Level:
        for pattern, level in self._patterns:
            if fnmatchcase(tool, pattern):
                return level
        return Level.ARGUMENTS

    @property
    def full(self) -> Iterable[str]:
        """Patterns of tools whose results are kept whole."""
        return (pattern for pattern, level in self._patterns if level is Level.FULL)

    @property
    def sealed(self) -> Iterable[str]:
        """Patterns of tools whose arguments need a reviewer's key."""
        return (pattern for pattern, level in self._patterns if level is Level.SEALED)


def _level(pattern: str, name: str) -> Level:
    try:
        return Level(name)
    except ValueError:
        accepted = ", ".join(Level)
        raise UsageError(f"levels: {name!r} for {pattern!r} is not a level; use one of {accepted}") from None
