"""A saved conversation on disk: one process at a time, replaced whole or not at all, for its owner only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from mcpbridge.core.conversation import Conversation
from mcpbridge.errors import McpbridgeError, StateRefused, UsageError


@dataclass(frozen=True, slots=True)
class StateFile:
    """`path` is as the caller named it. A symbolic link is followed, and stays one."""

    path: Path

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep every other process out. Raises UsageError where one is in already.

        The lock is a file beside this one and stays there: removing it would let two processes in.
        """
        target = self.path.resolve()
        if target.is_dir() or not target.parent.is_dir():
            problem = "is a folder" if target.is_dir() else "lies in a folder that does not exist"
            raise UsageError(f"the state file {self.path} {problem}")
        lock = FileLock(target.with_name(f"{target.name}.lock"), timeout=0, mode=0o600)
        try:
            lock.acquire()
        except Timeout:
            raise UsageError(
                f"the state file {self.path} is in use by another mcpbridge process; wait until it has ended"
            ) from None
        except OSError as error:
            raise UsageError(
                f"the state file {self.path} cannot be locked: {error.strerror or error}"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def read(self) -> str | None:
        """The text, or None where there is no such file. Raises StateRefused."""
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise StateRefused(f"the state file {self.path} cannot be read: {reason}") from None

    def load(self, loads: Callable[[str], Conversation]) -> Conversation | None:
        """What `loads` makes of the text. Raises StateRefused, which names the file."""
        text = self.read()
        try:
            return None if text is None else loads(text)
        except StateRefused as error:
            raise StateRefused(f"{self.path}: {error}") from error

    def write(self, text: str) -> None:
        """Replace the file; durable when this returns. Raises McpbridgeError, and the old file is whole."""
        try:
            replace_file(self.path.resolve(), text.encode())
        except OSError as error:
            raise McpbridgeError(
                f"the state cannot be saved in {self.path}: {error.strerror or error}"
            ) from error


def replace_file(target: Path, content: bytes) -> None:
    """Replace a file, whole or not at all; durable when this returns. Mode 0600. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:  # made with mode 0600
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:  # boundary: whatever went wrong, no half-written file stays
        with suppress(OSError):
            os.unlink(name)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable, where folders can be opened (not on Windows)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
