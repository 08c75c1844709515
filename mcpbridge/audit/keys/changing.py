"""Replacing a log's keys while it is written.

First the record, durable in the log; then the key in its place. A crash between the two leaves the old key in
use, which the log allows until the new one has signed something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mcpbridge.audit.disk import SystemDisk, make_directory, write_private
from mcpbridge.audit.keys.hiding import key_id, retired_name
from mcpbridge.audit.keys.places import HMAC_KEY, KEYS, ORIGIN, RETIRED, SIGNING_KEY, optional_bytes
from mcpbridge.audit.keys.rotation import vouch
from mcpbridge.audit.keys.signing import remember_verifier, verifier_keys
from mcpbridge.audit.note import NoteError, SigningKey
from mcpbridge.audit.records import RecordType
from mcpbridge.ports import Record


class Appends(Protocol):
    """What is needed of an open log."""

    async def append(self, record: Record, /) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who replaces a key, and why; both are claims that go into the record."""

    by: str
    reason: str = ""

    def fields(self, kind: str, **more: Any) -> Mapping[str, Any]:
        about = {"kind": kind, "approver": self.by, "authenticated": False}
        return {**about, **more, **({"reason": self.reason} if self.reason else {})}


def kept_signing_key(directory: Path) -> SigningKey | None:
    """The key in the log's `keys/`; None when there is none, or what is there is no key. Raises OSError."""
    data = optional_bytes(directory / KEYS / SIGNING_KEY)
    try:
        return SigningKey.parse(data.decode("ascii", "replace")) if data is not None else None
    except NoteError:
        return None


def announce(directory: Path, new: SigningKey, origin: str) -> None:
    """Keep the public half of a key that is about to be vouched for, and the log's name where that is lost.
    Raises OSError."""
    disk = SystemDisk()
    make_directory(directory / KEYS, disk)
    known = verifier_keys(directory)
    remember_verifier(directory, new.verifier, disk)
    if known:  # the key in use stays the last until the new one is in its place
        remember_verifier(directory, known[-1], disk)
    if not (directory / KEYS / ORIGIN).exists():
        write_private(directory / KEYS / ORIGIN, f"{origin}\n".encode(), disk)
    disk.sync_directory(directory / KEYS)


async def change_signing_key(
    log: Appends, directory: Path, change: Change, *, origin: str, old: SigningKey | None, new: SigningKey,
    in_file: bool = True,
) -> int:  # fmt: skip
    """Write the record and put `new` in place; the record's number. `old` is None when that key is lost.

    `in_file`: the key is kept in `keys/`. Raises AuditUnavailable, OSError.
    """
    announce(directory, new, origin)
    fields = change.fields(
        "signing",
        old=old.verifier.key_id if old else "",
        new=new.verifier.key_id,
        voucher=vouch(origin, old, new),
    )
    seq = await log.append(Record(type=RecordType.KEY_ROTATED, fields=fields))
    disk = SystemDisk()
    if in_file:
        write_private(directory / KEYS / SIGNING_KEY, f"{new.text()}\n".encode(), disk)
    remember_verifier(directory, new.verifier, disk)
    disk.sync_directory(directory / KEYS)
    return seq


async def change_hiding_key(
    log: Appends, directory: Path, change: Change, *, old: bytes | None, new: bytes, in_file: bool = True
) -> int:
    """The same for the HMAC key. The old one is kept in `keys/retired/`, for `mcpbridge audit hash`."""
    disk = SystemDisk()
    folder = directory / KEYS
    if old is not None:
        make_directory(folder / RETIRED, disk)
        write_private(folder / RETIRED / retired_name(old), old, disk)
        disk.sync_directory(folder / RETIRED)
    fields = change.fields("hmac", old=key_id(old) if old is not None else "", new=key_id(new))
    seq = await log.append(Record(type=RecordType.KEY_ROTATED, fields=fields))
    if in_file:
        write_private(folder / HMAC_KEY, new, disk)
        disk.sync_directory(folder)
    return seq
