"""What this account saw of each log the last time: a log that was cut or rewritten since then shows.

One small file for each log, by its origin, and one for each place, which remembers what log stood there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mcpbridge.audit.disk import SystemDisk, make_directory, write_private
from mcpbridge.audit.note import NoteError, VerifierKey
from mcpbridge.audit.verifying.claims import Claim

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a log, as it was seen."""

    origin: str
    lines: int
    root: bytes
    seen_at: datetime
    key: VerifierKey | None = None
    """That signed its last checkpoint."""


class Heads:
    """The folder with them; nobody but the account that verifies has to be able to write it."""

    def __init__(self, folder: Path | None = None) -> None:
        """Default: `mcpbridge/heads` where the account keeps state (XDG_STATE_HOME)."""
        self.folder = folder or _state_home() / "mcpbridge" / "heads"

    def of(self, origin: str) -> Head | None:
        """What was seen of the log with this name. A file that is none of ours counts as nothing."""
        kept = _read(self._path("log", origin))
        try:
            if kept["format"] != _FORMAT or kept["origin"] != origin:
                return None
            return Head(
                origin=origin,
                lines=int(kept["lines"]),
                root=bytes.fromhex(kept["root"]),
                seen_at=datetime.fromisoformat(kept["seen_at"]).astimezone(UTC),
                key=VerifierKey.parse(str(kept["key"])) if kept["key"] else None,
            )
        except (KeyError, TypeError, ValueError, OverflowError, NoteError):
            return None

    def at(self, directory: Path) -> str:
        """The origin of the log that was seen in this place; "" when none was."""
        return str(_read(self._path("place", _place(directory))).get("origin", ""))

    def remember(self, head: Head, directory: Path) -> None:
        """Raises OSError."""
        disk = SystemDisk()
        make_directory(self.folder, disk)
        place = {"format": _FORMAT, "place": _place(directory), "origin": head.origin}
        kept = {
            "format": _FORMAT,
            "origin": head.origin,
            "lines": head.lines,
            "root": head.root.hex(),
            "seen_at": head.seen_at.isoformat(),
            "key": str(head.key or ""),
        }
        write_private(self._path("log", head.origin), f"{json.dumps(kept)}\n".encode(), disk)
        write_private(self._path("place", _place(directory)), f"{json.dumps(place)}\n".encode(), disk)

    def forget(self, directory: Path, origin: str) -> None:
        """Take what stands there now as seen for the first time. Raises OSError."""
        for known in {origin, self.at(directory)} - {""}:
            self._path("log", known).unlink(missing_ok=True)
        self._path("place", _place(directory)).unlink(missing_ok=True)

    def _path(self, kind: str, name: str) -> Path:
        return (
            self.folder
            / f"{kind}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}.json"
        )


@dataclass(slots=True)
class Remembered:
    """A head as a source of claims."""

    head: Head
    name: str = "what you saw last"
    borne_out: bool = field(default=False)
    late: int = 0

    def claims(self) -> Iterator[Claim]:
        yield Claim(self.head.lines, self.head.root)

    def holds(self, _: Claim, /) -> bool:
        return True

    @property
    def of_checkpoints(self) -> bool:
        return False

    def agreed(self, _: Claim, /) -> None:
        self.borne_out = True

    @property
    def when(self) -> str:
        return self.head.seen_at.strftime("%Y-%m-%d %H:%M UTC")


def _state_home() -> Path:
    """XDG Base Directory Specification; LOCALAPPDATA on Windows."""
    given = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA", "")
    return Path(given) if os.path.isabs(given) else Path.home() / ".local" / "state"


def _place(directory: Path) -> str:
    return str(directory.resolve())


def _read(path: Path) -> dict[str, Any]:
    try:
        value: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]
