"""Approvers that need no terminal: a Python callback, scripted answers, and nobody at all."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Self, cast

from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve, Deny
from mcpbridge.errors import UsageError


class CallbackApprover:
    """Asks a Python function, sync or async, which returns an Approve or a Deny.

    A synchronous function runs in a worker thread; when the question times out its late answer is
    dropped, but the thread runs on. What the function raises or returns instead is passed through:
    the engine counts it as an error, and denies.
    """

    def __init__(self, function: Callable[[Question], Answer | Awaitable[Answer]]) -> None:
        self._function = function

    async def ask(self, question: Question) -> Answer:
        if inspect.iscoroutinefunction(self._function):
            return cast("Answer", await self._function(question))
        answer = await asyncio.to_thread(self._ask_here, question)
        return await answer if inspect.isawaitable(answer) else answer

    def _ask_here(self, question: Question) -> Answer | Awaitable[Answer]:
        try:
            return self._function(question)
        except StopIteration as error:  # asyncio never delivers one from a thread: the ask would hang
            raise RuntimeError("the approval callback raised StopIteration") from error


class ScriptedApprover:
    """Gives the answers it was built with, in order; then denies. For demonstrations and tests.

    An answer is `yes`, `always`, `no` or `no:reason`, or an Approve or Deny.
    """

    def __init__(self, answers: Iterable[str | Answer], *, by: str = "script") -> None:
        self._by = by
        self._answers = [self._read(answer) for answer in answers]
        self._next = 0

    @classmethod
    def from_text(cls, text: str, *, by: str = "script") -> Self:
        """From `yes,no:reason,always`, as `--answers` takes it. A reason cannot hold a comma."""
        return cls((part for part in text.split(",") if part.strip()), by=by)

    @property
    def remaining(self) -> int:
        """Answers not yet given."""
        return len(self._answers) - self._next

    async def ask(self, question: Question) -> Answer:
        if not self.remaining:
            return Deny(by=self._by, reason="no answer scripted")
        self._next += 1
        return self._answers[self._next - 1]

    def _read(self, answer: str | Answer) -> Answer:
        if not isinstance(answer, str):
            return answer
        word, colon, reason = answer.strip().partition(":")
        match word.strip().lower():
            case "no" | "n":
                return Deny(by=self._by, reason=reason.strip())
            case "yes" | "y" if not colon:
                return Approve(by=self._by)
            case "always" | "a" if not colon:
                return Approve(by=self._by, always=True)
            case _:
                raise UsageError(f"{answer!r} is not an answer; use yes, always, no or no:reason")


class DenyApprover:
    """Nobody is there to ask. `absent` lets the engine record `no_approver` instead of a person's no."""

    absent: Final = True

    async def ask(self, question: Question) -> Answer:
        return Deny(reason="nobody is there to ask")
