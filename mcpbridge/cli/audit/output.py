"""Files that these commands write: whole or not at all, and for their owner only, since a log is in them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mcpbridge.errors import UsageError


@contextmanager
def written(path: Path) -> Generator[BinaryIO]:
    """A file to write to that takes the place of `path` at the end, mode 0600. On an error `path` stays as it
    was. A device or a pipe is written to as it is. Raises UsageError where it cannot be written."""
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    try:
        fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}; name another file") from error
    try:
        with os.fdopen(fd, "wb") as file:
            yield file
        os.replace(name, path)
    except OSError as error:
        _remove(name)
        raise UsageError(f"{path} cannot be written: {error.strerror or error}; name another file") from error
    except BaseException:  # boundary: whatever stopped it, no half file is left
        _remove(name)
        raise


def folder_for(path: Path) -> None:
    """Make a folder that was named with a slash at its end. Raises UsageError where it cannot be made."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be made: {error.strerror or error}; name another folder") from error


def _remove(name: str) -> None:
    with suppress(OSError):
        os.unlink(name)
