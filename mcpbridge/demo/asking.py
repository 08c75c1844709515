"""Who answers in the demo: a person at the terminal, or answers given beforehand, shown as they are used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve
from mcpbridge.demo.screen import Screen
from mcpbridge.ports import Approver


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownApprover:
    """Puts the question on the screen and gives the answer that the inner approver gives."""

    inner: Approver
    screen: Screen
    answers: list[Answer]
    """Those that were given."""

    async def ask(self, question: Question) -> Answer:
        self.screen.entry("asks", question.screen)
        answer = await self.inner.ask(question)
        self.answers.append(answer)
        word = "yes" if isinstance(answer, Approve) else "no"
        self.screen.entry(
            "answer", f"{word}{f': {answer.reason}' if answer.reason else ''} (given beforehand)"
        )
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushedApprover:
    """A person is asked on another stream: what was written so far must stand above the question."""

    inner: Approver
    flush: Callable[[], object]
    answers: list[Answer]
    """Those that were given."""

    async def ask(self, question: Question) -> Answer:
        self.flush()
        answer = await self.inner.ask(question)
        self.answers.append(answer)
        return answer
