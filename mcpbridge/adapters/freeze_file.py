"""Everything denied at once: a file beside the audit log, looked for at each decision.

Every process that writes to this log obeys it. Only a file that is certainly not there means "not frozen".
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mcpbridge.core.raw import mapping

NAME: Final = "frozen.json"
_MOST: Final = 65_536
"""Bytes of the file that are read; it says who and why."""


@dataclass(frozen=True, slots=True)
class FreezeFile:
    """`path` is the file; see `of`."""

    path: Path
    _name: str = field(init=False, repr=False, compare=False)
    """As text, which is looked for in half the time: it is, for each decision."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_name", str(self.path))

    @classmethod
    def of(cls, audit: Path) -> FreezeFile:
        """The one that belongs to the audit log in this folder."""
        return cls(audit / NAME)

    def reason(self) -> str | None:
        """Why everything is frozen, as a sentence; None when nothing is."""
        try:
            os.stat(self._name)
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"Everything is frozen, since {NAME} cannot be looked for ({error.strerror or error})."
        found = self._content()
        by = f" by {found['by']}" if found.get("by") else ""
        since = f" since {found['at']}" if found.get("at") else ""
        why = f": {found['reason']}" if found.get("reason") else ""
        return f"Everything is frozen{by}{since}{why}."

    def _content(self) -> dict[str, Any]:
        """What the file says; it holds whatever it says."""
        try:
            with open(self.path, "rb") as file:
                return dict(mapping(json.loads(file.read(_MOST))))
        except (OSError, ValueError, RecursionError):
            return {}

    def freeze(self, *, by: str, at: str, reason: str) -> None:
        """Make the file. In force at once; durable when this returns. Raises OSError."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump({"by": by, "at": at, "reason": reason}, file)
            file.flush()
            os.fsync(file.fileno())

    def thaw(self) -> None:
        """Remove the file. Raises OSError."""
        self.path.unlink(missing_ok=True)
