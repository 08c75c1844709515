"""Names with `*`: any characters, and nothing else is special. No regular expressions.

Case and Unicode look-alikes are not folded, and a pattern is always matched against the whole name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_LABEL: Final = re.compile(r"[A-Za-z0-9-]+")
_LABEL_PATTERN: Final = re.compile(r"[A-Za-z0-9*-]+")


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern as it was written. `matches(name)` holds for the whole name or not at all."""

    pattern: str
    matches: Callable[[str], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "matches", _compile(self.pattern))


def _compile(pattern: str) -> Callable[[str], bool]:
    first, *rest = pattern.split("*")
    if not rest:
        return lambda name: name == pattern
    *middle, last = rest

    def matches(name: str) -> bool:
        if not (name.startswith(first) and name.endswith(last)):
            return False
        start, end = len(first), len(name) - len(last)
        for part in middle:  # the leftmost find is right: only `*` is special
            found = name.find(part, start, end)
            if found < 0:
                return False
            start = found + len(part)
        return start <= end

    return matches


def tool_pattern_problem(pattern: str) -> str | None:
    """What is wrong with a name or glob of `tools:`, and what to write instead; None when it is fine."""
    if not pattern or any(char.isspace() or not char.isprintable() for char in pattern):
        return f"{pattern!r} is not a tool name; write `label.tool`, such as `github.create_issue`"
    label, dot, tool = pattern.partition(".")
    if not dot:
        if pattern.startswith("*"):
            return None
        return f"{pattern!r} has no label; write `label.tool`, such as `{pattern}.*` or `*.{pattern}`"
    if not _LABEL_PATTERN.fullmatch(label):
        return f"the label {label!r} can never match: labels are letters, digits and `-`"
    if not tool:
        return f"{pattern!r} names no tool; write `{label}.*` for all tools of {label}"
    return None


def tool_name_problem(name: str) -> str | None:
    """Like `tool_pattern_problem`, for one exact name."""
    label, _, tool = name.partition(".")
    if _LABEL.fullmatch(label) and tool:
        return None
    return f"{name!r} is not a tool name; write `label.tool`, such as `github.create_issue`"
