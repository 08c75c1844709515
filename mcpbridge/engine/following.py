"""Following one call while it runs: its progress becomes events, its server's questions meet a person."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from mcpbridge.core.action import Action
from mcpbridge.engine.events import CallProgress, Event
from mcpbridge.engine.server_questions import ServerQuestions
from mcpbridge.ports import Elicitation, Elicited, Progress, Sampled, Sampling, ServerAsked


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """A CallObserver for one call."""

    action: Action
    tell: Callable[[Event], None]
    questions: ServerQuestions

    def progress(self, progress: Progress) -> None:
        """A server's words, so no credential of ours is in them; and its numbers, which JSON has to hold."""
        total = progress.total
        if not math.isfinite(progress.progress) or not (total is None or math.isfinite(total)):
            return
        self.tell(
            CallProgress(
                request_id=self.action.request_id,
                server_label=self.action.server_label,
                tool=self.action.tool,
                progress=progress.progress,
                total=total,
                message=self.questions.mask.text(progress.message),
            )
        )

    async def elicit(self, question: Elicitation) -> Elicited:
        return await self.questions.elicit(self.action, question)

    async def sample(self, wish: Sampling) -> Sampled:
        return await self.questions.sample(self.action, wish)

    async def noted(self, asked: ServerAsked) -> None:
        await self.questions.noted(self.action, asked)
