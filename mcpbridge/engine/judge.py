"""One action, one decision: policies first, then grants, then a person. Silence and errors deny."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question, screen
from mcpbridge.core.ruling import Answer, Approve, Decision, Deny, Effect, Outcome, Ruling
from mcpbridge.engine.effects import cancelled_from_outside
from mcpbridge.policy import Facts, Policy, rule
from mcpbridge.ports import Approver, Clock, NobodyThere


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision with what led to it. `asked_at` is set when a person was shown a screen."""

    decision: Decision
    ruling: Ruling
    question: Question | None = None
    asked_at: datetime | None = None
    always: bool = False


class Policies(Protocol):
    """Where the policies in force come from; read once per action, so that a reload is atomic."""

    def current(self) -> Sequence[Policy]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPolicies:
    """Policies that never change."""

    policies: tuple[Policy, ...]

    def current(self) -> Sequence[Policy]:
        return self.policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Rules on actions. Without an approver, questions stay open (the run pauses)."""

    policies: Policies
    clock: Clock
    approver: Approver | None = None
    ask_timeout: float | None = None
    """Seconds a person has when the policy does not say; None waits."""
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Group → principals, for `who:`."""

    def rule(self, action: Action, conversation: Conversation, *, known: bool) -> Ruling:
        """What the policies in force say. Pure but for reading which policies are in force."""
        principal = conversation.principal
        facts = Facts(
            principal=principal,
            groups=frozenset(name for name, members in self.groups.items() if principal in members),
            known_tool=known,
            user_texts=conversation.user_texts,
        )
        return rule(action, self.policies.current(), facts)

    def without_asking(self, action: Action, ruling: Ruling, conversation: Conversation) -> Verdict | None:
        """The verdict where no person is needed: allow, deny, or a grant given earlier."""
        if ruling.effect is not Effect.ASK:
            outcome = ruling.outcome or (
                Outcome.POLICY_ALLOW if ruling.effect is Effect.ALLOW else Outcome.POLICY_DENY
            )
            return Verdict(decision=Decision(outcome=outcome, reason=ruling.reason), ruling=ruling)
        granted = any(
            grant.fingerprint == action.fingerprint()
            and grant.definition_hash == action.definition_hash
            and grant.principal == conversation.principal
            for grant in conversation.grants
        )
        if not granted:
            return None
        return Verdict(decision=Decision(outcome=Outcome.GRANT_ALLOW), ruling=ruling)

    def question(self, action: Action, ruling: Ruling, conversation: Conversation) -> Question:
        """What a person would be shown."""
        return Question(
            action=action,
            ruling=ruling,
            conversation_id=conversation.id,
            principal=conversation.principal,
            screen=screen(action, ruling, principal=conversation.principal),
            timeout=ruling.ask_timeout if ruling.ask_timeout is not None else self.ask_timeout,
        )

    async def ask(self, question: Question) -> Verdict:
        """Ask now. Never raises for what an approver does: whatever is not a clear yes is a no."""
        assert self.approver is not None
        asked_at = self.clock.now()
        answer: object
        deadline = asyncio.timeout(question.timeout)
        try:
            async with deadline:
                answer = await self.approver.ask(question)
        except (Exception, asyncio.CancelledError) as error:  # boundary: foreign code; its failure is a no
            if isinstance(error, asyncio.CancelledError) and cancelled_from_outside():
                raise
            if isinstance(error, TimeoutError) and deadline.expired():
                decision = Decision(outcome=Outcome.TIMEOUT, reason="nobody answered in time")
            elif isinstance(error, NobodyThere):
                decision = Decision(outcome=Outcome.NO_APPROVER, reason=f"nobody is there to ask: {error}")
            else:
                why = f"the approver failed ({type(error).__name__})"
                decision = Decision(outcome=Outcome.ERROR, reason=why)
            return self._verdict(question, decision, asked_at)
        if getattr(self.approver, "absent", False) is True:
            decision = Decision(outcome=Outcome.NO_APPROVER, reason="nobody is there to ask")
            return self._verdict(question, decision, asked_at)
        return self.answered(question, answer, asked_at)

    def answered(self, question: Question, answer: object, asked_at: datetime | None) -> Verdict:
        """The verdict for a person's answer. Only an Approve or a Deny is one."""
        match answer:
            case Approve():
                outcome, always = Outcome.HUMAN_ALLOW, answer.always is True
            case Deny():
                outcome, always = Outcome.HUMAN_DENY, False
            case _:
                decision = Decision(
                    outcome=Outcome.ERROR, reason="the approver returned neither an approval nor a denial"
                )
                return self._verdict(question, decision, asked_at)
        decision = Decision(
            outcome=outcome,
            reason=answer.reason or ("" if outcome.allowed else "a person denied this call"),
            approver=answer.by,
            authenticated=answer.authenticated is True,
            screen_hash=question.screen_hash,
        )
        return self._verdict(question, decision, asked_at, always=always)

    @staticmethod
    def _verdict(
        question: Question, decision: Decision, asked_at: datetime | None, *, always: bool = False
    ) -> Verdict:
        return Verdict(
            decision=decision, ruling=question.ruling, question=question, asked_at=asked_at, always=always
        )


Answers = Mapping[str, Answer]
"""Request id → a person's answer, given before the run was resumed."""
