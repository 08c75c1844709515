"""All keys that a writer of one log needs, loaded or made at its opening."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mcpbridge.audit.disk import Disk, make_directory, write_private
from mcpbridge.audit.keys.hiding import load_hiding_key
from mcpbridge.audit.keys.places import KEYS, ORIGIN, SIGNING_KEY, missing_key, optional_bytes
from mcpbridge.audit.keys.signing import (
    load_signing_key,
    new_origin,
    remember_verifier,
    signing_key_of,
    source_key,
    verifier_keys,
)
from mcpbridge.audit.note import NoteError, SigningKey, VerifierKey, check_name
from mcpbridge.core.secret import Secret
from mcpbridge.errors import AuditUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySources:
    """Keys that are kept elsewhere than in `keys/`; None: in the file there."""

    signing: Secret | None = None
    """`PRIVATE+KEY+…`, as `mcpbridge audit keys new` prints it."""
    hmac: Secret | None = None
    """64 hex digits, or base64 of 32 bytes."""


class LogKeys:
    """The keys in use. Nothing changes but `signer`, which follows a rotation by another process."""

    __slots__ = ("_path", "_seen", "_signing", "hmac_key", "origin")

    def __init__(self, *, origin: str, hmac_key: bytes, signing: SigningKey, path: Path | None) -> None:
        self.origin = origin
        """The log's name: first line of its checkpoints."""
        self.hmac_key = hmac_key
        self._signing, self._path = signing, path
        self._seen = _identity(path) if path else (0, 0)

    def signer(self) -> SigningKey:
        """The key to sign the next checkpoint with. Call it under the log's lock. Raises AuditUnavailable
        when its file is gone or no key any more, OSError when it cannot be read."""
        if self._path is None:
            return self._signing
        seen = _identity(self._path)
        if seen != self._seen:
            data = optional_bytes(self._path)
            if data is None:
                raise missing_key(self._path)
            self._signing = signing_key_of(data.decode("ascii", "replace"), where=str(self._path))
            self._seen = seen
        return self._signing


def open_keys(directory: Path, disk: Disk, sources: KeySources | None = None) -> LogKeys:
    """The keys of the log in `directory`, made on first use. Call it under the log's lock.

    Raises AuditUnavailable when a key is missing that the log was written with, or is none; OSError.
    """
    given = sources or KeySources()
    folder = directory / KEYS
    make_directory(folder, disk)
    hmac_key = load_hiding_key(directory, disk, source=given.hmac)
    origin = _origin(folder / ORIGIN)
    if given.signing is not None:
        signing, path = source_key(given.signing), None
    else:
        signing, path = load_signing_key(directory, disk, origin=origin or new_origin()), folder / SIGNING_KEY
    if not origin:
        origin = new_origin() if path is None else signing.name
        remember_verifier(directory, signing.verifier, disk)
        write_private(folder / ORIGIN, f"{origin}\n".encode(), disk)
        disk.sync_directory(folder)
    _check_known(directory, signing.verifier, path)
    return LogKeys(origin=origin, hmac_key=hmac_key, signing=signing, path=path)


def _check_known(directory: Path, key: VerifierKey, path: Path | None) -> None:
    """A new key that the old one did not vouch for would look like a forger's."""
    known = verifier_keys(directory)
    if known and key not in known:
        raise AuditUnavailable(
            f"{path or 'audit.keys.signing'} is another key than the log in {directory} was signed with; put "
            f"the old one back ({known[-1].name}, {known[-1].key_id}), and change keys with `mcpbridge audit "
            "keys rotate`"
        )


def load_key(directory: Path, disk: Disk) -> bytes:
    """The HMAC key of the log in `directory`, made on first use. Call it under the log's lock."""
    make_directory(directory / KEYS, disk)
    return load_hiding_key(directory, disk)


def _origin(path: Path) -> str:
    data = optional_bytes(path)
    if data is None:
        return ""
    try:
        return check_name(data.decode("ascii", "replace").strip())
    except NoteError:
        raise AuditUnavailable(
            f"{path} does not hold the log's name; write into it the first line of any of its checkpoints"
        ) from None


def _identity(path: Path) -> tuple[int, int]:
    """Changes when the file is replaced; (0, 0) when there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns
