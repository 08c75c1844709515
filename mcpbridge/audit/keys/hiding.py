"""HMAC keys: what stands for a hidden value in the log, and how the same value is found again."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from pathlib import Path
from typing import Final

from mcpbridge.audit.disk import Disk, write_private
from mcpbridge.audit.keys.places import HMAC_KEY, KEYS, RETIRED, has_lines, missing_key, optional_bytes
from mcpbridge.core.secret import Secret
from mcpbridge.errors import AuditUnavailable

KEY_BYTES: Final = 32
"""As long as the output of SHA-256 (RFC 2104 §3)."""
_RETIRED: Final = re.compile(r"hmac-[0-9a-f]{8}\.key")


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def key_id(key: bytes) -> str:
    """The first 8 hex digits of the key's SHA-256: enough to tell keys apart, no help in guessing one."""
    return hashlib.sha256(key).hexdigest()[:8]


def load_hiding_key(directory: Path, disk: Disk, *, source: Secret | None = None) -> bytes:
    """The log's HMAC key, made on first use unless it is kept elsewhere. Call it under the log's lock."""
    if source is not None:
        return hiding_key_of(source)
    folder = directory / KEYS
    path = folder / HMAC_KEY
    key = optional_bytes(path)
    if key is None:
        if has_lines(directory):
            raise missing_key(path)
        key = new_key()
        write_private(path, key, disk)
        disk.sync_directory(folder)
    if len(key) != KEY_BYTES:
        raise AuditUnavailable(
            f"{path} is not a key of {KEY_BYTES} bytes; restore it, or go on with a new key (values hidden "
            "so far cannot be compared with later ones then): `mcpbridge audit keys rotate --lost "
            f"{directory}`"
        )
    return key


def hiding_key_of(source: Secret) -> bytes:
    """A key kept as text: 64 hex digits, or base64. Raises AuditUnavailable, which never repeats it."""
    text = source.reveal().strip()
    try:
        key = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise AuditUnavailable(
            f"audit.keys.hmac is no key; write {2 * KEY_BYTES} hex digits, or base64 of {KEY_BYTES} bytes"
        )
    return key


def hiding_keys(directory: Path, *, source: Secret | None = None) -> dict[str, bytes]:
    """Every HMAC key that values of the log may be hidden with, by its id; the current one first.

    Keys that are gone are simply not there. Raises OSError, AuditUnavailable for a `source` that is no key.
    """
    folder = directory / KEYS
    current = hiding_key_of(source) if source is not None else optional_bytes(folder / HMAC_KEY)
    retired = sorted(path for path in folder.glob(f"{RETIRED}/*") if _RETIRED.fullmatch(path.name))
    found = [current, *(path.read_bytes() for path in retired)]
    return {key_id(key): key for key in found if key is not None and len(key) == KEY_BYTES}


def retired_name(key: bytes) -> str:
    return f"hmac-{key_id(key)}.key"
