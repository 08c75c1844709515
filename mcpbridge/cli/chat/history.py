"""What was typed before, in a file that only its owner can read."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from prompt_toolkit.history import FileHistory


def history_file(environ: Mapping[str, str] = os.environ) -> Path:
    """In the user's state directory (https://specifications.freedesktop.org/basedir-spec/latest/)."""
    if sys.platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        given = environ.get("XDG_STATE_HOME", "")
        base = Path(given) if os.path.isabs(given) else Path.home() / ".local" / "state"
    return base / "mcpbridge" / "chat_history"


def make_private(file: Path) -> str | None:
    """Make the file (mode 0600) and its folder (0700) where they are missing. Returns what is wrong."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        try:
            if sys.platform != "win32":
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        return error.strerror or str(error)
    return None


class PrivateHistory(FileHistory):
    """A full disk must not end a chat."""

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)
