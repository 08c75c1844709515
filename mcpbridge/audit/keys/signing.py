"""The key that signs checkpoints, and the public halves of all that ever did."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from mcpbridge.audit.disk import Disk, write_private
from mcpbridge.audit.keys.places import KEYS, ORIGIN, SIGNING_KEY, VERIFIER_KEYS, missing_key, optional_bytes
from mcpbridge.audit.note import NoteError, SigningKey, VerifierKey
from mcpbridge.core.secret import Secret
from mcpbridge.errors import AuditUnavailable

_ORIGIN_BYTES: Final = 8
"""Random bytes in a log's name. It keeps logs apart and is no secret."""


def new_origin() -> str:
    """The name of a new log."""
    return f"mcpbridge/{secrets.token_hex(_ORIGIN_BYTES)}"


def new_signing_key(name: str) -> SigningKey:
    """A random key. Its name is the log's, as c2sp.org/tlog-checkpoint recommends."""
    return SigningKey(name=name, seed=secrets.token_bytes(32))


def signing_key_of(text: str, *, where: str) -> SigningKey:
    """Raises AuditUnavailable, which never repeats the key."""
    try:
        return SigningKey.parse(text)
    except NoteError as error:
        raise AuditUnavailable(
            f"{where} holds no signing key ({error}); `mcpbridge audit keys new` prints one"
        ) from None


def load_signing_key(directory: Path, disk: Disk, *, origin: str) -> SigningKey:
    """The key in the file, made on first use. Call it under the log's lock."""
    folder = directory / KEYS
    path = folder / SIGNING_KEY
    data = optional_bytes(path)
    if data is None:
        if (folder / ORIGIN).exists():  # the origin is written last: there was a key
            raise missing_key(path)
        key = new_signing_key(origin)
        write_private(path, f"{key.text()}\n".encode(), disk)
        disk.sync_directory(folder)
        return key
    return signing_key_of(data.decode("ascii", "replace"), where=str(path))


def source_key(source: Secret) -> SigningKey:
    """A signing key that is kept elsewhere."""
    return signing_key_of(source.reveal(), where="audit.keys.signing")


def verifier_keys(directory: Path) -> tuple[VerifierKey, ...]:
    """Public halves kept beside the log, oldest first. They say which key signed, not whom to trust: whoever
    can write the log can write them too. Raises AuditUnavailable for a line that is no key."""
    path = directory / KEYS / VERIFIER_KEYS
    lines = (optional_bytes(path) or b"").decode("utf-8", "replace").split("\n")
    try:
        return tuple(VerifierKey.parse(line) for line in lines if line.strip())
    except NoteError as error:
        raise AuditUnavailable(f"{path}: {error}") from None


def remember_verifier(directory: Path, key: VerifierKey, disk: Disk) -> None:
    """Keep the public half of a key that signs from now on. Call it under the log's lock."""
    known = verifier_keys(directory)
    if known and known[-1] == key:
        return
    kept = [*(old for old in known if old != key), key]
    write_private(directory / KEYS / VERIFIER_KEYS, "".join(f"{each}\n" for each in kept).encode(), disk)
