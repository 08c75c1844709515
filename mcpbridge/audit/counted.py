"""Numbers of things, for people."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """`1 record`, `2 records`. Without separators: it stands beside numbers of records."""
    return f"{number} {what}{'s' * (number != 1)}"
