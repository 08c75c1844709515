"""Names of the files in a log's `keys/` folder, and reading them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mcpbridge.audit.segments import segments
from mcpbridge.errors import AuditUnavailable

KEYS: Final = "keys"
HMAC_KEY: Final = "hmac.key"
SIGNING_KEY: Final = "signing.key"
ORIGIN: Final = "origin"
VERIFIER_KEYS: Final = "verifier.keys"
RETIRED: Final = "retired"
NEXT: Final = ".next"
"""Behind the name of a key that a rotation has made and not yet put in place."""


def optional_bytes(path: Path) -> bytes | None:
    """What is in the file; None when there is none. Raises OSError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def missing_of(directory: Path) -> str:
    """What a verifier misses of a log's keys; "" when the public halves are there, or nobody may look."""
    try:
        if (directory / KEYS / VERIFIER_KEYS).exists():
            return ""
        return f"{KEYS}/{VERIFIER_KEYS}" if (directory / KEYS).exists() else f"{KEYS}/"
    except PermissionError:  # said where the keys are read
        return ""


def has_lines(directory: Path) -> bool:
    """Whether something was written to the log already: then its keys must be there too."""
    return any(path.stat().st_size for path in segments(directory) if path.exists())


def missing_key(path: Path) -> AuditUnavailable:
    """The log has lines, and a key that they were written under is gone."""
    return AuditUnavailable(
        f"{path} is missing, and the log beside it was written with it; put it back from a backup, or go on "
        f"with a new key, which the log records: `mcpbridge audit keys rotate --lost {path.parent.parent}`"
    )
