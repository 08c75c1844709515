"""The log's HMAC key: whoever holds only the log cannot guess a hidden value and check the guess."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Final

from mcpbridge.audit.disk import Disk, make_directory, write_private
from mcpbridge.errors import AuditUnavailable

KEY_BYTES: Final = 32
"""As long as the output of SHA-256 (RFC 2104 §3)."""


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def key_id(key: bytes) -> str:
    """The first 8 hex digits of the key's SHA-256: enough to tell keys apart, no help in guessing one."""
    return hashlib.sha256(key).hexdigest()[:8]


def load_key(directory: Path, disk: Disk) -> bytes:
    """The key of the log in `directory`, made on first use. Call it under the log's lock."""
    folder = directory / "keys"
    path = folder / "hmac.key"
    make_directory(folder, disk)
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = new_key()
        write_private(path, key, disk)
        disk.sync_directory(folder)
    if len(key) != KEY_BYTES:
        raise AuditUnavailable(
            f"{path} is not a key of {KEY_BYTES} bytes; restore it, or remove it to go on with a new key "
            "(values hidden so far can then no longer be compared with later ones)"
        )
    return key
