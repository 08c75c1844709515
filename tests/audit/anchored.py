"""Logs whose checkpoints are taken to anchors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from mcpbridge.audit import AuditLog
from mcpbridge.audit.anchors import Anchor
from mcpbridge.ports import Record

from .logs import MASK


def anchored(directory: Path, records: Sequence[Record], anchors: Sequence[Anchor]) -> None:
    """Append `records`; the log is closed, and its last checkpoint with every anchor, when this returns."""

    async def scenario() -> None:
        async with AuditLog.open(directory, mask=MASK, anchors=anchors) as log:
            for record in records:
                await log.append(record)

    asyncio.run(scenario())
