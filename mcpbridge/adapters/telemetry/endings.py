"""Ending spans on a thread of their own: an exporter may block in there, and nobody here waits for it."""

from __future__ import annotations

import logging
import threading
from queue import Full, Queue
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_WAITING: Final = 256
"""Batches that wait for a slow exporter; further ones are dropped, never waited for."""
_BATCH: Final = 64
_NANOSECONDS: Final = 10**9
"""Spans go to the thread when a turn has ended, in batches, or after a second: waking it costs more than
everything else that is done for a span."""

_Ended = list[tuple["Span", int]]
"""Spans and when they ended, in nanoseconds."""


class Endings:
    """A queue and a thread that is started when something is in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start_anew()
        self.dropped = 0
        """Spans that were never ended, since too many waited."""

    def _start_anew(self) -> None:
        self._queue: Queue[_Ended | None] = Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self._batch: _Ended = []
        self._sent = 0

    @property
    def started(self) -> bool:
        """Whether a span was ever ended here."""
        return self._thread is not None or bool(self._batch)

    def end(self, span: Span, at: int, *, now: bool) -> None:
        """End it soon; `now`: with all that wait."""
        with self._lock:
            if self._thread is not None and not self._thread.is_alive():
                self._start_anew()  # after a fork there is no such thread, and what waited was the parent's
            self._batch.append((span, at))
            if now or len(self._batch) >= _BATCH or at - self._sent > _NANOSECONDS:
                self._sent = at
                self._send()

    def _send(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=_work, args=(self._queue,), name="mcpbridge-telemetry", daemon=True
            )
            self._thread.start()
        batch, self._batch = self._batch, []
        try:
            self._queue.put_nowait(batch)
        except Full:
            self.dropped += len(batch)

    def close(self, timeout: float) -> None:
        """Wait until all are ended, but no longer than `timeout` seconds. Later ones start anew."""
        with self._lock:
            if self._batch:
                self._send()
            thread, queue = self._thread, self._queue
            self._start_anew()
        if thread is None or not thread.is_alive():
            return
        try:
            queue.put_nowait(None)
        except Full:
            return
        thread.join(timeout)


def _work(queue: Queue[_Ended | None]) -> None:
    while (batch := queue.get()) is not None:
        for span, at in batch:
            try:
                span.end(end_time=at)
            except Exception:  # boundary: an exporter is foreign code; the log has what matters
                logging.getLogger("mcpbridge.telemetry").debug("a span could not be ended", exc_info=True)
