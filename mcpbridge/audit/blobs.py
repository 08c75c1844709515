"""Texts kept once each by the SHA-256 of their bytes: a hash that nobody can look up explains nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from mcpbridge.audit.disk import Disk, make_directory, write_private

_REMEMBERED: Final = 10_000
"""Blobs known to be on disk; forgetting one costs a read."""
_HASH: Final = re.compile("[0-9a-f]{64}")


class Blob(NamedTuple):
    """A text's bytes, and the name they go by."""

    sha256: str
    data: bytes


def blob_of(text: str) -> Blob:
    """The blob of a text. The name is what `hashlib.sha256(text.encode())` gives the caller."""
    data = text.encode("utf-8", "surrogatepass")
    return Blob(hashlib.sha256(data).hexdigest(), data)


class BlobStore:
    """The `blobs/` directory of one log."""

    __slots__ = ("_disk", "_folder", "_known")

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._folder = directory / "blobs"
        self._disk = disk
        self._known: set[str] = set()
        make_directory(self._folder, disk)

    def store(self, blobs: Iterable[Blob]) -> None:
        """Returns once all of them are durable under their names. Raises OSError."""
        new = {blob.sha256: blob for blob in blobs if blob.sha256 not in self._known}
        for name, blob in new.items():
            if read_blob(self._folder, name) != blob.data:
                write_private(self._folder / name, blob.data, self._disk)
        if not new:
            return
        # Also for blobs that were there: another process may have made the name a moment ago.
        self._disk.sync_directory(self._folder)
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known.update(new)


def read_blob(folder: Path, name: str) -> bytes | None:
    """The bytes under a name, or None when there is no such blob. The caller checks the hash."""
    if _HASH.fullmatch(name) is None:
        return None
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        return None


def blob_text(directory: str | Path, name: str) -> str | None:
    """The text of a blob by its hash; None when it is not there or is not what its name says."""
    data = read_blob(Path(directory) / "blobs", name)
    if data is None or hashlib.sha256(data).hexdigest() != name:
        return None
    return data.decode("utf-8", "surrogatepass")
