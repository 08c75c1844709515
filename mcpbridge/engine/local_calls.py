"""Running allowed calls here, Python functions and bridged tools alike: side by side, each answer landing
and saved as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation, FunctionAnswer
from mcpbridge.core.secret import Mask
from mcpbridge.engine import claims, edited, effects
from mcpbridge.engine.events import CallFinished, CallStarted, Event
from mcpbridge.engine.following import Follower
from mcpbridge.engine.journal import Journal, attempt_name
from mcpbridge.errors import OutcomeLost, OutcomeUnknown
from mcpbridge.ports import CallContext, Elicitation, Elicited, LocalTool

Feed = asyncio.Queue["Event | asyncio.Task[Event | None]"]
_MOST_TOLD: Final = 1_000
"""Events that wait for their reader; more of a call's progress is not told."""

Checkpoint = Callable[[Conversation], Awaitable[None]]
"""Makes a conversation durable; called after each answer and before each effect."""


@dataclass(kw_only=True)
class LocalCalls:
    """What runs here in one conversation. `conversation` is always the latest state."""

    conversation: Conversation
    tools: Mapping[str, LocalTool]
    journal: Journal
    checkpoint: Checkpoint | None = None
    context: Any = None
    tool_timeout: float | None = 60.0
    max_parallel: int = 8
    mask: Mask = field(default_factory=Mask)
    """Credentials that a result must not carry to the model, the state or the log."""
    claimed: frozenset[str] = frozenset()
    """Requests that were pending before this turn: saved copies of them may exist."""
    _started: set[str] = field(default_factory=set[str], init=False)
    """Calls that have been made."""
    _lost: dict[str, str] = field(default_factory=dict[str, str], init=False)
    """Calls that were sent and never answered, each with what is known of it."""
    _feed: Feed = field(default_factory=Feed, init=False)
    """What the reader is told next while calls run."""
    _landing: set[asyncio.Task[Event]] = field(default_factory=set["asyncio.Task[Event]"], init=False)
    """Answers of calls that have run, on their way into the conversation and the log."""

    def _claims(self, action: Action) -> bool:
        """Whether copies of this request's state may exist, so that the log must be asked who was first."""
        return self.conversation.restored or self.checkpoint is not None or action.request_id in self.claimed

    async def _save(self, conversation: Conversation) -> None:
        self.conversation = conversation
        if self.checkpoint is not None:
            await self.checkpoint(conversation)

    async def _run_local(self, actions: Sequence[Action]) -> AsyncGenerator[Event, None]:
        """Run allowed calls side by side; each answer lands, and is saved, as it comes."""
        if not actions:
            return
        for action in actions:
            yield CallStarted(action=action)
        began = self.conversation
        for action in actions:
            began = began.beginning(action.request_id)
        await self._save(began)
        fresh = not any(self._claims(action) for action in actions)
        state, failure = await claims.use_up(self.conversation, actions, self.journal, fresh=fresh)
        if failure is not None:
            await self._save(state)
            raise failure
        limit = asyncio.Semaphore(self.max_parallel)
        tasks = {asyncio.create_task(self._run_one(action, limit)) for action in actions}
        try:
            async for event in self._told_by(tasks):
                yield event
        finally:
            await _stop(tasks)
            await _settled(self._landing)
            await asyncio.shield(self._account_for(actions))
        if self._lost:
            raise self._unknown_now()

    async def _told_by(self, tasks: set[asyncio.Task[Event | None]]) -> AsyncGenerator[Event, None]:
        """What the calls tell while they run, and the end of each."""
        for task in tasks:
            task.add_done_callback(self._feed.put_nowait)
        left = len(tasks)
        while left:
            told = await self._feed.get()
            if isinstance(told, asyncio.Task):
                left -= 1
                event = told.result()
                if event is not None:
                    yield event
            else:
                yield told

    def _tell(self, event: Event) -> None:
        """A server that reports endlessly does not fill the memory of a reader who takes his time."""
        if self._feed.qsize() < _MOST_TOLD:
            self._feed.put_nowait(event)

    def _unknown_now(self) -> OutcomeUnknown:
        """Nobody knows whether these took effect: the run ends here, and a person looks."""
        error = OutcomeUnknown("; ".join(self._lost.values()))
        error.request_ids = tuple(self._lost)
        return error

    async def _account_for(self, actions: Sequence[Action]) -> None:
        """After an interruption: what started and did not end is unknown. What never started has not
        begun, and is a further attempt next time, since its right to run is used up."""
        for action in actions:
            if action.request_id not in self._started:
                state = self.conversation.not_begun(action.request_id)
                self.conversation = state.again(action.request_id)
        begun = set(self.conversation.begun)
        lost = tuple(action.request_id for action in actions if action.request_id in begun)
        for request_id in lost:
            why = self._lost.get(request_id, "abandoned while it ran")
            await self.journal.unknown(self.conversation, (request_id,), why)

    def _context(self, action: Action) -> CallContext:
        return CallContext(
            conversation_id=self.conversation.id,
            call_id=action.request_id,
            principal=self.conversation.principal,
            context=self.context,
            decision_id=attempt_name(self.conversation, action.request_id),
            observer=Follower(action=action, tell=self._tell, answer=self._elicited),
        )

    async def _elicited(self, action: Action, question: Elicitation) -> Elicited:
        """Nobody is asked here."""
        return Elicited(action="decline")

    async def _run_one(self, action: Action, limit: asyncio.Semaphore) -> Event | None:
        """Run one call; None where its outcome is lost."""
        async with limit:
            self._started.add(action.request_id)
            try:
                result = await effects.run(
                    self.tools[action.function],
                    action,
                    self._context(action),
                    default_timeout=self.tool_timeout,
                )
            except OutcomeLost as error:
                self._lost[action.request_id] = self.mask.text(str(error))
                return None
            told = edited.told(action, result.output)
            result = replace(result, output=self.mask.value(told))
        # The call has been made: no failure of its neighbour and no cancellation may keep its answer out.
        self.conversation = self.conversation.answer(
            FunctionAnswer(request_id=action.request_id, output=result.output)
        )
        outcome = self.journal.outcome(
            self.conversation,
            action,
            status=result.status,
            result=result.encoded(),
            latency=result.latency,
            error=result.error,
            facts=result.facts,
        )
        self.conversation = self.conversation.owing(outcome)
        landing = asyncio.create_task(self._land(result, outcome))
        self._landing.add(landing)
        return await asyncio.shield(landing)

    async def _land(self, result: effects.Result, outcome: Mapping[str, Any]) -> Event:
        action = result.action
        await self.journal.pay(outcome)
        self.conversation = self.conversation.paid(outcome)
        await self._save(self.conversation)
        return CallFinished(
            request_id=action.request_id,
            server_label=action.server_label,
            tool=action.tool,
            status=result.status,
            evidence="executed_here",
            output=result.text,
        )


async def _stop(tasks: set[asyncio.Task[Event | None]]) -> None:
    for task in tasks:
        task.cancel()
    await _settled(tasks)


async def _settled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Wait for all; of several errors the first one is raised elsewhere, the others count as seen."""
    await asyncio.gather(*tasks, return_exceptions=True)
