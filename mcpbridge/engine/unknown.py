"""Effects begun earlier, of unknown outcome: repeated or given up where a person says so; what is idempotent
may run again; nothing else goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.ruling import Answer, Approve
from mcpbridge.engine.effects import to_the_end
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.judge import Answers
from mcpbridge.errors import AlreadyDecided, OutcomeUnknown


@dataclass(kw_only=True)
class Unknowns:
    """The unknown outcomes of one conversation, and what people say about them."""

    conversation: Conversation
    answers: Answers
    """Those that are used up here are gone from it afterwards."""
    idempotent: Callable[[str], bool]
    """Whether a pending request may simply be made again."""
    journal: Journal
    move: Callable[[Conversation], Awaitable[None]]

    async def resolve(self) -> None:
        """Raises OutcomeUnknown for what stays unknown."""
        for request_id in self.conversation.unknown:
            answer = self.answers.get(request_id)
            if answer is not None:
                await to_the_end(self._resolve(request_id, answer))
            elif self.idempotent(request_id):
                self.conversation = self.conversation.repeat_unknown(request_id)
        if self.conversation.unknown:
            error = OutcomeUnknown(
                f"it is not known whether {', '.join(self.conversation.unknown)} took effect; "
                "somebody must look and decide: repeat it, or go on without it"
            )
            error.request_ids = self.conversation.unknown
            raise error

    async def _resolve(self, request_id: str, answer: Answer) -> None:
        """What a person decided, on record first. It settles the unknown and nothing else: a call that is
        tried again meets the policy again."""
        repeat = isinstance(answer, Approve)
        try:
            await self.journal.resolved(self.conversation, request_id, repeat=repeat, answer=answer)
        except AlreadyDecided:
            # Decided in a copy, or just before a crash. Giving it up can do no harm, and nothing is stuck.
            if repeat:
                raise
            await self.journal.note(
                "recovery",
                self.conversation,
                request_id=request_id,
                outcome="given_up",
                approver=answer.by,
                reason=answer.reason,
            )
        self.answers = {key: value for key, value in self.answers.items() if key != request_id}
        if repeat:
            self.conversation = self.conversation.repeat_unknown(request_id)
        else:
            told = answer.reason or "a person decided not to repeat it"
            self.conversation = self.conversation.give_up_unknown(
                request_id, f"It is not known whether this call took effect: {told}."
            )
        await self.move(self.conversation)
