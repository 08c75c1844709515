"""The log's records about itself: found by their type without parsing every line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcpbridge.audit.chain import parsed
from mcpbridge.audit.filters import word
from mcpbridge.audit.read import entries


def records_of(directory: Path, *types: str) -> Iterator[dict[str, Any]]:
    """Records of these types, oldest first. Raises AuditUnavailable when there is no log."""
    needles = [f'","type":"{name}"'.encode() for name in types]
    for entry in entries(directory):
        if any(needle in entry.line for needle in needles):
            record = parsed(entry.line)
            if record is not None and word(record, "type") in types:
                yield record
