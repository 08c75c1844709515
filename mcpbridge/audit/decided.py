"""Which questions the log already holds a decision on."""

from __future__ import annotations

from typing import Final

from mcpbridge.audit.chain import parsed
from mcpbridge.errors import AuditCorrupt

_NEEDLE: Final = b'"decision_key":"'
"""Cannot occur inside a JSON string, where each quote carries a backslash."""


class DecisionIndex:
    """`decision_key` → sequence number and outcome of the one record that carries it."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str]] = {}

    def get(self, key: str) -> tuple[int, str] | None:
        return self._found.get(key)

    def add(self, key: str, seq: int, outcome: str) -> None:
        self._found.setdefault(key, (seq, outcome))

    def update(self, other: DecisionIndex) -> None:
        for key, (seq, outcome) in other._found.items():
            self.add(key, seq, outcome)

    def scan(self, lines: bytes) -> None:
        """Take over the keys of some whole lines. Nested keys of that name (arguments) do not count."""
        at = lines.find(_NEEDLE)
        while at >= 0:
            start, end = lines.rfind(b"\n", 0, at) + 1, lines.find(b"\n", at)
            record = parsed(lines[start:end])
            if record is None:
                raise AuditCorrupt("the log holds a line that is not JSON; run `mcpbridge audit verify`")
            key = record.get("decision_key")
            if isinstance(key, str):
                self.add(key, int(record["seq"]), str(record.get("outcome", "")))
            at = lines.find(_NEEDLE, end)
