"""Background responses: so many are made at once, the others wait; each can be cancelled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field

from mcpbridge.service.errors import ApiError, server_error
from mcpbridge.service.limits import Limits
from mcpbridge.service.response.making import Making
from mcpbridge.service.response.performance import Begun, Finished, Happening, Told
from mcpbridge.service.stored.event_log import EventLog
from mcpbridge.service.wire import Item

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class BackgroundJob:
    """Makes one response without a client. All of it runs in one task, so that only `cancel` can stop it."""

    making: Making = field(repr=False)
    slots: asyncio.Semaphore = field(repr=False)
    encode: Callable[[Item], bytes] = field(repr=False)
    show: Callable[[Item], None] = field(repr=False)
    """Called with the body when it has changed and is not final."""
    input_bytes: int = 0
    """What its input holds."""
    events: EventLog | None = field(default=None, repr=False)
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    _started: bool = False
    _cancelled: bool = False
    _calls: set[str] = field(default_factory=set[str])
    """Hosted calls that have begun and not ended."""

    @property
    def held(self) -> int:
        """About how many bytes it holds until it has ended, also when its response is deleted."""
        return self.input_bytes + (self.events.size if self.events else 0)

    async def run(self) -> None:
        """Whatever fails: the response ends, and so do its events."""
        self._started = True
        try:
            await self._make()
        finally:
            if self.events is not None:
                self.events.end()

    async def _make(self) -> None:
        self.making.happenings = self._watched(self.making.happenings)
        for event in self.making.opening():
            self._keep(event)
        try:
            if not self._cancelled:
                await self._play()
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
        except Exception:  # noqa: BLE001 # boundary: a broken brain is this response's failure
            _log.exception("response %s failed", self.making.body["id"])
            self._close(server_error())
        if self._cancelled and self.making.body["status"] in ("queued", "in_progress"):
            self.making.cut_off = True
            self._close(None)

    async def _play(self) -> None:
        async with self.slots:
            async for event in self.making.playing():
                self._keep(event)
                if event["type"] == "response.in_progress":
                    self.show(self.making.body)
                await asyncio.sleep(0)  # others have their turn: readers of the events among them

    def cancel_soon(self) -> None:
        """Stops it where it may stop: before a hosted call or after one, never within."""
        self._cancelled = self.making.cut_off = True
        if self._started and not self._calls and self.task is not None:
            self.task.cancel()

    async def cancel(self) -> None:
        """Returns when it has ended."""
        if self.task is not None and not self.task.done():
            self.cancel_soon()
            await asyncio.wait({self.task})

    async def _watched(self, happenings: AsyncIterator[Happening]) -> AsyncIterator[Happening]:
        async for happening in happenings:
            is_call = not isinstance(happening, Told) and happening.item.get("type") == "mcp_call"
            if is_call and isinstance(happening, Finished):
                self._calls.discard(happening.item["id"])
            yield happening
            if self._cancelled and not self._calls:
                if isinstance(happenings, AsyncGenerator):
                    await happenings.aclose()
                return
            if is_call and isinstance(happening, Begun):
                self._calls.add(happening.item["id"])  # from here it runs: nothing waits in between

    def _close(self, error: ApiError | None) -> None:
        try:
            for event in self.making.closing(error):
                self._keep(event)
        except Exception:  # noqa: BLE001 # boundary: what broke the response may break its end as well
            _log.exception("response %s could not be ended", self.making.body["id"])
            for event in self.making.broken(self.events.next if self.events else 0):
                self._keep(event)

    def _keep(self, event: Item) -> None:
        if self.events is not None:
            self.events.append(self.encode(event))


@dataclass(slots=True, kw_only=True)
class Background:
    """All background work of a service."""

    limits: Limits
    slots: asyncio.Semaphore = field(init=False, repr=False)
    _jobs: set[BackgroundJob] = field(default_factory=set[BackgroundJob], repr=False)

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.limits.background_running)

    def check_room(self, input_bytes: int) -> None:
        """Raises ApiError 429 when too many wait already, or when those that are not done hold too much."""
        limits = self.limits
        if len(self._jobs) >= limits.background_running + limits.background_queued:
            raise _no_room(f"Too many background responses wait: at most {limits.background_queued} may.")
        held = sum(job.held for job in self._jobs)
        if held + input_bytes > limits.stored_bytes:
            raise _no_room(
                f"No room for this background response: it holds {input_bytes} bytes, those that have not "
                f"ended hold {held}, and this service keeps {limits.stored_bytes} at most. Try again when "
                "some have ended, or cancel some."
            )

    def start(self, job: BackgroundJob) -> None:
        self._jobs.add(job)
        job.task = asyncio.create_task(job.run())
        job.task.add_done_callback(lambda _task: self._jobs.discard(job))

    def cancel_soon(self) -> None:
        """The service stops: has all of it end."""
        for job in list(self._jobs):
            job.cancel_soon()

    async def stop(self) -> None:
        """The same, and returns when all have ended."""
        self.cancel_soon()
        tasks = {job.task for job in self._jobs if job.task is not None}
        if tasks:
            await asyncio.wait(tasks)


def _no_room(message: str) -> ApiError:
    return ApiError(message, status=429, type="rate_limit_error", code="rate_limit_exceeded")
