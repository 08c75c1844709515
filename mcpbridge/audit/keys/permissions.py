"""Key files that others can read are said: their secrecy is all that they are good for."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from mcpbridge.audit.keys.places import HMAC_KEY, KEYS, NEXT, RETIRED, SIGNING_KEY


def key_warnings(directory: Path) -> list[str]:
    """One sentence for each private key of the log in `directory` that other accounts can read or replace."""
    if sys.platform == "win32":  # pragma: no cover - Windows has no such bits
        return []
    return [warning for path in _private(directory / KEYS) if (warning := _warning(path))]


def _private(folder: Path) -> Iterator[Path]:
    yield folder
    for name in (HMAC_KEY, SIGNING_KEY):
        yield from (folder / name, folder / (name + NEXT))
    yield from sorted(folder.glob(f"{RETIRED}/*"))


def _warning(path: Path) -> str:
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return ""
    if path.is_dir():
        others, right, does = mode & 0o022, "700", "replace the keys in it"
    else:
        others, right, does = mode & 0o077, "600", "read or replace this key"
    return (
        f"{path} has mode {mode:03o}: other accounts can {does}; run `chmod {right} {path}`" if others else ""
    )
