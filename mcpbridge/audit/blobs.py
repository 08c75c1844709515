"""Texts kept once each by the SHA-256 of their bytes: a hash that nobody can look up explains nothing.

A bundle (`<hash>.list`) is a JSON list of texts in one file, for records with many: see screens.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from mcpbridge.audit.disk import Disk, make_directory, write_private

_REMEMBERED: Final = 10_000
"""Blobs known to be on disk; forgetting one costs a read."""
BUNDLE: Final = ".list"
_NAME: Final = re.compile(r"[0-9a-f]{64}(?:\.list)?")


class Blob(NamedTuple):
    """A text's bytes, and the name they go by."""

    sha256: str
    data: bytes
    bundle: bool = False
    """The bytes are a JSON list of texts."""

    @property
    def file(self) -> str:
        return self.sha256 + BUNDLE if self.bundle else self.sha256

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "surrogatepass")


def blob_of(text: str) -> Blob:
    """The blob of a text. The name is what `hashlib.sha256(text.encode())` gives the caller."""
    data = text.encode("utf-8", "surrogatepass")
    return Blob(hashlib.sha256(data).hexdigest(), data)


def bundle_of(blobs: Sequence[Blob]) -> Blob:
    """Many texts as one blob."""
    data = json.dumps([blob.text for blob in blobs], separators=(",", ":")).encode()
    return Blob(hashlib.sha256(data).hexdigest(), data, bundle=True)


def bundled(data: bytes) -> list[str]:
    """The texts of a bundle; none when it is not one."""
    try:
        texts: Any = json.loads(data)
    except (ValueError, RecursionError):
        return []
    return [text for text in texts if isinstance(text, str)] if isinstance(texts, list) else []  # pyright: ignore[reportUnknownVariableType]


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
        new = {blob.file: blob for blob in blobs if blob.file not in self._known}
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
    """The bytes of a blob's file, or None when there is no such blob. The caller checks the hash."""
    if _NAME.fullmatch(name) is None:
        return None
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        return None


def blob_text(directory: str | Path, name: str) -> str | None:
    """The text of a blob by its hash, alone or in a bundle (or the bundle's own); None when it is not there
    or is not what its name says."""
    folder = Path(directory) / "blobs"
    for file in (name, name + BUNDLE):
        data = read_blob(folder, file)
        if data is not None and hashlib.sha256(data).hexdigest() == name:
            return data.decode("utf-8", "surrogatepass")
    for path in sorted(folder.glob(f"*{BUNDLE}")):
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != path.stem:
            continue
        for text in bundled(data):
            if blob_of(text).sha256 == name:
                return text
    return None
