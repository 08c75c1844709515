"""Putting one question: once to one person, or until as many as the policy names have agreed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve, Decision, Outcome, Ruling
from mcpbridge.engine import edited
from mcpbridge.engine.events import Notice
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.judge import Judge, Verdict
from mcpbridge.engine.quorum import Standing, count, standing, together
from mcpbridge.ports import LocalTool


@dataclass(kw_only=True)
class Asking:
    """Asks about the calls of one conversation. `conversation` is always the latest state."""

    conversation: Conversation
    judge: Judge
    journal: Journal
    tools: Mapping[str, LocalTool]
    """Function name → what runs here: what a person writes for it is held against it at once."""
    pauses: bool = True
    """Whether a question may stay open; else what nobody can decide now is denied."""
    notices: list[Notice] = field(default_factory=list[Notice])

    def question(self, action: Action, ruling: Ruling) -> Question:
        """What a person would be shown, with who has agreed and who may."""
        question = self.judge.question(action, ruling, self.conversation)
        return _current(question, self.standing(question)) if question.needs else question

    def standing(self, question: Question) -> Standing:
        """How far the agreement has come."""
        return standing(question, self.conversation, waited=self._waited(question))

    def agreed(self, action: Action, ruling: Ruling) -> Verdict | None:
        """The verdict where enough people have agreed already."""
        question = self.judge.question(action, ruling, self.conversation)
        if not question.needs:
            return None
        reached = self.standing(question)
        return None if reached.lacking else self._together(question, reached)

    async def take(self, action: Action, ruling: Ruling, answer: Answer) -> bool:
        """Count a yes that was given for the screen shown earlier; whether it was one to count."""
        question = self.judge.question(action, ruling, self.conversation)
        shown = self.conversation.asked.get(action.request_id) == question.screen_hash
        if not (question.needs and shown and isinstance(answer, Approve)) or answer.arguments is not None:
            return False
        await self._count(answer, question, self._waited(question))
        return True

    async def ask(self, action: Action, ruling: Ruling) -> Verdict | None:
        """Ask now. None where the question stays open: what was said does not suffice."""
        fits = edited.objection(self.tools.get(action.function))
        question = replace(self.question(action, ruling), objection=fits)
        await self.journal.asked(self.conversation, question)
        if not question.needs:
            return await self.judge.ask(question)
        now = self.judge.clock.now().timestamp()
        self.conversation = self.conversation.asking(action.request_id, question.screen_hash, at=now)
        return await self._ask_until_decided(question)

    def unless_unfit(self, action: Action, verdict: Verdict) -> Verdict | None:
        """The verdict; None where an approver wrote arguments that do not fit the tool, which decides
        nothing: the question stays open, with a notice. Where none may, it is no approval."""
        why_not = edited.unfit(action, verdict.answer, self.tools.get(action.function))
        if why_not is None or verdict.question is None or not verdict.decision.allowed:
            return verdict
        if not self.pauses:
            decision = replace(verdict.decision, outcome=Outcome.ERROR, reason=why_not)
            return replace(verdict, decision=decision, always=False, answer=None)
        self.notices.append(edited.not_taken(action, why_not, verdict.decision.approver))
        if verdict.asked_at is not None:  # on record as asked, so that it need not be put on record again
            shown, at = verdict.question.screen_hash, verdict.asked_at.timestamp()
            self.conversation = self.conversation.asking(action.request_id, shown, at=at)
        return None

    async def _ask_until_decided(self, question: Question) -> Verdict | None:
        loop = asyncio.get_running_loop()
        began, before = loop.time(), self._waited(question)
        asked_at = self.judge.clock.now()
        while True:
            gone = loop.time() - began
            now = standing(question, self.conversation, waited=before + gone)
            if not now.lacking:
                return self._together(question, now, asked_at)
            left = None if question.timeout is None else max(question.timeout - gone, 0.0)
            further = now.escalates_in
            escalates = further is not None and (left is None or further < left)
            asked = replace(_current(question, now), timeout=further if escalates else left)
            verdict = await self.judge.ask(asked)
            if escalates and verdict.decision.outcome is Outcome.TIMEOUT:
                continue
            if verdict.answer is None:
                return verdict
            why_not = await self._count(verdict.answer, question, before + loop.time() - began)
            if why_not is not None:
                return None if self.pauses else _nobody_else(verdict, why_not)

    async def _count(self, answer: Approve, question: Question, waited: float) -> str | None:
        self.conversation, why_not = await count(
            answer,
            question,
            self.conversation,
            waited=waited,
            now=self.judge.clock.now().timestamp(),
            journal=self.journal,
        )
        if why_not is not None:
            about = {"request_id": question.action.request_id, "approver": answer.by}
            message = f"a yes to {question.action.name} does not count: {why_not}"
            self.notices.append(Notice(type="approval_not_counted", message=message, fields=about))
        return why_not

    def _together(self, question: Question, reached: Standing, asked_at: datetime | None = None) -> Verdict:
        return self.judge.answered(question, together(reached.votes, reached.agreed), asked_at)

    def _waited(self, question: Question) -> float:
        """Seconds since this very screen was first put."""
        request_id = question.action.request_id
        if self.conversation.asked.get(request_id) != question.screen_hash:
            return 0.0
        now = self.judge.clock.now().timestamp()
        return max(now - self.conversation.asked_at.get(request_id, now), 0.0)


def _current(question: Question, now: Standing) -> Question:
    return replace(question, agreed=now.agreed, may_answer=now.may_answer)


def _nobody_else(verdict: Verdict, why_not: str) -> Verdict:
    decision = Decision(
        outcome=Outcome.NO_APPROVER,
        reason=f"The people who have to agree could not be asked here ({why_not}).",
        approver=verdict.decision.approver,
        authenticated=verdict.decision.authenticated,
        screen_hash=verdict.decision.screen_hash,
    )
    return replace(verdict, decision=decision, always=False, answer=None)
