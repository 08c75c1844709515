"""Calls under way, each in a task of its own, and the questions that wait for a client between two requests.

In the newer protocol a server cannot ask in the middle of a request (multi-round requests). It answers with
the question and a sealed state, and the client makes the same request again, with the answer and that state.
The call itself stays here, and goes on where it was. The state is no more than a ticket: good for one answer,
to this question, of this call.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import mcp_types as types

from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer
from mcpbridge.gateway.asking import PATIENCE, Shows, answer_from, request_for
from mcpbridge.gateway.calls import Called
from mcpbridge.ports import Approver, NobodyThere

_KEY: Final = "question"
"""Under which the question about a call itself stands, and no server's: programs tell them apart by it."""
_SERVERS: Final = "server_question"
"""The same of a server that has no name for what it asks, or none that it may have."""
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MOST: Final = 100
"""Questions of one caller that may be open at once."""
MOST_RUNNING: Final = 1_000
"""Calls of one caller at once: in the older protocol they go on when their client has hung up."""
_ASKED_AGAIN: Final = 3
"""Rounds without an answer before the question is given up."""


@dataclass(kw_only=True)
class Waiting:
    """The calls and open questions of one caller."""

    _open: dict[str, Asker] = field(default_factory=dict[str, "Asker"], init=False)
    _running: set[asyncio.Task[Called]] = field(default_factory=set["asyncio.Task[Called]"], init=False)

    def begin(self, call: Awaitable[Called]) -> asyncio.Task[Called]:
        """Run a call in a task of its own. The SDK cancels a request again and again until it has ended: the
        server might never be told to stop, and what became of the call not be written down."""

        async def whole() -> Called:
            return await call

        task = asyncio.create_task(whole())
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    @property
    def full(self) -> bool:
        """Whether no further call may begin now."""
        return len(self._running) >= MOST_RUNNING

    async def close(self) -> None:
        """Stop what is under way, and wait for its end."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)  # which, cancelled itself, does not cancel them again

    def ticket(self, asker: Asker) -> str:
        """For the question that goes out now. Raises NobodyThere where too many are open."""
        if len(self._open) >= MOST:
            raise NobodyThere(f"{MOST} questions to this client are open already")
        ticket = secrets.token_urlsafe(24)
        self._open[ticket] = asker
        return ticket

    def take(self, ticket: str, *, name: str, arguments: Mapping[str, Any]) -> Asker | None:
        """Who asked, once; None for a used or strange ticket, and for one of another call."""
        asker = self._open.get(ticket)
        if asker is None or (asker.name, asker.arguments) != (name, arguments):
            return None
        return self._open.pop(ticket)

    def void(self, ticket: str) -> None:
        """Nobody waits for this answer any more."""
        self._open.pop(ticket, None)

    def _ended(self, task: asyncio.Task[Called]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits is told; a client that has gone is not


def _named(key: str) -> str:
    return key if _NAME.fullmatch(key) and key != _KEY else _SERVERS


async def end_of(task: asyncio.Task[Called]) -> Called:
    """The call's end. A client that stops waiting cancels it, once."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        raise


@dataclass(kw_only=True, eq=False)
class Asker:
    """The approver of one call whose client is asked between two requests."""

    once_only: ClassVar[bool] = True
    """See `ClientApprover`."""
    place: Waiting
    name: str
    arguments: Mapping[str, Any]
    shows: Shows
    by: str
    progressed: Callable[[Any], None] | None = None
    """Who is told of its progress: the request that waits for it just now."""
    _task: asyncio.Task[Called] | None = field(default=None, init=False)
    _told: asyncio.Queue[types.InputRequiredResult] = field(
        default_factory=asyncio.Queue[types.InputRequiredResult], init=False
    )
    _key: str = field(default=_KEY, init=False)
    _answer: asyncio.Future[types.ElicitResult | None] | None = field(default=None, init=False)

    def follow(self, started: Callable[[Approver, Callable[[Any], None]], Awaitable[Called]]) -> None:
        """Start the call. It outlives the request that began it."""
        self._task = self.place.begin(started(self, self._progress))

    def _progress(self, event: Any) -> None:
        if self.progressed is not None:
            self.progressed(event)

    def answered(self, responses: types.InputResponses | None) -> None:
        """What the client brought; something else than an answer to the question is none."""
        given = (responses or {}).get(self._key)
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(given if isinstance(given, types.ElicitResult) else None)

    async def next(self) -> Called | types.InputRequiredResult:
        """The call's end, or its next question."""
        assert self._task is not None, "started"
        asking = asyncio.create_task(self._told.get())
        try:
            await asyncio.wait({self._task, asking}, return_when=asyncio.FIRST_COMPLETED)
            return self._task.result() if self._task.done() else asking.result()
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        finally:
            asking.cancel()

    async def ask(self, question: Question) -> Answer:
        """As an Approver: put it to the client. Its record is durable already."""
        request = request_for(question, self.shows)
        self._key = _KEY if question.wanted is None else _named(question.wanted.id)
        for _ in range(_ASKED_AGAIN):
            result = await self._put(request, question)
            if result is not None:
                return answer_from(result, question, self.shows, by=self.by)
        raise NobodyThere(f"the client came back {_ASKED_AGAIN} times without an answer")

    async def _put(self, request: types.ElicitRequest, question: Question) -> types.ElicitResult | None:
        ticket = self.place.ticket(self)
        self._answer = asyncio.get_running_loop().create_future()
        self._told.put_nowait(
            types.InputRequiredResult(input_requests={self._key: request}, request_state=ticket)
        )
        try:
            async with asyncio.timeout(None if question.timeout is not None else PATIENCE):
                return await self._answer
        except TimeoutError:
            raise NobodyThere(f"the client did not come back within {PATIENCE:g} s") from None
        finally:
            self.place.void(ticket)
