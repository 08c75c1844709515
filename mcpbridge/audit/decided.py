"""Which questions the log already holds a decision on.

Sixteen bytes a decision: a short hash of its key and where its line begins. The line itself says the rest, so
that a hash that two keys share is told apart. A million decisions take about 18 MB.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from mcpbridge.audit.chain import parsed
from mcpbridge.errors import AuditCorrupt

_NEEDLE: Final = b'"decision_key":"'
"""Cannot occur inside a JSON string, where each quote carries a backslash."""
_SIZE: Final = 8
_ENTRY: Final = 2 * _SIZE
_BUCKETS: Final = 4_096


class DecisionIndex:
    """`decision_key` → where the lines begin that may carry it."""

    __slots__ = ("_buckets", "_salt")

    def __init__(self) -> None:
        self._buckets: list[bytearray] = [bytearray() for _ in range(_BUCKETS)]
        # Keys hold ids that come from outside; without a salt somebody could choose where they go. (Python's
        # own hash has one too, but not where PYTHONHASHSEED is set.)
        self._salt = secrets.token_hex(16)

    def offsets(self, key: str) -> Sequence[int]:
        """Where lines begin whose key has the same hash; nearly always one, and the one looked for."""
        digest, bucket = self._place(key)
        at = bucket.find(digest)
        found: list[int] = []
        while at >= 0:
            if at % _ENTRY == 0:
                found.append(int.from_bytes(bucket[at + _SIZE : at + _ENTRY], "big"))
            at = bucket.find(digest, at + 1)
        return found

    def add(self, key: str, offset: int) -> None:
        digest, bucket = self._place(key)
        bucket += digest + offset.to_bytes(_SIZE, "big")

    def scan(self, lines: bytes, offset: int) -> None:
        """Take over the keys of some whole lines that begin at `offset` in the file. Nested keys of that name
        (arguments) do not count."""
        at = lines.find(_NEEDLE)
        while at >= 0:
            start = lines.rfind(b"\n", 0, at) + 1
            end = lines.find(b"\n", at)
            first = at + len(_NEEDLE)
            key = lines[first : lines.find(b'"', first, end)]
            # Nothing was opened before it, so it is the record's own. All others are told by the whole line.
            if b"\\" not in key and lines.find(b"{", start + 1, at) < 0:
                self.add(key.decode("utf-8", "replace"), offset + start)
            elif (own := decision_of(lines[start:end])[0]) is not None:
                self.add(own, offset + start)
            at = lines.find(_NEEDLE, end)

    def _place(self, key: str) -> tuple[bytes, bytearray]:
        # It is never written down, and the line itself says whose it is: all that is asked of it is speed.
        place = hash(self._salt + key)
        return place.to_bytes(_SIZE, "big", signed=True), self._buckets[place % _BUCKETS]


def decision_of(line: bytes) -> tuple[str | None, int, str]:
    """The decision key of a line (None: it has none), its sequence number and its outcome."""
    record = parsed(line)
    if record is None:
        raise AuditCorrupt("the log holds a line that is not JSON; run `mcpbridge audit verify`")
    key, seq = record.get("decision_key"), record.get("seq")
    return (
        key if isinstance(key, str) else None,
        seq if isinstance(seq, int) else 0,
        str(record.get("outcome", "")),
    )
