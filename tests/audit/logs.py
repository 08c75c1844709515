"""Records, logs and disks that these tests share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mcpbridge.audit import AuditLog, Disk, MemoryAudit, SystemDisk, read
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Record

MASK = Mask()


def decision(request_id: str = "mcpr_1", **fields: Any) -> Record:
    """A typical decision; `fields` replace or add."""
    usual: dict[str, Any] = {
        "run_id": "run_1",
        "conversation_id": "conv_1",
        "request_id": request_id,
        "server_label": "docs",
        "tool": "search",
        "arguments": {"query": "rotate a certificate"},
        "outcome": "policy_allow",
        "rule_ids": ["reads"],
        "principal": "ci-bot",
    }
    return Record(type="decision", phase="pre", fields={**usual, **fields})


def note(text: str = "") -> Record:
    return Record(type="run_started", fields={"note": text})


def keyed(request_id: str, outcome: str = "human_allow") -> Record:
    return replace(decision(request_id, outcome=outcome), decision_key=request_id)


def written(
    directory: Path,
    records: Sequence[Record],
    *,
    mask: Mask = MASK,
    levels: Mapping[str, str] | None = None,
    disk: Disk | None = None,
    **more: Any,
) -> list[int]:
    """Append all of `records` one after the other to the log in `directory`; their sequence numbers.
    `more` is what `AuditLog.open` takes besides."""

    async def scenario() -> list[int]:
        async with AuditLog.open(directory, mask=mask, levels=levels, disk=disk, **more) as log:
            return [await log.append(record) for record in records]

    return asyncio.run(scenario())


def encoded(
    record: Record, *, mask: Mask = MASK, levels: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], bytes]:
    """The record as the log reads it back, and its line."""
    audit = MemoryAudit(mask=mask, levels=levels)
    asyncio.run(audit.append(record))
    return audit.records[0], audit.lines[0]


def lines_of(directory: Path) -> list[bytes]:
    """Every line of the active segment but checkpoints, which a log also writes when it is closed."""
    return [line for line in all_lines(directory) if b'Z","type":"checkpoint",' not in line[:140]]


def records_of(directory: Path) -> list[dict[str, Any]]:
    """Every record but checkpoints."""
    return [record for record in read(directory) if record["type"] != "checkpoint"]


def all_lines(directory: Path) -> list[bytes]:
    return (directory / "audit.jsonl").read_bytes().split(b"\n")[:-1]


@dataclass
class FixedClock:
    """A minute after noon, always."""

    moment: datetime = datetime(2025, 11, 21, 12, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_1"


@dataclass
class FaultyDisk(SystemDisk):
    """A disk that fails where it is told to, and remembers what it was asked to do."""

    write_error: OSError | None = None
    sync_error: OSError | None = None
    truncate_error: OSError | None = None
    takes: int | None = None
    """How many bytes of a write it takes; all when None."""
    calls: list[str] = field(default_factory=list[str])

    def write(self, fd: int, data: bytes, /) -> int:
        self.calls.append("write")
        if self.write_error:
            raise self.write_error
        return super().write(fd, data if self.takes is None else data[: self.takes])

    def sync(self, fd: int, /) -> None:
        self.calls.append("sync")
        if self.sync_error:
            raise self.sync_error
        super().sync(fd)

    def truncate(self, fd: int, size: int, /) -> None:
        self.calls.append("truncate")
        if self.truncate_error:
            raise self.truncate_error
        super().truncate(fd, size)

    def sync_directory(self, path: Path, /) -> None:
        self.calls.append(f"sync {path.name}")
        super().sync_directory(path)


class HangingDisk(SystemDisk):
    """A disk whose syncs return only while `running` is set."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.running.set()
        self.reached = threading.Event()

    def sync(self, fd: int, /) -> None:
        self.reached.set()
        assert self.running.wait(30)
        super().sync(fd)
