"""Taking checkpoints to the anchors while the log is written, from threads of their own.

No decision waits for a network: an anchor that is slow gets the latest checkpoint when it is ready, one that
fails is told of once (and once more when it works again) and tried again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from mcpbridge.audit.anchors.anchor import Anchor, AnchorFailed, Point
from mcpbridge.audit.anchors.file import FileAnchor
from mcpbridge.audit.anchors.place import ELSEWHERE, in_log
from mcpbridge.audit.note import NoteError
from mcpbridge.errors import UsageError

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
"""Seconds between two tries at an anchor that fails: doubling, up to this."""

Told = Callable[[str, str], None]
"""Called in a thread, with an anchor's name and what is wrong, or an empty text when it works again."""


def outside(anchors: Sequence[Anchor], directory: Path) -> Sequence[Anchor]:
    """The anchors, none of which writes into the log in `directory`. Raises UsageError."""
    for each in anchors:
        if isinstance(each, FileAnchor) and in_log(each.path, directory):
            raise UsageError(
                f"the anchor {each.path} is in the folder of its own log, {directory}; {ELSEWHERE}"
            )
    return anchors


class Anchoring:
    """All anchors of one open log."""

    def __init__(self, anchors: Sequence[Anchor], directory: Path, *, tell: Told) -> None:
        self._workers = [_Worker(anchor, directory, tell) for anchor in anchors]

    def offer(self, note: str) -> None:
        """A checkpoint that is durable in the log. Never blocks, never raises."""
        for worker in self._workers:
            worker.offer(note)

    def close(self, seconds: float) -> bool:
        """Take the last checkpoint everywhere; whether that was done in time."""
        for worker in self._workers:
            worker.finish()
        end = time.monotonic() + seconds
        for worker in self._workers:
            worker.thread.join(max(0.0, end - time.monotonic()))
        return not any(worker.thread.is_alive() or worker.behind for worker in self._workers)


class _Worker:
    """One anchor. The latest checkpoint counts: it covers those before it."""

    def __init__(self, anchor: Anchor, directory: Path, tell: Told) -> None:
        self._anchor, self._directory, self._tell = anchor, directory, tell
        self._changed = threading.Condition()
        self._note = ""
        """Not taken there yet."""
        self._finishing = False
        self._problem = ""
        # A daemon, so that an anchor that hangs cannot keep the process from ending.
        self.thread = threading.Thread(target=self._run, name=f"mcpbridge-{anchor.name}", daemon=True)
        self.thread.start()

    @property
    def behind(self) -> bool:
        """Whether the last checkpoint did not get there."""
        return bool(self._note)

    def offer(self, note: str) -> None:
        with self._changed:
            self._note = note
            self._changed.notify()

    def finish(self) -> None:
        with self._changed:
            self._finishing = True
            self._changed.notify()

    def _run(self) -> None:
        pause = 0.0
        while note := self._next(pause):
            done = self._publish(note)
            pause = self._anchor.every if done else min(max(2 * pause, _FIRST_PAUSE), _LONGEST_PAUSE)
            if not done and self._finishing:
                return

    def _next(self, pause: float) -> str:
        """The checkpoint to take there now, after a pause that `finish` cuts short; "" at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._finishing, timeout=pause)
            self._changed.wait_for(lambda: self._finishing or self._note)
            return self._note

    def _publish(self, note: str) -> bool:
        try:
            self._anchor.publish(Point.of(self._directory, note))
        except (AnchorFailed, OSError, NoteError) as error:
            self._say(str(error))
            return False
        except Exception as error:  # noqa: BLE001 # boundary: a bug in an anchor must be told, not end its thread
            self._say(f"{type(error).__name__}: {error}")
            return False
        with self._changed:
            if self._note == note:
                self._note = ""
        self._say("")
        return True

    def _say(self, problem: str) -> None:
        if bool(problem) != bool(self._problem):
            self._tell(self._anchor.name, problem)
        self._problem = problem
