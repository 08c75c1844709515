"""One action, one decision: policies first, then grants, then a person. Silence and errors deny."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from mcpbridge.core.action import Action, ToolDefinition
from mcpbridge.core.conversation import Conversation, Grant
from mcpbridge.core.question import Question, screen
from mcpbridge.core.quota import Quota
from mcpbridge.core.ruling import Answer, Approve, Decision, Deny, Effect, Outcome, Ruling
from mcpbridge.engine.edited import refused
from mcpbridge.engine.effects import cancelled_from_outside
from mcpbridge.engine.grants import covering, grantable, terms
from mcpbridge.engine.limits import used_by
from mcpbridge.engine.quorum import needs
from mcpbridge.policy import Facts, Policy, rule
from mcpbridge.policy.changed import PoliciesChanged, enforcing, shadowing
from mcpbridge.policy.grants import offer
from mcpbridge.policy.pins import Seen, against_pins
from mcpbridge.policy.said.remembered import Remembered
from mcpbridge.ports import Approver, Clock, NobodyThere


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision with what led to it. `asked_at` is set when a person was shown a screen."""

    decision: Decision
    ruling: Ruling
    question: Question | None = None
    asked_at: datetime | None = None
    always: bool = False
    answer: Approve | None = None
    """The yes that a person gave."""
    grant: Grant | None = None
    """The grant that answered."""


class Policies(Protocol):
    """Where the policies in force come from. They change in `refresh` only, so that a reload is atomic."""

    def current(self) -> Sequence[Policy]:
        """Those that decide."""
        ...

    def shadows(self) -> Sequence[Policy]:
        """Those in `mode: shadow`, as if they decided."""
        ...

    def refresh(self) -> Sequence[PoliciesChanged]:
        """Take over what has changed, and say so; called before something is decided."""
        ...


class Freeze(Protocol):
    """The switch that denies everything."""

    def reason(self) -> str | None:
        """Why everything is denied; None when it is not. Looked at for each decision."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPolicies:
    """Policies that never change."""

    policies: tuple[Policy, ...]

    def current(self) -> Sequence[Policy]:
        return enforcing(self.policies)

    def shadows(self) -> Sequence[Policy]:
        return shadowing(self.policies)

    def refresh(self) -> Sequence[PoliciesChanged]:
        return ()


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
    freeze: Freeze | None = None
    caller: str = "the model"
    """Who wants the calls, in questions of conversations that are on nobody's behalf."""
    remembered: Remembered = field(default_factory=Remembered, repr=False, compare=False)
    """What users wrote, prepared for looking values up."""

    def frozen(self) -> str | None:
        """Why everything is denied just now; None when it is not."""
        return None if self.freeze is None else self.freeze.reason()

    def rule(
        self,
        action: Action,
        conversation: Conversation,
        *,
        known: bool,
        definition: ToolDefinition | None = None,
        seen: Seen | None = None,
    ) -> Ruling:
        """What the policies in force say. Pure but for reading which are, and whether all is frozen.

        `definition` is the tool as a server listed it whose annotations may be believed; `seen` is what
        was listed here of a tool that pins are about.
        """
        frozen = self.frozen()
        if frozen is not None:
            return Ruling(effect=Effect.DENY, outcome=Outcome.FROZEN, reason=frozen)
        principal = conversation.principal
        facts = Facts(
            principal=principal,
            groups=frozenset(name for name, members in self.groups.items() if principal in members),
            known_tool=known,
            user_texts=conversation.user_texts,
            definition=definition,
            trust_annotations=definition is not None,
            remembered=self.remembered,
        )
        ruling = _ruled(action, self.policies.current(), facts, seen)
        if not known:
            ruling = replace(ruling, grantable=False)
        shadows = self.policies.shadows()
        if not shadows:
            return ruling
        would = tuple(_ruled(action, (policy,), facts, seen) for policy in shadows)
        return replace(ruling, shadows=would)

    def without_asking(self, action: Action, ruling: Ruling, conversation: Conversation) -> Verdict | None:
        """The verdict where no person is needed: allow, deny, or a grant given earlier."""
        if ruling.effect is not Effect.ASK:
            outcome = ruling.outcome or (
                Outcome.POLICY_ALLOW if ruling.effect is Effect.ALLOW else Outcome.POLICY_DENY
            )
            return Verdict(decision=Decision(outcome=outcome, reason=ruling.reason), ruling=ruling)
        now = self.clock.now().timestamp()
        grant, _ = covering(action, ruling, conversation, self.policies.current(), now)
        if grant is None:
            return None
        return Verdict(decision=Decision(outcome=Outcome.GRANT_ALLOW), ruling=ruling, grant=grant)

    def question(self, action: Action, ruling: Ruling, conversation: Conversation) -> Question:
        """What a person would be shown."""
        policies = self.policies.current()
        # Whoever can only answer this one call is offered no "always": see `ClientApprover` of the gateway.
        once = getattr(self.approver, "once_only", False) is True
        asked, may_grant = needs(action, policies), grantable(ruling) and not once
        return Question(
            action=action,
            ruling=ruling,
            conversation_id=conversation.id,
            principal=conversation.principal,
            screen=screen(
                action,
                ruling,
                principal=conversation.principal or self.caller,
                always=offer(action, terms(policies)) if may_grant else (),
                needs=asked,
                doubtful=action.request_id in conversation.doubtful,
            ),
            timeout=ruling.ask_timeout if ruling.ask_timeout is not None else self.ask_timeout,
            grantable=may_grant,
            needs=asked,
        )

    def quotas(self, action: Action, conversation: Conversation) -> tuple[Quota, ...]:
        """What the call would use up of the limits in force."""
        return used_by(action, conversation, self.policies.current(), self.clock.now().timestamp())

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
        """The verdict for a person's answer. Only an Approve or a Deny is one. Where several have to agree,
        it is for the caller to count them first (see quorum.py)."""
        why_not = refused(question, answer) if isinstance(answer, Approve) else None
        if why_not is not None:
            decision = Decision(outcome=Outcome.ERROR, reason=why_not, approver=getattr(answer, "by", ""))
            return self._verdict(question, decision, asked_at)
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
        verdict = self._verdict(question, decision, asked_at, always=always)
        return replace(verdict, answer=answer) if isinstance(answer, Approve) else verdict

    @staticmethod
    def _verdict(
        question: Question, decision: Decision, asked_at: datetime | None, *, always: bool = False
    ) -> Verdict:
        return Verdict(
            decision=decision, ruling=question.ruling, question=question, asked_at=asked_at, always=always
        )


def _ruled(action: Action, policies: Sequence[Policy], facts: Facts, seen: Seen | None) -> Ruling:
    ruling = rule(action, policies, facts)
    return ruling if seen is None else against_pins(ruling, action, policies, seen)


Answers = Mapping[str, Answer]
"""Request id → a person's answer, given before the run was resumed."""
