"""Making sealed records unreadable: their keys are destroyed, on record, and no line changes.

What stands readable in a line cannot be erased without breaking the chain: that is what the level `sealed` is
for. Where a disk keeps old blocks, or a backup holds `sealed/`, the keys there have to go as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from mcpbridge.audit.blobs import KEY_FOLDER
from mcpbridge.audit.chain import parsed
from mcpbridge.audit.disk import Disk, SystemDisk
from mcpbridge.audit.holds import refuse_if_held
from mcpbridge.audit.marked import records_of
from mcpbridge.audit.plain import encode_again, safe_line
from mcpbridge.audit.read import entries, seq_of
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.sealed import key_path, sealed_key
from mcpbridge.errors import AuditUnavailable
from mcpbridge.ports import AuditSink, Record

_KEYS: Final = 5_000
"""Names in one record: some 330 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which records are meant; all that is given must fit."""

    record: int | None = None
    """A `seq`."""
    request_id: str | None = None
    conversation_id: str | None = None
    principal: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """What was given."""
        pairs = {
            "seq": self.record,
            "request_id": self.request_id,
            "conversation_id": self.conversation_id,
            "principal": self.principal,
        }
        return {name: value for name, value in pairs.items() if value is not None}

    def chosen(self, directory: Path) -> Iterator[dict[str, Any]]:
        """The records meant, oldest first."""
        wanted = self.fields
        # The encoded pair must occur in the line; looking for it is much cheaper than parsing.
        needles = [
            safe_line(f"{encode_again(name)}:{encode_again(v)}").encode() for name, v in wanted.items()
        ]
        for entry in entries(directory):
            if all(needle in entry.line for needle in needles):
                record = parsed(entry.line) or {}
                if all(record.get(name) == value for name, value in wanted.items()):
                    yield record


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What can be erased of the records meant, or was."""

    keys: tuple[str, ...] = ()
    """Keys that are there, of sealed records."""
    gone: int = 0
    """Sealed records whose key is gone already."""
    readable: int = 0
    """Records that keep arguments or a result readable in their line: nothing can be erased of them."""
    others: int = 0
    """Records that hold nothing of the kind."""

    @property
    def found(self) -> int:
        return len(self.keys) + self.gone + self.readable + self.others


def erasable(directory: Path, selector: Selector) -> Erasure:
    """Look, and change nothing."""
    keys: dict[str, None] = {}
    gone = readable = others = 0
    for record in selector.chosen(directory):
        key = sealed_key(record)
        if key is None:
            kept = "arguments" in record or "result" in record
            readable, others = readable + kept, others + (not kept)
        elif key_path(directory, key).exists():
            keys[key] = None
        else:
            gone += 1
    return Erasure(keys=tuple(keys), gone=gone, readable=readable, others=others)


async def erase(
    log: AuditSink,
    directory: Path,
    selector: Selector,
    *,
    by: str,
    reason: str,
    disk: Disk | None = None,
) -> Erasure:
    """Destroy the keys of the sealed records meant: on record before and after. An interrupted one is
    finished by asking again. Raises UsageError under a hold, AuditUnavailable where a key stays."""
    refuse_if_held(directory, "nothing was erased")
    found = erasable(directory, selector)
    about = {"selector": selector.fields, "approver": by, "authenticated": False, "reason": reason}
    for start in range(0, len(found.keys), _KEYS):
        keys = found.keys[start : start + _KEYS]
        fields = about | {"keys": keys, "count": len(keys)}
        seq = await log.append(Record(type=RecordType.ERASED, phase="pre", fields=fields))
        refuse_if_held(directory, "nothing was erased", before=seq)  # one that came meanwhile
        _destroy(directory, keys, disk or SystemDisk())
        done = {"selector": selector.fields, "count": len(keys), "of": seq}
        await log.append(Record(type=RecordType.ERASED, phase="post", fields=done))
    return found


def erasures(directory: Path) -> dict[str, int]:
    """Keys of sealed records that were destroyed, and the number of the record that says so."""
    found: dict[str, int] = {}
    for record in records_of(directory, RecordType.ERASED):
        keys = record.get("keys")
        for key in cast("list[object]", keys) if isinstance(keys, list) else []:
            found.setdefault(str(key), seq_of(record))
    return found


def gone_key(directory: Path, record: dict[str, Any]) -> str | None:
    """Why nobody can open a sealed record any more; None where its key is there, or it is not sealed."""
    key = sealed_key(record)
    if key is None or key_path(directory, key).exists():
        return None
    seq = erasures(directory).get(key)
    return (
        f"its key was erased (record {seq})"
        if seq
        else "its key is gone, and no record says that it was erased"
    )


def _destroy(directory: Path, keys: Sequence[str], disk: Disk) -> None:
    try:
        for key in keys:
            key_path(directory, key).unlink(missing_ok=True)
        disk.sync_directory(directory / KEY_FOLDER)
    except OSError as error:
        raise AuditUnavailable(
            f"a key in {directory / KEY_FOLDER} cannot be destroyed: {error.strerror or error}; the log says "
            "that it was to be: make it possible, and erase again"
        ) from error
