"""The loop. Exactly one async generator advances a conversation; run, resume, chat, streaming and the
demo only consume it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import Declared
from mcpbridge.core.question import Question
from mcpbridge.core.secret import Mask
from mcpbridge.engine import claims, received
from mcpbridge.engine.effects import to_the_end
from mcpbridge.engine.events import (
    Event,
    Finished,
    Notice,
    ResponseReceived,
)
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.judge import Answers, Judge
from mcpbridge.engine.local_calls import Checkpoint
from mcpbridge.engine.pins import without_listings
from mcpbridge.engine.renewal import refuse_other_servers, renew, unless_frozen
from mcpbridge.engine.review import review
from mcpbridge.engine.settle import Settlement
from mcpbridge.engine.shelves import Shelves, Toolboxes, Watch
from mcpbridge.engine.streamed import stream_event
from mcpbridge.engine.unknown import Unknowns
from mcpbridge.errors import (
    AuditUnavailable,
    ConfigurationError,
    McpbridgeError,
    ModelError,
    OutcomeUnknown,
    ProtocolViolation,
    ResponseNotCompleted,
    RoundLimitExceeded,
    UsageError,
)
from mcpbridge.policy.pins import relists
from mcpbridge.ports import AuditSink, LocalTool, Model, ModelNotice, ModelResponse, StreamEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one turn. Times in seconds."""

    max_rounds: int = 20
    max_parallel_tools: int = 8
    tool_timeout: float | None = 60.0
    repeated_requests: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Everything a conversation needs to advance, assembled by `Bridge`."""

    model: Model
    judge: Judge
    audit: AuditSink
    declared: Declared
    tools: Mapping[str, LocalTool] = field(default_factory=dict[str, LocalTool])
    """Python functions."""
    toolboxes: Toolboxes = field(default_factory=Toolboxes)
    """Connections to the bridged servers that are declared."""
    watch: Watch | None = None
    """See `Shelves`."""
    limits: Limits = Limits()
    mask: Mask = field(default_factory=Mask)

    def turn(
        self,
        conversation: Conversation,
        *,
        answers: Answers | None = None,
        context: Any = None,
        checkpoint: Checkpoint | None = None,
    ) -> Turn:
        """A turn, ready to be advanced."""
        journal = Journal(sink=self.audit, run_id=self.judge.clock.new_id("run"))
        return Turn(
            engine=self,
            conversation=conversation,
            journal=journal,
            shelves=Shelves(
                toolboxes=self.toolboxes,
                declared=self.declared,
                own=self.tools,
                journal=journal,
                watch=self.watch,
                relist=relists(self.judge.policies.current()),
            ),
            claimed=frozenset([*(call.id for call in conversation.pending), *conversation.approved]),
            answers=answers or {},
            context=context,
            checkpoint=checkpoint,
        )


@dataclass(kw_only=True)
class Turn:
    """One advance of one conversation. `conversation` is the latest state at every moment, also after
    an error or a cancellation."""

    engine: Engine
    conversation: Conversation
    journal: Journal
    shelves: Shelves
    answers: Answers
    context: Any
    checkpoint: Checkpoint | None
    questions: tuple[Question, ...] = ()
    """What nobody has answered yet, after a settlement."""
    claimed: frozenset[str] = frozenset()
    """Requests that were pending, or approved and not yet sent, when the turn began."""
    prepare: Callable[[], Awaitable[None]] | None = None
    """Awaited before anything else."""
    used: bool = False
    finished: bool = False
    """Whether its end is on record: a reader who leaves at the last event changes nothing any more."""
    on_event: Callable[[Event], None] | None = None
    """Sees each event before the reader does (diagnostics)."""

    def __aiter__(self) -> AsyncGenerator[Event, None]:
        return self.advance()

    async def advance(self) -> AsyncGenerator[Event, None]:
        """Run until the model has answered, somebody must decide, or an error. Yields events; the last
        one is Finished. Every error carries the latest conversation."""
        if self.used:
            raise UsageError("this turn was iterated before; make a new one to go on")
        self.used = True
        try:
            if self.prepare is not None:
                await self.prepare()
            await self._pay()
            fields = {"restored": self.conversation.restored, "turn": self.conversation.turn}
            await self.journal.note("run_started", self.conversation, **fields)
            await self._resolve_unknown()
            refuse_other_servers(self.conversation, self.engine.declared)
            async with aclosing(self._advance()) as events:
                async for event in events:
                    if self.on_event is not None:
                        self.on_event(event)
                    yield event
        except BaseException as error:  # boundary: however a turn ends, the record says so
            if isinstance(error, McpbridgeError):
                error.conversation = self.conversation
            if not self.finished:
                await self._record_end(error)
            raise

    async def _record_end(self, error: BaseException) -> None:
        """A run that did not finish is told from one that still goes on, where the log can be written."""
        stopped = isinstance(error, asyncio.CancelledError | GeneratorExit)
        status = "unknown" if self.conversation.unknown else "stopped" if stopped else "failed"
        fields = {"status": status, "error": type(error).__name__, "unknown": self.conversation.unknown}
        with suppress(AuditUnavailable):
            await to_the_end(self.journal.note("run_finished", self.conversation, **fields))

    async def _advance(self) -> AsyncGenerator[Event, None]:
        async with aclosing(self._begin()) as events:
            async for event in events:
                yield event
        while True:
            if not self.conversation.pending:
                async with aclosing(self._round()) as events:
                    async for event in events:
                        yield event
            if not self.conversation.pending:
                break
            async with aclosing(self._settle()) as events:
                async for event in events:
                    yield event
            if self.conversation.pending:
                yield await self._finish("paused")
                return
        yield await self._finish("completed")

    async def _finish(self, status: Literal["completed", "paused"]) -> Event:
        await self._move(self.conversation)
        await self.journal.note("run_finished", self.conversation, status=status)
        self.finished = True
        return Finished(conversation=self.conversation, status=status, questions=self.questions)

    async def _settle(self) -> AsyncGenerator[Event, None]:
        settlement = self._settlement()
        try:
            async with aclosing(settlement.run()) as events:
                async for event in events:
                    self.conversation = settlement.conversation
                    yield event
        finally:
            self.conversation = settlement.conversation
            self.questions = settlement.questions

    async def _pay(self) -> None:
        """Record the outcomes that the conversation owes: of this response, or of a time without a log."""
        for outcome in self.conversation.owed:
            await self.journal.pay(outcome)
            self.conversation = self.conversation.paid(outcome)

    async def _begin(self) -> AsyncGenerator[Event, None]:
        """What a turn looks at first."""
        await self._move(self.conversation)
        frozen = self.engine.judge.frozen()
        if frozen is not None:
            yield Notice(type="frozen", message=frozen)
        async for event in self._review():
            yield event
        if self.conversation.rounds == 0 and relists(self.engine.judge.policies.current()):
            await self._move(without_listings(self.conversation))

    async def _before_asking(self) -> AsyncGenerator[Event, None]:
        """A freeze also stops what is approved and not sent yet. Then the bridged servers are asked what they
        offer now: the request shows it to the model."""
        if not unless_frozen(self.engine.judge, self.engine.declared):
            async for event in self._review():
                yield event
        moved, events = await self.shelves.look(self.conversation, self.engine.declared.bridged)
        if moved is not self.conversation:
            await self._move(moved)
        for event in events:
            yield event

    async def _review(self) -> AsyncGenerator[Event, None]:
        """Approvals of an earlier turn that were never sent meet today's rules."""
        for event in await renew(self.engine.judge, self.conversation, self.journal):
            yield event
        moved, events = await review(
            self.conversation, self.engine.declared, self.engine.tools, self.engine.judge, self.journal
        )
        await self._move(moved)
        for event in events:
            yield event

    async def _resolve_unknown(self) -> None:
        unknowns = Unknowns(
            conversation=self.conversation,
            answers=self.answers,
            idempotent=self._idempotent,
            journal=self.journal,
            move=self._move,
        )
        try:
            await unknowns.resolve()
        finally:
            self.conversation, self.answers = unknowns.conversation, unknowns.answers

    def _idempotent(self, request_id: str) -> bool:
        """Whether the operator says that this call may simply be made again."""
        call = next((call for call in self.conversation.pending if call.id == request_id), None)
        tool = self.engine.tools.get(call.name) if call is not None else None
        if tool is not None:
            return tool.idempotent
        known = self.conversation.bridged.get(call.name) if call is not None else None
        server = self.engine.declared.bridged.get(known.server_label) if known is not None else None
        return known is not None and server is not None and known.definition.name in server.idempotent

    def _settlement(self) -> Settlement:
        limits = self.engine.limits
        return Settlement(
            conversation=self.conversation,
            declared=self.engine.declared,
            tools=self.shelves.tools,
            shelves=self.shelves,
            model=self.engine.model,
            judge=self.engine.judge,
            journal=self.journal,
            checkpoint=self.checkpoint,
            answers=self.answers,
            context=self.context,
            tool_timeout=limits.tool_timeout,
            max_parallel=limits.max_parallel_tools,
            max_repeats=limits.repeated_requests,
            mask=self.engine.mask,
            claimed=self.claimed,
        )

    async def _move(self, conversation: Conversation) -> None:
        self.conversation = conversation
        if self.checkpoint is not None:
            await self.checkpoint(conversation)

    async def _round(self) -> AsyncGenerator[Event, None]:
        """One request, one response; reasoning that no longer verifies is dropped once."""
        if self.conversation.rounds >= self.engine.limits.max_rounds:
            raise RoundLimitExceeded(
                f"the turn needed more than {self.engine.limits.max_rounds} model responses; "
                "raise limits.max_rounds if that is expected (an endpoint that asks again in other words, "
                "instead of running what was approved, gets here too)"
            )
        async for event in self._before_asking():
            yield event
        moved, dropped = self.conversation.at(self.engine.declared.origin)
        if dropped:
            yield await self._reasoning_dropped(moved, dropped, "made by another endpoint or model")
        try:
            async with aclosing(self._exchange()) as events:
                async for event in events:
                    yield event
        except ModelError as error:
            moved, dropped = self.conversation.without_reasoning()
            if error.code != "invalid_encrypted_content" or not dropped or isinstance(error, OutcomeUnknown):
                raise
            yield await self._reasoning_dropped(moved, dropped, "the service could not verify it")
            async with aclosing(self._exchange()) as events:
                async for event in events:
                    yield event

    async def _reasoning_dropped(self, moved: Conversation, count: int, why: str) -> Event:
        await self.journal.note("reasoning_dropped", self.conversation, count=count, reason=why)
        self.conversation = moved
        return Notice(type="reasoning_dropped", message=f"{count} reasoning items are no longer sent: {why}")

    async def _exchange(self) -> AsyncGenerator[Event, None]:
        """Send, receive, take over. While a live approval is under way its outcome counts as unknown."""
        live = tuple(self.conversation.approved)
        if live:
            await self._use_up(live)
        body: Mapping[str, Any] | None = None
        request = replace(self.conversation.request(), functions=self.shelves.functions)
        try:
            async with aclosing(self.engine.model.respond(request)) as outputs:
                async for output in outputs:
                    if isinstance(output, ModelResponse):
                        body = output.body
                    else:
                        yield await self._heard(output)
        except BaseException as error:  # boundary: also cancelled or closed: what was approved may have run
            await asyncio.shield(self._failed(error, live))
            raise
        if body is None:
            await self._unknown(live, "the response never came")
            raise received.lost(live)
        async with aclosing(self._take_over(body, live)) as events:
            async for event in events:
                yield event

    async def _use_up(self, live: tuple[str, ...]) -> None:
        """Note what may execute from now on, and make sure that no copy of this state sends it too."""
        await self._move(self.conversation.sending())
        fresh = not (self.conversation.restored or self.checkpoint is not None or self.claimed & {*live})
        calls = tuple(self.conversation.approved.values())
        state, failure = await claims.use_up(self.conversation, calls, self.journal, fresh=fresh)
        if failure is not None:
            await self._move(state)
            raise failure

    async def _failed(self, error: BaseException, live: tuple[str, ...]) -> None:
        if isinstance(error, OutcomeUnknown):
            error.request_ids = live
            await self._unknown(live, str(error))
        elif isinstance(error, ModelError | UsageError | ConfigurationError):
            await self._move(self.conversation.not_sent())
        else:
            await self._unknown(live, "the request was abandoned before its answer came")

    async def _heard(self, output: ModelNotice | StreamEvent) -> Event:
        if isinstance(output, StreamEvent):
            return stream_event(output.event)
        fields = dict(output.fields)
        await self.journal.note(output.type, self.conversation, **fields)
        message = str(fields.get("reason", ""))
        if "wait_s" in fields:
            message += f"; attempt {fields['attempt']} of {fields['attempts']} in {fields['wait_s']} s"
        return Notice(type=output.type, message=message, fields=fields)

    async def _unknown(self, live: tuple[str, ...], why: str) -> None:
        await self.journal.unknown(self.conversation, live, why)

    async def _take_over(self, body: Mapping[str, Any], live: tuple[str, ...]) -> AsyncGenerator[Event, None]:
        before = self.conversation
        try:
            after = before.receive(body, self.engine.declared)
        except ProtocolViolation as error:
            await received.tripwire(before, body, error, self.journal)
            await self._unknown(live, str(error))
            if live and isinstance(error, ResponseNotCompleted):
                raise received.lost(live, str(error)) from error
            raise
        self.conversation = received.owing(after, self.journal)
        await self._pay()
        after = self.conversation
        for event in await received.record(before, after, self.engine.declared, self.journal):
            yield event
        after, notices = await received.unreported(after, live, self.journal)
        await self._move(after)
        for event in notices:
            yield event
        yield ResponseReceived(response_id=after.response_id, usage=after.usage)
        for event in await received.surface(body, after, self.engine.declared, self.journal):
            yield event
