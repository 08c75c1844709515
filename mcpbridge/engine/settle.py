"""Answering what the model asked for: rule, ask, record, act. The same for every way of running.

Decisions are made one after the other (people are asked one at a time); then local functions run side
by side. Nothing is answered, sent or run before its record is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import AnswerItem, ApprovalAnswer, FunctionAnswer
from mcpbridge.core.decisions import Decisions
from mcpbridge.core.items import ApprovalRequest, FunctionCall
from mcpbridge.core.question import Question
from mcpbridge.core.quota import Quota, QuotaFull
from mcpbridge.core.ruling import Decision, Deny, Effect, Outcome, Ruling
from mcpbridge.engine import claims, edited, grants, limits, suggesting
from mcpbridge.engine.actions import claimed_by, shown, to_action
from mcpbridge.engine.asking import Asking
from mcpbridge.engine.events import ActionDecided, ApprovalAsked, Event, Notice
from mcpbridge.engine.judge import Answers, Verdict
from mcpbridge.engine.local_calls import LocalCalls
from mcpbridge.engine.renewal import renew
from mcpbridge.engine.review import decided, rule_hosted
from mcpbridge.engine.shelves import Shelves
from mcpbridge.engine.told import denied_here, denied_there
from mcpbridge.errors import AlreadyDecided, AuditUnavailable, RepeatedRequest


@dataclass(kw_only=True)
class Settlement(LocalCalls):
    """Settles the pending requests of one conversation. `conversation` is always the latest state."""

    answers: Answers = field(default_factory=dict[str, Any])
    max_repeats: int = 3
    questions: tuple[Question, ...] = ()
    """What nobody has answered: the run pauses when this is not empty."""
    pauses: bool = True
    """Whether a question may stay open although somebody was asked."""
    shelves: Shelves | None = None
    """The bridged servers, where there are any."""
    _voided: set[str] = field(default_factory=set[str], init=False)
    """Requests whose earlier decision was made void in this run."""
    _notices: list[Event] = field(default_factory=list["Event"], init=False)
    """What is told next."""
    _asked: bool = field(default=False, init=False)
    """Whether somebody was asked, and so took their time."""

    async def run(self) -> AsyncGenerator[Event, None]:
        """Decide everything that can be decided now, and act on it."""
        self._notices += await renew(self.judge, self.conversation, self.journal)
        await self._look()
        ruled = [self._ruled(call.id) for call in self.conversation.pending]
        edited.hold(self.answers, (action for action, _ in ruled), self.tools)
        limited = {action.request_id: await self._prepare(action, ruling) for action, ruling in ruled}
        waits = self.judge.approver is None and any(
            limited[action.request_id] is None and self._without_asking(action, ruling) is None
            for action, ruling in ruled
        )
        to_run: list[Action] = []
        for first in ruled:
            # Where somebody was asked, time has passed: policies may have changed, or all is frozen.
            action, ruling = await self._ruled_anew(first[0]) if self._asked else first
            if self._asked and ruling.effect is Effect.ASK:
                await self._take_vote(action, ruling)
            repeated = self._repeated(action, ruling)
            verdict = repeated or limited[action.request_id] or await self._verdict(action, ruling)
            to_run += await self._settle_one(action, ruling, verdict, waits)
            for event in self._told():
                yield event
            if repeated is not None:
                raise RepeatedRequest(f"{action.name}: {repeated.decision.reason}; the run stops here")
        to_run = await self._unless_frozen(to_run)
        for event in self._told():
            yield event
        async with aclosing(self._run_local(to_run)) as events:
            async for event in events:
                yield event

    async def _unless_frozen(self, actions: list[Action]) -> list[Action]:
        """A freeze that came while somebody was asked also stops what was allowed and has not begun."""
        frozen = self.judge.frozen()
        if frozen is None:
            return actions
        ruling = Ruling(effect=Effect.DENY, outcome=Outcome.FROZEN, reason=frozen)
        decision = Decision(outcome=Outcome.FROZEN, reason=frozen)
        for action in actions:
            await self._settle_one(action, ruling, Verdict(decision=decision, ruling=ruling), waits=False)
        return []

    async def _settle_one(
        self, action: Action, ruling: Ruling, verdict: Verdict | None, waits: bool
    ) -> list[Action]:
        """Act on one verdict; returns what is to run here."""
        if verdict is not None:
            asking = self._asking()
            verdict = asking.unless_unfit(action, verdict)
            await self._heard(asking)
        if verdict is None:
            self._notices.append(await self._leave_open(action, ruling))
            return []
        if self._stays_with_the_question(verdict, action, waits):
            return []
        action, verdict = await self._as_edited(action, verdict)
        decided_now = await self._decide(action, verdict)
        self._notices.append(decided_now)
        if decided_now.decision.outcome is Outcome.HUMAN_ALLOW:
            self._notices += suggesting.offer(self.conversation, action, self.judge)
        return [action] if decided_now.decision.allowed and action.runs_here else []

    async def _as_edited(self, action: Action, verdict: Verdict) -> tuple[Action, Verdict]:
        """With the arguments that a person wrote instead, which meet the rules too; both are on record."""
        arguments = None if verdict.answer is None else verdict.answer.arguments
        if arguments is None or not verdict.decision.allowed:
            return action, verdict
        await self.journal.edited(self.conversation, action, by=verdict.decision.approver)
        changed = edited.edited(action, arguments, self.tools.get(action.function))
        ruling = self._ruled_here(changed, self._function(action))
        no = edited.denial(ruling)
        verdict = replace(verdict, ruling=ruling)
        return changed, verdict if no is None else replace(verdict, decision=no, always=False)

    def _ruled(self, request_id: str) -> tuple[Action, Ruling]:
        call = next(call for call in self.conversation.pending if call.id == request_id)
        action = to_action(call, self.conversation, self.declared, self.tools)
        if isinstance(call, ApprovalRequest):
            return action, rule_hosted(call, self.judge, self.conversation, self.declared, self.tools)
        return action, self._ruled_here(action, call)

    def _function(self, action: Action) -> FunctionCall:
        """The pending call of an action that would run here."""
        return next(
            call
            for call in self.conversation.pending
            if isinstance(call, FunctionCall) and call.id == action.request_id
        )

    def _ruled_here(self, action: Action, call: FunctionCall) -> Ruling:
        """The policies' ruling on what would run here."""
        ruling = self.judge.rule(
            action,
            self.conversation,
            known=call.name in self.tools,
            definition=claimed_by(call, self.conversation, self.declared, self.tools),
            seen=shown(call, self.conversation, self.tools),
        )
        if call.name in self.tools or ruling.effect is Effect.DENY:
            return ruling
        # Whatever a policy asks, there is nothing to run.
        what = f"no function {call.name}" if action.via == "local" else f"no tool {action.name}"
        return Ruling(effect=Effect.DENY, outcome=Outcome.UNKNOWN_TOOL, reason=f"There is {what}.")

    async def _look(self) -> None:
        """The bridged tools that are asked for, as they are now: a definition may have changed since it was
        shown, and what has changed meets its pins."""
        if self.shelves is None:
            return
        labels = self.shelves.needed(self.conversation)
        if not labels:
            return
        moved, events = await self.shelves.look(self.conversation, sorted(labels))
        self._notices += events
        self.tools = self.shelves.tools
        if moved is not self.conversation:
            await self._save(moved)

    @staticmethod
    def _stays_with_the_question(verdict: Verdict, action: Action, waits: bool) -> bool:
        """A hosted call that rules allow takes effect only when the whole response is answered. While
        a person is awaited it stays undecided, and is ruled again by the policy of that later day."""
        by_rule = verdict.decision.outcome in (Outcome.POLICY_ALLOW, Outcome.GRANT_ALLOW)
        return waits and by_rule and action.via == "hosted"

    def _repeated(self, action: Action, ruling: Ruling) -> Verdict | None:
        """A denial, when the model asks again and again for what was denied. It is answered, so that the
        conversation can go on; a person who answers this very request is heard."""
        fingerprint, turn = action.fingerprint(), self.conversation.turn
        denied = Decisions.of(self.conversation.decisions).denied(turn, fingerprint)
        if denied < self.max_repeats or action.request_id in self.answers:
            return None
        reason = f"denied {denied} times in this turn, and asked for once more"
        return Verdict(decision=Decision(outcome=Outcome.LIMIT, reason=reason), ruling=ruling)

    async def _prepare(self, action: Action, ruling: Ruling) -> Verdict | None:
        """What is settled before anybody is asked: a limit that is used up (then this is the denial), grants
        that have ended, and a yes of one of several people."""
        if ruling.effect is Effect.DENY:
            return None
        if self.judge.quotas(action, self.conversation):
            await self._void(action)  # what provably never ran must not stand in its own way
        denial = await self._limited(action, ruling)
        if denial is None and ruling.effect is Effect.ASK:
            await self._end_grants(action, ruling)
            await self._take_vote(action, ruling)
        return denial

    async def _end_grants(self, action: Action, ruling: Ruling) -> None:
        self.conversation = await grants.end_those_that_ended(
            action,
            ruling,
            self.conversation,
            self.judge.policies.current(),
            now=self.judge.clock.now().timestamp(),
            journal=self.journal,
        )

    async def _limited(self, action: Action, ruling: Ruling) -> Verdict | None:
        refusal = await limits.refused(self.journal.sink, self.judge.quotas(action, self.conversation))
        return None if refusal is None else Verdict(decision=refusal, ruling=ruling)

    async def _take_vote(self, action: Action, ruling: Ruling) -> None:
        answer = self.answers.get(action.request_id)
        if answer is None:
            return
        asking = self._asking()
        if await asking.take(action, ruling, answer):
            self.answers = {key: one for key, one in self.answers.items() if key != action.request_id}
            await self._heard(asking)

    def _asking(self) -> Asking:
        return Asking(
            conversation=self.conversation,
            judge=self.judge,
            journal=self.journal,
            tools=self.tools,
            pauses=self.pauses,
        )

    async def _heard(self, asking: Asking) -> None:
        self._notices += asking.notices
        if asking.conversation is not self.conversation:
            await self._save(asking.conversation)

    def _told(self) -> list[Event]:
        """What happened since the last look."""
        events, self._notices = self._notices, []
        return events

    async def _verdict(self, action: Action, ruling: Ruling) -> Verdict | None:
        """None when a person must decide and nobody is there now, or not everybody."""
        verdict = self._without_asking(action, ruling)
        if verdict is not None or self.judge.approver is None:
            return verdict
        limited = await self._limited(action, ruling)  # others of this response may have used it up
        if limited is not None:
            return limited
        await self._end_grants(action, ruling)
        asking = self._asking()
        self._asked = True
        try:
            verdict = await asking.ask(action, ruling)
        finally:
            await self._heard(asking)
        return verdict if verdict is None or not verdict.decision.allowed else await self._still(verdict)

    async def _still(self, verdict: Verdict) -> Verdict:
        """A person's yes, unless a freeze or a stricter policy came while they thought."""
        assert verdict.question is not None
        _, now = await self._ruled_anew(verdict.question.action)
        if now.effect is not Effect.DENY:
            return verdict
        decision = Decision(outcome=now.outcome or Outcome.POLICY_DENY, reason=now.reason)
        return replace(verdict, decision=decision, ruling=now, always=False)

    async def _ruled_anew(self, action: Action) -> tuple[Action, Ruling]:
        self._notices += await renew(self.judge, self.conversation, self.journal)
        await self._look()
        return self._ruled(action.request_id)

    def _without_asking(self, action: Action, ruling: Ruling) -> Verdict | None:
        """A denial by rule; else what a person answered for the screen they were shown; else the rules and
        grants. An answer to another screen is none, but what a rule or a grant allows by now, a no stops all
        the same, and what was written for it runs in place of the model's."""
        agreed = self._asking().agreed(action, ruling) if ruling.effect is Effect.ASK else None
        unasked = agreed or self.judge.without_asking(action, ruling, self.conversation)
        answer = self.answers.get(action.request_id)
        if answer is None or ruling.effect is Effect.DENY:
            return unasked
        question = self.judge.question(action, ruling, self.conversation)
        shown = self.conversation.asked.get(action.request_id)
        # Where several have to agree, one yes is counted (see `_take_vote`) and never stands for all.
        less = isinstance(answer, Deny) or answer.arguments is not None
        same = shown == question.screen_hash and (less or not question.needs)
        return self.judge.answered(question, answer, None) if same or (less and unasked) else unasked

    async def _leave_open(self, action: Action, ruling: Ruling) -> Event:
        question = self._asking().question(action, ruling)
        if self.conversation.asked.get(action.request_id) != question.screen_hash:
            await self.journal.asked(self.conversation, question)
            now = self.judge.clock.now().timestamp()
            self.conversation = self.conversation.asking(action.request_id, question.screen_hash, at=now)
        self.questions = (*self.questions, question)
        return ApprovalAsked(question=question, waiting=True)

    async def _void(self, action: Action) -> None:
        """Decided before, and the effect never began: decided anew, by today's rules."""
        before = action.request_id in Decisions.of(self.conversation.decisions).requests
        if before and action.request_id not in self._voided:
            self.conversation = await claims.void(self.conversation, action, self.journal)
            self._voided.add(action.request_id)

    async def _decide(self, action: Action, verdict: Verdict) -> ActionDecided:
        """Record the decision, then answer what can be answered without running anything."""
        await self._void(action)
        try:
            seq = await self._record(action, verdict)
        except QuotaFull as full:  # the last place went to another call just now
            verdict = Verdict(decision=limits.reached(full), ruling=verdict.ruling)
            seq = await self._record(action, verdict)
        decision, ruling = verdict.decision, verdict.ruling
        made = decided(action, ruling, decision, turn=self.conversation.turn, seq=seq)
        self.conversation = self.conversation.decided(made)
        if action.runs_here and decision.allowed and action.request_id in self.conversation.begun:
            await self._save(self.conversation.not_begun(action.request_id))
        request_id, no = action.request_id, decision.reason
        if action.via == "hosted":
            why = "" if decision.allowed else denied_there(self.conversation, request_id, no)
            await self._answer(ApprovalAnswer(request_id=request_id, approve=decision.allowed, reason=why))
        elif not decision.allowed:
            output = denied_here(self.conversation, request_id, no)
            await self._answer(FunctionAnswer(request_id=request_id, output=output))
        if decision.allowed:
            await self._keep_grants(action, verdict)
        return ActionDecided(action=action, decision=decision, rules=ruling.rule_ids)

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
                quotas=self._quotas(action, verdict),
            )
        except (AlreadyDecided, AuditUnavailable, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) or getattr(error, "maybe_written", False):
                # The record may have landed: a person must say what holds.
                self.conversation = self.conversation.beginning(action.request_id)
            else:
                await self._save(self.conversation.not_begun(action.request_id))
            raise

    def _quotas(self, action: Action, verdict: Verdict) -> tuple[Quota, ...]:
        """What the decision uses up, in the same record."""
        if not verdict.decision.allowed:
            return ()
        of_grant = None if verdict.grant is None else grants.quota(verdict.grant)
        return (*self.judge.quotas(action, self.conversation), *([] if of_grant is None else [of_grant]))

    async def _keep_grants(self, action: Action, verdict: Verdict) -> None:
        """Count the use of a grant; make the one that a person's "always" asks for."""
        if verdict.grant is not None:
            self.conversation = self.conversation.grant_used(verdict.grant)
            used = replace(verdict.grant, used=verdict.grant.used + 1)
            await self.journal.grant_used(self.conversation, used, action)
        if not verdict.always or verdict.answer is None:
            return
        self.conversation, why_not = await grants.make(
            action,
            verdict.ruling,
            self.conversation,
            self.judge.policies.current(),
            grant_id=self.judge.clock.new_id("grant"),
            now=self.judge.clock.now().timestamp(),
            ttl=verdict.answer.ttl,
            uses=verdict.answer.uses,
            journal=self.journal,
        )
        if why_not is not None:
            message = f"{action.name} is allowed once, and no grant was made: {why_not}"
            self._notices.append(Notice(type="grant_refused", message=message))

    async def _answer(self, answer: AnswerItem) -> None:
        await self._save(self.conversation.answer(answer))
