"""Logs with rotation that the tests about reviewing share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcpbridge.audit import AuditLog
from mcpbridge.audit.seal import Rhythm
from mcpbridge.ports import Record

from .logs import MASK, decision


def append(directory: Path, records: Sequence[Record], *, segment_bytes: int = 1 << 30) -> None:
    """Write records one after the other; a segment is closed when it has so many bytes."""

    async def work() -> None:
        rhythm = Rhythm(segment_bytes=segment_bytes)
        async with AuditLog.open(directory, mask=MASK, rhythm=rhythm) as log:
            for record in records:
                await log.append(record)

    asyncio.run(work())


def intent(request_id: str = "mcpr_1", **fields: Any) -> Record:
    about = _about(request_id)
    return Record(type="intent", phase="pre", fields={**about, "attempt": 0, "outcome": "run", **fields})


def outcome(request_id: str = "mcpr_1", **fields: Any) -> Record:
    usual = {"status": "completed", "evidence": "executed_here", "result_size": 3, "result_sha256": "ab"}
    return Record(type="outcome", phase="post", fields={**_about(request_id), **usual, **fields})


def asked(request_id: str = "mcpr_1", **fields: Any) -> Record:
    return Record(type="question_asked", phase="pre", fields={**_about(request_id), **fields})


def ended(status: str, conversation: str = "conv_1") -> Record:
    fields = {"run_id": "run_1", "conversation_id": conversation, "status": status}
    return Record(type="run_finished", fields=fields)


def call(request_id: str, **fields: Any) -> Iterator[Record]:
    """A call from its decision to its outcome."""
    yield decision(request_id, **fields)
    yield intent(request_id)
    yield outcome(request_id)


def with_blob(record: Record, text: str) -> Record:
    return replace(record, blobs=(text,))


def _about(request_id: str) -> dict[str, Any]:
    return {
        "run_id": "run_1",
        "conversation_id": "conv_1",
        "request_id": request_id,
        "server_label": "docs",
        "tool": "search",
    }
