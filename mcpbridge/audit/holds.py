"""Legal holds: while one stands, nothing of the log is erased or removed. The log itself says which stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

from mcpbridge.audit.marked import records_of
from mcpbridge.audit.records import RecordType
from mcpbridge.errors import UsageError
from mcpbridge.ports import AuditSink, Record

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class Hold(NamedTuple):
    """One that stands."""

    name: str
    seq: int
    since: str
    """RFC 3339, UTC."""
    by: str
    reason: str

    def __str__(self) -> str:
        about = f": {self.reason}" if self.reason else ""
        return f"{self.name}, since {self.since[:19]}Z by {self.by or 'somebody unnamed'}{about}"


def holds(directory: Path) -> tuple[Hold, ...]:
    """Those that stand, oldest first. Reads the whole log."""
    found: dict[str, Hold] = {}
    for record in records_of(directory, RecordType.HOLD_ADDED, RecordType.HOLD_RELEASED):
        name = str(record.get("hold", ""))
        if record["type"] == RecordType.HOLD_RELEASED:
            found.pop(name, None)
        else:
            by, reason = str(record.get("approver", "")), str(record.get("reason", ""))
            found[name] = Hold(name, int(record["seq"]), str(record.get("ts", "")), by, reason)
    return tuple(found.values())


async def add_hold(log: AuditSink, directory: Path, name: str, *, by: str, reason: str) -> None:
    """On record from now on. Raises UsageError where it stands already."""
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"{name!r} cannot name a hold; write letters, digits and . _ - such as case-2026-7")
    if any(hold.name == name for hold in holds(directory)):
        raise UsageError(f"the hold {name} stands already; see `mcpbridge audit hold list`")
    await log.append(_record(RecordType.HOLD_ADDED, name, by=by, reason=reason))


async def release_hold(log: AuditSink, directory: Path, name: str, *, by: str, reason: str) -> None:
    """On record from now on. Raises UsageError where it does not stand."""
    if not any(hold.name == name for hold in holds(directory)):
        raise UsageError(f"no hold {name!r} stands; see `mcpbridge audit hold list`")
    await log.append(_record(RecordType.HOLD_RELEASED, name, by=by, reason=reason))


def refuse_if_held(directory: Path, what: str, *, before: int | None = None) -> None:
    """Raises UsageError where a hold stands (one of before record `before`, where that is given)."""
    found = [hold for hold in holds(directory) if before is None or hold.seq < before]
    if found:
        raise UsageError(
            f"{what}: the log is under legal hold ({found[0]}); it ends with `mcpbridge audit hold release "
            f"{found[0].name}`"
        )


def _record(type_: RecordType, name: str, *, by: str, reason: str) -> Record:
    fields = {"hold": name, "approver": by, "authenticated": False, "reason": reason}
    return Record(type=type_, phase="pre", fields=fields)
