"""Where a conversation is kept: nowhere, or in one file that no other process uses."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from mcpbridge.bridge.bridge import Bridge
from mcpbridge.cli.state_file import StateFile
from mcpbridge.core.conversation import Conversation
from mcpbridge.errors import StateRefused, UsageError


class Keeper:
    """Holds the file's lock until `close`."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._locks = ExitStack()
        self._file: StateFile | None = None

    @property
    def path(self) -> Path | None:
        """Where it is kept."""
        return None if self._file is None else self._file.path

    def resume(self, path: Path) -> Conversation:
        """Take over a saved conversation. Raises StateRefused, UsageError."""
        if not path.exists():  # before a lock of nothing is made beside it
            raise StateRefused(f"there is no saved conversation in {path}")
        file = self._lock(path)
        conversation = file.load(self._bridge.loads)
        if conversation is None:
            raise StateRefused(f"there is no saved conversation in {path}")
        self._file = file
        return conversation

    def begin(self, path: Path) -> None:
        """Keep the conversation there from now on. Raises UsageError where something is there already."""
        if self._file is not None and self._file.path.resolve() == path.resolve():
            return
        if path.exists():
            raise UsageError(f"{path} exists already; mcpbridge chat --resume {path} goes on with it")
        self._file = self._lock(path)

    def save(self, conversation: Conversation) -> None:
        """Write it, where it is kept. Raises McpbridgeError."""
        if self._file is not None:
            self._file.write(self._bridge.dumps(conversation))

    async def checkpoint(self, conversation: Conversation) -> None:
        """`save`, for a turn. On purpose not in a thread: two saves must not overtake each other."""
        self.save(conversation)

    def close(self) -> None:
        """Let other processes have the file."""
        self._locks.close()

    def _lock(self, path: Path) -> StateFile:
        file = StateFile(path)
        self._locks.enter_context(file.locked())
        return file
