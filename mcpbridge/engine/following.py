"""Following one call while it runs: its progress becomes events, its server's questions meet a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mcpbridge.core.action import Action
from mcpbridge.engine.events import CallProgress, Event
from mcpbridge.ports import Elicitation, Elicited, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """A CallObserver for one call."""

    action: Action
    tell: Callable[[Event], None]
    answer: Callable[[Action, Elicitation], Awaitable[Elicited]]

    def progress(self, progress: Progress) -> None:
        self.tell(
            CallProgress(
                request_id=self.action.request_id,
                server_label=self.action.server_label,
                tool=self.action.tool,
                progress=progress.progress,
                total=progress.total,
                message=progress.message,
            )
        )

    async def elicit(self, question: Elicitation) -> Elicited:
        return await self.answer(self.action, question)
