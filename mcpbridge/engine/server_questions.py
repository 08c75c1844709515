"""What bridged servers ask while their calls run, in one conversation: one question at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import Declared, SamplingTerms
from mcpbridge.core.secret import Mask
from mcpbridge.engine.eliciting import elicit
from mcpbridge.engine.events import Event
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.judge import Judge
from mcpbridge.engine.sampling import Wish
from mcpbridge.engine.sampling_records import noted
from mcpbridge.errors import AuditUnavailable
from mcpbridge.ports import Elicitation, Elicited, Model, Sampled, Sampling, ServerAsked

_SAMPLING = "sampling/createMessage"


@dataclass(kw_only=True)
class ServerQuestions:
    """Answers for one settlement. What cannot be recorded is not answered."""

    conversation: Callable[[], Conversation]
    """The latest."""
    declared: Declared
    judge: Judge
    journal: Journal
    model: Model | None
    mask: Mask
    """What a server says reaches people, clients and the model without our credentials in it."""
    tell: Callable[[Event], None]
    """Who hears of a question that no person has answered."""
    _one: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _wishes: Counter[str] = field(default_factory=Counter[str], init=False)
    """Request → how often words of the model were asked for in it."""

    async def elicit(self, action: Action, question: Elicitation) -> Elicited:
        """People are asked one at a time, also by servers whose calls run side by side."""
        question = self._masked(question)
        async with self._one:
            try:
                return await elicit(
                    action, question, self.conversation(), self.judge, self.journal, tell=self.tell
                )
            except AuditUnavailable:
                return Elicited(action="cancel")

    async def sample(self, action: Action, wish: Sampling) -> Sampled:
        """Within the terms of the server; what goes beyond their number asks nobody."""
        server = self.declared.bridged.get(action.server_label)
        terms = None if server is None else server.sampling
        try:
            if terms is None:
                return await self._refused(action, "sampling is not configured for this server")
            self._wishes[action.request_id] += 1
            if self._wishes[action.request_id] > terms.max_requests:
                return await self._too_many(action, terms)
            async with self._one:
                return await self._wish(action, wish, terms).granted()
        except AuditUnavailable:
            return Sampled(refused="it cannot be recorded")

    async def noted(self, action: Action, asked: ServerAsked) -> None:
        """Raises AuditUnavailable."""
        await noted(self.journal, self.conversation(), action.request_id, asked)

    def _masked(self, question: Elicitation) -> Elicitation:
        return replace(
            question,
            message=self.mask.text(question.message),
            schema=self.mask.value(question.schema),
            url=self.mask.text(question.url),
            id=self.mask.text(question.id),
        )

    def _wish(self, action: Action, wish: Sampling, terms: SamplingTerms) -> Wish:
        return Wish(
            action=action,
            asked=replace(
                wish, messages=tuple(self.mask.value(wish.messages)), system=self.mask.text(wish.system)
            ),
            terms=terms,
            conversation=self.conversation(),
            judge=self.judge,
            journal=self.journal,
            model=self.model,
            mask=self.mask,
            tell=self.tell,
        )

    async def _too_many(self, action: Action, terms: SamplingTerms) -> Sampled:
        """On record once for each call: a storm does not fill the log either."""
        reason = (
            f"more than {terms.max_requests} wishes for words of the model in one call "
            "(sampling_max_requests); all further ones are refused"
        )
        if self._wishes[action.request_id] == terms.max_requests + 1:
            return await self._refused(action, reason)
        return Sampled(refused=reason)

    async def _refused(self, action: Action, reason: str) -> Sampled:
        asked = ServerAsked(
            server_label=action.server_label,
            server_identity=action.server_identity,
            method=_SAMPLING,
            tool=action.tool,
            reason=reason,
        )
        await self.noted(action, asked)
        return Sampled(refused=reason)
