"""Answering what the model asked for: rule, ask, record, act. The same for every way of running.

Decisions are made one after the other (people are asked one at a time); then local functions run side
by side. Nothing is answered, sent or run before its record is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import (
    AnswerItem,
    ApprovalAnswer,
    Conversation,
    FunctionAnswer,
    Grant,
)
from mcpbridge.core.declared import Declared
from mcpbridge.core.items import ApprovalRequest
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Decision, Deny, Effect, Outcome, Ruling
from mcpbridge.core.secret import Mask
from mcpbridge.engine import claims, effects
from mcpbridge.engine.actions import to_action
from mcpbridge.engine.events import ActionDecided, ApprovalAsked, CallFinished, CallStarted, Event
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.judge import Answers, Judge, Verdict
from mcpbridge.engine.review import decided, rule_hosted
from mcpbridge.errors import AlreadyDecided, AuditUnavailable, RepeatedRequest
from mcpbridge.ports import CallContext, LocalTool

Checkpoint = Callable[[Conversation], Awaitable[None]]
"""Makes a conversation durable; called after each answer and before each effect."""

DENIED_TEXT: Final = "The call was denied and did not run. Reason: {reason}"


@dataclass(kw_only=True)
class Settlement:
    """Settles the pending requests of one conversation. `conversation` is always the latest state."""

    conversation: Conversation
    declared: Declared
    tools: Mapping[str, LocalTool]
    judge: Judge
    journal: Journal
    checkpoint: Checkpoint | None = None
    answers: Answers = field(default_factory=dict[str, Any])
    context: Any = None
    tool_timeout: float | None = 60.0
    max_parallel: int = 8
    max_repeats: int = 3
    mask: Mask = field(default_factory=Mask)
    """Credentials that a function's result must not carry to the model, the state or the log."""
    claimed: frozenset[str] = frozenset()
    """Requests that were pending before this turn: saved copies of them may exist."""
    questions: tuple[Question, ...] = ()
    """What nobody has answered: the run pauses when this is not empty."""
    _started: set[str] = field(default_factory=set[str], init=False)
    """Functions that have been called."""
    _landing: set[asyncio.Task[Event]] = field(default_factory=set["asyncio.Task[Event]"], init=False)
    """Answers of functions that have run, on their way into the conversation and the log."""

    async def run(self) -> AsyncGenerator[Event, None]:
        """Decide everything that can be decided now, and act on it."""
        ruled = [self._ruled(call.id) for call in self.conversation.pending]
        waits = self.judge.approver is None and any(
            self._without_asking(action, ruling) is None for action, ruling in ruled
        )
        to_run: list[Action] = []
        for action, ruling in ruled:
            repeated = self._repeated(action, ruling)
            verdict = repeated or await self._verdict(action, ruling)
            if verdict is None:
                yield await self._leave_open(action, ruling)
            elif self._stays_with_the_question(verdict, action, waits):
                continue
            else:
                yield await self._decide(action, verdict)
                if verdict.decision.allowed and action.via == "local":
                    to_run.append(action)
            if repeated is not None:
                raise RepeatedRequest(f"{action.name}: {repeated.decision.reason}; the run stops here")
        async with aclosing(self._run_local(to_run)) as events:
            async for event in events:
                yield event

    def _ruled(self, request_id: str) -> tuple[Action, Ruling]:
        call = next(call for call in self.conversation.pending if call.id == request_id)
        action = to_action(call, self.conversation, self.declared, self.tools)
        if isinstance(call, ApprovalRequest):
            return action, rule_hosted(call, self.judge, self.conversation, self.declared, self.tools)
        ruling = self.judge.rule(action, self.conversation, known=call.name in self.tools)
        if call.name not in self.tools and ruling.effect is not Effect.DENY:
            # Whatever a policy asks, there is nothing to run.
            reason = f"There is no function {call.name}."
            ruling = Ruling(effect=Effect.DENY, outcome=Outcome.UNKNOWN_TOOL, reason=reason)
        return action, ruling

    @staticmethod
    def _stays_with_the_question(verdict: Verdict, action: Action, waits: bool) -> bool:
        """A hosted call that rules allow takes effect only when the whole response is answered. While
        a person is awaited it stays undecided, and is ruled again by the policy of that later day."""
        by_rule = verdict.decision.outcome in (Outcome.POLICY_ALLOW, Outcome.GRANT_ALLOW)
        return waits and by_rule and action.via == "hosted"

    def _repeated(self, action: Action, ruling: Ruling) -> Verdict | None:
        """A denial, when the model asks again and again for what was denied. It is answered, so that the
        conversation can go on; a person who answers this very request is heard."""
        fingerprint = action.fingerprint()
        denied = sum(
            decision.fingerprint == fingerprint
            and decision.turn == self.conversation.turn
            and not Outcome(decision.outcome).allowed
            for decision in self.conversation.decisions
        )
        if denied < self.max_repeats or action.request_id in self.answers:
            return None
        reason = f"denied {denied} times in this turn, and asked for once more"
        return Verdict(decision=Decision(outcome=Outcome.LIMIT, reason=reason), ruling=ruling)

    async def _verdict(self, action: Action, ruling: Ruling) -> Verdict | None:
        """None when a person must decide and nobody is there now."""
        verdict = self._without_asking(action, ruling)
        if verdict is not None or self.judge.approver is None:
            return verdict
        question = self.judge.question(action, ruling, self.conversation)
        await self.journal.asked(self.conversation, question)
        return await self.judge.ask(question)

    def _without_asking(self, action: Action, ruling: Ruling) -> Verdict | None:
        """A denial by rule; else what a person answered for the screen they were shown; else the rules
        and grants. An answer to another screen is none: the question is put again."""
        answer = self.answers.get(action.request_id)
        if answer is not None and ruling.effect is not Effect.DENY:
            question = self.judge.question(action, ruling, self.conversation)
            shown = self.conversation.asked.get(action.request_id)
            if shown == question.screen_hash or (ruling.effect is Effect.ALLOW and isinstance(answer, Deny)):
                return self.judge.answered(question, answer, None)
        return self.judge.without_asking(action, ruling, self.conversation)

    async def _leave_open(self, action: Action, ruling: Ruling) -> Event:
        question = self.judge.question(action, ruling, self.conversation)
        if self.conversation.asked.get(action.request_id) != question.screen_hash:
            await self.journal.asked(self.conversation, question)
            self.conversation = self.conversation.asking(action.request_id, question.screen_hash)
        self.questions = (*self.questions, question)
        return ApprovalAsked(question=question, waiting=True)

    async def _decide(self, action: Action, verdict: Verdict) -> Event:
        """Record the decision, then answer what can be answered without running anything."""
        if any(made.request_id == action.request_id for made in self.conversation.decisions):
            # Decided before, and the effect never began: decided anew, by today's rules.
            self.conversation = await claims.void(self.conversation, action, self.journal)
        seq = await self._record(action, verdict)
        decision, ruling = verdict.decision, verdict.ruling
        made = decided(action, ruling, decision, turn=self.conversation.turn, seq=seq)
        self.conversation = self.conversation.decided(made)
        if action.via == "local" and decision.allowed and action.request_id in self.conversation.begun:
            await self._save(self.conversation.not_begun(action.request_id))
        if action.via == "hosted":
            approve = decision.allowed
            await self._answer(
                ApprovalAnswer(
                    request_id=action.request_id, approve=approve, reason="" if approve else decision.reason
                )
            )
        elif not decision.allowed:
            output = DENIED_TEXT.format(reason=decision.reason)
            await self._answer(FunctionAnswer(request_id=action.request_id, output=output))
        if verdict.always and decision.allowed:
            await self._grant(action)
        return ActionDecided(action=action, decision=decision, rules=ruling.rule_ids)

    def _claims(self, action: Action) -> bool:
        """Whether copies of this request's state may exist, so that the log must be asked who was first."""
        return self.conversation.restored or self.checkpoint is not None or action.request_id in self.claimed

    async def _record(self, action: Action, verdict: Verdict) -> int:
        """Make the decision durable. Of saved state there may be copies: the first decision wins, and
        a crash between record and answer leaves the request unknown, never repeated by itself."""
        claims = self._claims(action)
        if claims:
            await self._save(self.conversation.beginning(action.request_id))
        try:
            return await self.journal.decision(
                self.conversation,
                action,
                verdict.ruling,
                verdict.decision,
                asked_at=verdict.asked_at,
                decided_at=self.judge.clock.now(),
                blobs=(verdict.question.screen,) if verdict.question else (),
                new_key=not claims,
            )
        except (AlreadyDecided, AuditUnavailable, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) or getattr(error, "maybe_written", False):
                # The record may have landed: a person must say what holds.
                self.conversation = self.conversation.beginning(action.request_id)
            else:
                await self._save(self.conversation.not_begun(action.request_id))
            raise

    async def _grant(self, action: Action) -> None:
        grant = Grant(
            fingerprint=action.fingerprint(),
            definition_hash=action.definition_hash,
            principal=self.conversation.principal,
            request_id=action.request_id,
        )
        await self.journal.grant_made(self.conversation, grant, action)
        self.conversation = self.conversation.granted(grant)

    async def _answer(self, answer: AnswerItem) -> None:
        await self._save(self.conversation.answer(answer))

    async def _save(self, conversation: Conversation) -> None:
        self.conversation = conversation
        if self.checkpoint is not None:
            await self.checkpoint(conversation)

    async def _run_local(self, actions: Sequence[Action]) -> AsyncGenerator[Event, None]:
        """Run allowed functions side by side; each answer lands, and is saved, as it comes."""
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
        running = tasks
        try:
            while running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            await _stop(tasks)
            await _settled(self._landing)
            await asyncio.shield(self._account_for(actions))

    async def _account_for(self, actions: Sequence[Action]) -> None:
        """After an interruption: what started and did not end is unknown. What never started has not
        begun, and is a further attempt next time, since its right to run is used up."""
        for action in actions:
            if action.request_id not in self._started:
                state = self.conversation.not_begun(action.request_id)
                self.conversation = state.again(action.request_id)
        begun = set(self.conversation.begun)
        lost = tuple(action.request_id for action in actions if action.request_id in begun)
        await self.journal.unknown(self.conversation, lost, "abandoned while it ran")

    async def _run_one(self, action: Action, limit: asyncio.Semaphore) -> Event:
        async with limit:
            self._started.add(action.request_id)
            context = CallContext(
                conversation_id=self.conversation.id,
                call_id=action.request_id,
                principal=self.conversation.principal,
                context=self.context,
            )
            result = await effects.run(
                self.tools[action.tool], action, context, default_timeout=self.tool_timeout
            )
            result = replace(result, output=self.mask.value(result.output))
        # The function has run: no failure of its neighbour and no cancellation may keep its answer out.
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


async def _stop(tasks: set[asyncio.Task[Event]]) -> None:
    for task in tasks:
        task.cancel()
    await _settled(tasks)


async def _settled(tasks: set[asyncio.Task[Event]]) -> None:
    """Wait for all; of several errors the first one is raised elsewhere, the others count as seen."""
    await asyncio.gather(*tasks, return_exceptions=True)
