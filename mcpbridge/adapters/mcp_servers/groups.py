"""The process groups of the programs that run, for whoever is told to end them at once: a signal handler."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from contextvars import ContextVar
from typing import Final

KILL: Final = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL


class Groups:
    """What was started in one context and has not ended. A program leads its group, and so gives it its
    number."""

    def __init__(self) -> None:
        self._leaders: set[int] = set()
        self._killed = False

    def began(self, leader: int) -> None:
        """A program that comes to be after all has been killed lives no longer than the others."""
        self._leaders.add(leader)
        if self._killed:
            self.kill()

    def ended(self, leader: int) -> None:
        """Nothing of it is left, and the system may give others its number."""
        self._leaders.discard(leader)

    def kill(self) -> None:
        """All of them, now and from now on. Waits for nothing; their ends are noticed as always."""
        self._killed = True
        for leader in tuple(self._leaders):
            with suppress(OSError):  # it has just ended
                if sys.platform == "win32":
                    os.kill(leader, KILL)
                else:
                    os.killpg(leader, KILL)


GROUPS: ContextVar[Groups | None] = ContextVar("mcpbridge_groups", default=None)
"""Where programs are noted that are started in this context; None where nobody would end them at once."""
