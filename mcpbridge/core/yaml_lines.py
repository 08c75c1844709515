"""YAML text → plain values that remember their lines, so that every complaint can point at one.

YAML 1.2 core scalars: `yes`, `no`, `on`, `off` are text here, not booleans (YAML 1.1 would turn
`decision: no` into False). Anchors are fine, merge keys and tags are not, duplicate keys are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]
"""Where a value stands: keys and list indexes from the top."""


class YamlProblem(ValueError):
    """Not YAML, or YAML we refuse. `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Plain values, and the line of each of them."""

    value: Any
    lines: dict[Path, int] = field(default_factory=dict[Path, int])
    key_lines: dict[Path, int] = field(default_factory=dict[Path, int])

    def line(self, path: Path) -> int:
        """The line of the value (or key) at `path`, or of the nearest thing above it that exists."""
        for end in range(len(path), -1, -1):
            found = self.key_lines.get(path[:end]) or self.lines.get(path[:end])
            if found is not None:
                return found
        return 1


def parse_yaml(text: str) -> Document:
    """Parse one YAML document. Raises YamlProblem with the line."""
    from mcpbridge.core.yaml_reading import read  # the parser is loaded with the first file

    return read(text)
