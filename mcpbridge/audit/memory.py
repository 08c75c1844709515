"""The audit log without a disk, for tests and benchmarks: same encoder, same chain, nothing durable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mcpbridge.audit.chain import GENESIS, chained, line_hash
from mcpbridge.audit.decided import DecisionIndex
from mcpbridge.audit.encode import Encoder
from mcpbridge.audit.keys import new_key
from mcpbridge.audit.levels import Levels
from mcpbridge.audit.redact import Redactor
from mcpbridge.core.secret import Mask
from mcpbridge.errors import AlreadyDecided
from mcpbridge.ports import Clock, Record


class MemoryAudit:
    """An `AuditSink` that keeps its lines in memory."""

    def __init__(
        self,
        *,
        mask: Mask | None = None,
        levels: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        key: bytes | None = None,
    ) -> None:
        self.lines: list[bytes] = []
        """The lines as a log would hold them, without newlines."""
        self.blobs: dict[str, str] = {}
        """Stored texts by their SHA-256."""
        redactor = Redactor(key or new_key())
        self._encoder = Encoder(mask=mask or Mask(), levels=Levels(levels), redactor=redactor, clock=clock)
        self._index = DecisionIndex()
        self._prev = GENESIS

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines, parsed."""
        return [json.loads(line) for line in self.lines]

    async def append(self, record: Record) -> int:
        """Keep one record; returns its sequence number. Raises AlreadyDecided like a log does."""
        entry = self._encoder.encode(record)
        seq = len(self.lines) + 1
        if entry.decision_key is not None:
            if before := self._index.get(entry.decision_key):
                raise AlreadyDecided(entry.request_id or entry.decision_key, seq=before[0], outcome=before[1])
            self._index.add(entry.decision_key, seq, entry.outcome)
        line = chained(seq, self._prev, entry.body)
        self._prev = line_hash(line)
        self.lines.append(line)
        self.blobs.update((blob.sha256, blob.data.decode("utf-8", "surrogatepass")) for blob in entry.blobs)
        return seq
