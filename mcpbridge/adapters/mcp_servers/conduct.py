"""What a server's program did beside speaking the protocol, for the message of one that cannot be used."""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from mcpbridge.core.question import visible

_SHOWN: Final = 100
"""Characters of what it printed."""


@dataclass(slots=True, kw_only=True)
class Conduct:
    """Filled in while it runs."""

    spoke: bool = False
    """Whether anything that it printed was JSON-RPC; then what else it printed is nobody's matter."""
    printed: str = ""
    """The first line that was none."""
    status: int | None = None
    """Its exit status, where it ended by itself; negative for a signal."""

    def saw(self, line: bytes) -> None:
        """A line of its output that is no JSON-RPC."""
        text = visible(line[: 4 * _SHOWN].decode("utf-8", "replace").strip(), newlines=False)
        if text and not self.spoke and not self.printed:
            self.printed = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

    @property
    def told(self) -> str:
        """To be put behind a reason; empty where there is nothing to tell."""
        printed = f"; it printed text that is not JSON-RPC: {self.printed}" if self.printed else ""
        return printed + (f"; it ended with {_status(self.status)}" if self.status is not None else "")


def _status(number: int) -> str:
    if number >= 0:
        return f"exit status {number}"
    with suppress(ValueError):
        return signal.Signals(-number).name
    return f"signal {-number}"
