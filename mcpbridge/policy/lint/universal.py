"""Whether a regular expression lets every text pass. Judged by texts of all sorts, not proven."""

from __future__ import annotations

import string
from typing import Final

from mcpbridge.policy.matchers.patterns import compiled

_SORTS: Final = (
    *string.printable[:95],
    *("é", "ß", "中", "\u202e", "🙂", "\u0000"),
)
"""One character of each sort: all of ASCII that can be seen, some that is not."""
_TEXTS: Final = (
    *_SORTS,
    *("rm -rf / --no-preserve-root", "'; DROP TABLE x; --", "../../etc/passwd", "https://evil.example/?q=1"),
    *("DE89370400440532013000", "ana@corp.example", "a b", "  ", "x" * 5000, "".join(_SORTS)),
)


def matches_all(pattern: str, *, anywhere: bool) -> bool:
    """Whether every text of our list matches. The empty one does not count: `.+` is as good as `.*`."""
    tester = compiled(pattern if anywhere else f"^(?:{pattern})$")
    return all(bool(tester.is_valid(text)) for text in _TEXTS)
