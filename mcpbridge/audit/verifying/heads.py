"""What this account saw of each log the last time: a log that was cut or rewritten since then shows.

One small file for each log, by its origin, and one for each place, which remembers what log stood there. Of a
copy that ended before what was seen elsewhere, the place alone is remembered: the log's own file only grows.
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
    place: str = ""
    """The folder it was seen in; "" where that was not remembered."""


class Heads:
    """The folder with them; nobody but the account that verifies has to be able to write it."""

    def __init__(self, folder: Path | None = None) -> None:
        """Default: `mcpbridge/heads` where the account keeps state (XDG_STATE_HOME)."""
        self.folder = folder or _state_home() / "mcpbridge" / "heads"

    def of(self, origin: str) -> Head | None:
        """What was seen of the log with this name. A file that is none of ours counts as nothing."""
        found = _head(_read(self._path("log", origin)))
        return found if found and found.origin == origin else None

    def copy_at(self, directory: Path) -> Head | None:
        """What was seen of a copy in this place; None where none was, or the log itself."""
        kept = _read(self._path("place", _place(directory)))
        return _head(kept) if kept.get("copy") is True else None

    def seen_at(self, directory: Path) -> Head | None:
        """What was seen in this place the last time, the log itself or a copy; None where nothing was."""
        return _head(_read(self._path("place", _place(directory))))

    def at(self, directory: Path) -> str:
        """The origin of the log that was seen in this place; "" when none was."""
        return str(_read(self._path("place", _place(directory))).get("origin", ""))

    def remember(self, head: Head, directory: Path, *, copy: bool = False) -> None:
        """`copy`: more was seen elsewhere, and stays remembered. Raises OSError."""
        disk = SystemDisk()
        make_directory(self.folder, disk)
        kept = {
            "format": _FORMAT,
            "place": _place(directory),
            "origin": head.origin,
            "lines": head.lines,
            "root": head.root.hex(),
            "seen_at": head.seen_at.isoformat(),
            "key": str(head.key or ""),
        }
        if not copy:
            write_private(self._path("log", head.origin), f"{json.dumps(kept)}\n".encode(), disk)
        place = {**kept, "copy": copy}
        write_private(self._path("place", _place(directory)), f"{json.dumps(place)}\n".encode(), disk)

    def forget(self, directory: Path, origin: str) -> tuple[str, ...]:
        """Take what stands there now as seen for the first time. Raises OSError.

        What was seen of the same log in another place, and still stands there, stays remembered: returns
        those places."""
        known = {origin, self.at(directory)} - {""}
        self._path("place", _place(directory)).unlink(missing_ok=True)
        elsewhere = {each: self._stands(each) for each in known}
        for each, places in elsewhere.items():
            if not places:
                self._path("log", each).unlink(missing_ok=True)
        return tuple(sorted(place for places in elsewhere.values() for place in places))

    def _stands(self, origin: str) -> list[str]:
        """Where this log was seen, whole, and something still is."""
        places = [_read(path) for path in self.folder.glob("place-*.json")]
        seen = [str(kept.get("place", "")) for kept in places if _whole(kept, origin)]
        return [place for place in seen if place and Path(place).exists()]

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


def _whole(kept: dict[str, Any], origin: str) -> bool:
    return kept.get("origin") == origin and kept.get("copy") is not True


def _head(kept: dict[str, Any]) -> Head | None:
    try:
        if kept["format"] != _FORMAT:
            return None
        return Head(
            origin=str(kept["origin"]),
            lines=int(kept["lines"]),
            root=bytes.fromhex(kept["root"]),
            seen_at=datetime.fromisoformat(kept["seen_at"]).astimezone(UTC),
            key=VerifierKey.parse(str(kept["key"])) if kept["key"] else None,
            place=str(kept.get("place", "")),
        )
    except (KeyError, TypeError, ValueError, OverflowError, NoteError):
        return None


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
