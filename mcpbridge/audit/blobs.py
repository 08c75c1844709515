"""Texts kept once each by the SHA-256 of their bytes: a hash that nobody can look up explains nothing.

A bundle (`<hash>.list`) is a JSON list of texts in one file, for records with many: see screens.py. The keys
of sealed records (`sealed/<hash>.age`, see sealed.py) are stored the same way, in a folder of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from mcpbridge.audit.disk import Disk, make_directory, open_regular, write_private

_REMEMBERED: Final = 10_000
"""Blobs known to be on disk; forgetting one costs a read."""
BUNDLE: Final = ".list"
FOLDER: Final = "blobs"
KEY_FOLDER: Final = "sealed"
KEY_SUFFIX: Final = ".age"
_NAME: Final = re.compile(r"[0-9a-f]{64}(?:\.list|\.age)?")


class Blob(NamedTuple):
    """A text's bytes, and the name they go by."""

    sha256: str
    data: bytes
    suffix: str = ""
    """`.list`: the bytes are a JSON list of texts. `.age`: they are the key of a sealed record."""

    @property
    def bundle(self) -> bool:
        return self.suffix == BUNDLE

    @property
    def file(self) -> str:
        """Below the log's directory."""
        return f"{KEY_FOLDER if self.suffix == KEY_SUFFIX else FOLDER}/{self.sha256}{self.suffix}"

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
    return Blob(hashlib.sha256(data).hexdigest(), data, BUNDLE)


def bundled(data: bytes) -> list[str]:
    """The texts of a bundle; none when it is not one."""
    try:
        texts: Any = json.loads(data)
    except (ValueError, RecursionError):
        return []
    return [text for text in texts if isinstance(text, str)] if isinstance(texts, list) else []  # pyright: ignore[reportUnknownVariableType]


class BlobStore:
    """The `blobs/` directory of one log, and its `sealed/`."""

    __slots__ = ("_directory", "_disk", "_known")

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._directory = directory
        self._disk = disk
        self._known: set[str] = set()
        make_directory(directory / FOLDER, disk)

    def store(self, blobs: Iterable[Blob]) -> None:
        """Returns once all of them are durable under their names. Raises OSError."""
        self._store({blob.file: blob for blob in blobs if blob.file not in self._known})

    def ensure(self, blobs: Iterable[Blob]) -> None:
        """The same under the log's lock, for blobs that were stored before it: retention, which holds that
        lock, may have removed one meanwhile. Raises OSError."""
        gone = {blob.file: blob for blob in blobs if not (self._directory / blob.file).exists()}
        if gone:
            self._store(gone)

    def _store(self, new: Mapping[str, Blob]) -> None:
        folders = {(self._directory / name).parent for name in new}
        for folder in folders:
            make_directory(folder, self._disk)
        for name, blob in new.items():
            path = self._directory / name
            if read_blob(path.parent, path.name) != blob.data:
                write_private(path, blob.data, self._disk)
        # Also for blobs that were there: another process may have made the name a moment ago.
        for folder in folders:
            self._disk.sync_directory(folder)
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known.update(new)


def read_blob(folder: Path, name: str) -> bytes | None:
    """The bytes of a blob's file, or None when there is no such blob. The caller checks the hash."""
    if _NAME.fullmatch(name) is None:
        return None
    try:
        with os.fdopen(open_regular(folder / name), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def blob_hash(folder: Path, name: str) -> str | None:
    """The SHA-256 of a blob's file, hex, in little memory; None when there is no such blob, "" when there is
    something that cannot be read."""
    if _NAME.fullmatch(name) is None:
        return None
    try:
        with os.fdopen(open_regular(folder / name), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError:
        return ""


def blob_text(directory: str | Path, name: str) -> str | None:
    """The text of a blob by its hash, alone or in a bundle (or the bundle's own); None when it is not there
    or is not what its name says."""
    folder = Path(directory) / FOLDER
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
