"""Running allowed calls here, Python functions and bridged tools alike: side by side, each answer landing
and saved as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation, FunctionAnswer
from mcpbridge.core.declared import Declared
from mcpbridge.core.secret import Mask
from mcpbridge.engine import claims, edited, effects
from mcpbridge.engine.events import CallFinished, CallStarted, Event
from mcpbridge.engine.following import Follower
from mcpbridge.engine.journal import Journal, attempt_name
from mcpbridge.engine.judge import Judge
from mcpbridge.engine.server_questions import ServerQuestions
from mcpbridge.engine.told import failed
from mcpbridge.errors import OutcomeLost, OutcomeUnknown
from mcpbridge.ports import CallContext, LocalTool, Model

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
    declared: Declared
    judge: Judge
    model: Model | None = None
    """Whose words a server may get; None where the loop is somebody else's."""
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
    _lost: dict[str, OutcomeLost] = field(default_factory=dict[str, OutcomeLost], init=False)
    """Calls that were sent and never answered, each with what is known of it."""
    _feed: Feed = field(default_factory=Feed, init=False)
    """What the reader is told next while calls run."""
    _landing: set[str] = field(default_factory=set[str], init=False)
    """Calls that have run, whose answers are on their way into the log: their tasks are let finish."""

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
        tasks = {
            asyncio.create_task(self._run_one(action, limit), name=action.request_id) for action in actions
        }
        try:
            async for event in self._told_by(tasks):
                yield event
        finally:
            try:
                await self._stop(tasks)
            finally:  # also where it is cancelled a second time
                if any(self._unaccounted(action.request_id) for action in actions):
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
        error = OutcomeUnknown("; ".join(self.mask.text(str(one)) for one in self._lost.values()))
        error.request_ids = tuple(self._lost)
        return error

    async def _stop(self, tasks: set[asyncio.Task[Event | None]]) -> None:
        """End what runs. Of several errors the first one is raised elsewhere, the others count as seen."""
        open_ = {task for task in tasks if not task.done()}
        for task in open_:
            if task.get_name() not in self._landing:
                task.cancel()
        if open_:
            await asyncio.wait(open_)  # which, cancelled itself, cancels nothing
        for task in tasks:
            if not task.cancelled():
                task.exception()

    def _unaccounted(self, request_id: str) -> bool:
        return request_id not in self._started or request_id in self.conversation.begun

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
            error = self._lost.get(request_id)
            why = "abandoned while it ran" if error is None else self.mask.text(str(error))
            epoch = None if error is None else error.epoch
            await self.journal.unknown(self.conversation, (request_id,), why, epoch=epoch)

    def _context(self, action: Action) -> CallContext:
        return CallContext(
            conversation_id=self.conversation.id,
            call_id=action.request_id,
            principal=self.conversation.principal,
            context=self.context,
            decision_id=attempt_name(self.conversation, action.request_id),
            observer=Follower(action=action, tell=self._tell, questions=self._questions),
        )

    @cached_property
    def _questions(self) -> ServerQuestions:
        """Who answers what servers ask during their calls."""
        return ServerQuestions(
            conversation=lambda: self.conversation,
            declared=self.declared,
            judge=self.judge,
            journal=self.journal,
            model=self.model,
            mask=self.mask,
            tell=self._tell,
        )

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
                self._lost[action.request_id] = error
                return None
            told = edited.told(action, result.output)
            if result.status != "completed" and isinstance(told, str):
                told = failed(self.conversation, action.request_id, told)
            structured = self.mask.value(result.structured)
            result = replace(result, output=self.mask.value(told), structured=structured)
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
        self._landing.add(action.request_id)
        return await self._land(result, outcome)

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
            structured=result.structured,
            cut_from=result.facts.get("full_size"),
        )
