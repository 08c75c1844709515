"""How much of a call's arguments the log keeps, tool by tool."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase

from mcpbridge.errors import UsageError


class Level(StrEnum):
    """The accepted levels."""

    NONE = "none"
    """Nothing about the arguments."""
    METADATA = "metadata"
    """Their HMAC and size."""
    ARGUMENTS = "arguments"
    """The default: readable, except leaves that look like secrets."""


class Levels:
    """`label.tool` patterns → level; the first pattern that fits wins, none means `arguments`."""

    __slots__ = ("_patterns",)

    def __init__(self, levels: Mapping[str, str] | None = None) -> None:
        self._patterns = tuple((pattern, _level(pattern, name)) for pattern, name in (levels or {}).items())

    def of(self, tool: str) -> Level:
        for pattern, level in self._patterns:
            if fnmatchcase(tool, pattern):
                return level
        return Level.ARGUMENTS


def _level(pattern: str, name: str) -> Level:
    try:
        return Level(name)
    except ValueError:
        accepted = ", ".join(Level)
        raise UsageError(f"levels: {name!r} for {pattern!r} is not a level; use one of {accepted}") from None
