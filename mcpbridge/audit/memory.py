"""The audit log without a disk, for tests and benchmarks: same encoder, same chain, nothing durable."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mcpbridge.audit.blobs import KEY_SUFFIX, blob_of, bundled
from mcpbridge.audit.chain import GENESIS, chained, line_hash
from mcpbridge.audit.declared import DeclaredSecrets
from mcpbridge.audit.encode import Encoder
from mcpbridge.audit.keeping import Keeping
from mcpbridge.audit.keys import new_key
from mcpbridge.audit.masked import mask_of
from mcpbridge.audit.redact import Redactor
from mcpbridge.audit.uses import Uses
from mcpbridge.core.quota import Quota, QuotaFull
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
        allow_full: bool = False,
        secrets: Iterable[DeclaredSecrets] = (),
        recipients: Iterable[str] = (),
        clock: Clock | None = None,
        key: bytes | None = None,
    ) -> None:
        self.lines: list[bytes] = []
        """The lines as a log would hold them, without newlines."""
        self.blobs: dict[str, str] = {}
        """Stored texts by their SHA-256."""
        self.keys: dict[str, bytes] = {}
        """Keys of sealed records, by the SHA-256 of their bytes."""
        redactor = Redactor(key or new_key())
        self._keeping = Keeping.of(
            levels=levels, allow_full=allow_full, secrets=secrets, recipients=recipients
        )
        self._encoder = Encoder(mask=mask_of(mask), keeping=self._keeping, redactor=redactor, clock=clock)
        self._decided: dict[str, tuple[int, str]] = {}
        self._uses = Uses()
        self._prev = GENESIS

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines, parsed."""
        return [json.loads(line) for line in self.lines]

    def keeps_results(self, tool: str) -> bool:
        """Whether results of `label.tool` are kept whole."""
        return self._keeping.keeps_results(tool)

    async def against(self, quotas: Sequence[Quota]) -> QuotaFull | None:
        """What stands against one more use."""
        return self._uses.against(quotas)

    async def append(self, record: Record) -> int:
        """Keep one record; returns its sequence number. Raises AlreadyDecided and QuotaFull like a log."""
        entry = self._encoder.encode(record)
        seq = len(self.lines) + 1
        for key in entry.keys:
            if before := self._decided.get(key):
                raise AlreadyDecided(entry.named, seq=before[0], outcome=before[1])
        refusal = await self.against(entry.quotas)
        if refusal is not None:
            raise refusal
        self._decided.update(dict.fromkeys(entry.keys, (seq, entry.outcome)))
        if entry.freed:
            self._uses.free(entry.freed)
        self._uses.add([quota.key for quota in entry.quotas], entry.use, entry.at)
        line = chained(seq, self._prev, entry.body)
        self._prev = line_hash(line)
        self.lines.append(line)
        for blob in entry.blobs:
            if blob.suffix == KEY_SUFFIX:
                self.keys[blob.sha256] = blob.data
                continue
            self.blobs[blob.sha256] = blob.text
            if blob.bundle:
                self.blobs.update((blob_of(text).sha256, text) for text in bundled(blob.data))
        return seq
