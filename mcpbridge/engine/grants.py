"""Grants in a conversation: which one covers a call, which ones have ended, and what an "always" makes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation, Grant
from mcpbridge.core.quota import Quota
from mcpbridge.core.ruling import Effect, Ruling
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.quorum import needs
from mcpbridge.policy import Policy
from mcpbridge.policy.grants import GrantTerms, above, holding, made, strictest
from mcpbridge.ports import Counter


def terms(policies: Sequence[Policy]) -> GrantTerms:
    """What the enforced policies permit together. One that says nothing binds all arguments."""
    given = [policy.grants or GrantTerms() for policy in policies if not policy.shadow]
    return strictest(given)


def grantable(ruling: Ruling) -> bool:
    """Whether an "always" may answer it: never where nobody knows the tool, or its definition has changed."""
    return ruling.effect is Effect.ASK and ruling.grantable and not ruling.notes


def covering(
    action: Action, ruling: Ruling, conversation: Conversation, policies: Sequence[Policy], now: float
) -> tuple[Grant | None, tuple[tuple[Grant, str], ...]]:
    """The grant that answers for a person; else those that nearly do, each with what stands against it."""
    if not grantable(ruling) or not conversation.grants:
        return None, ()
    return holding(
        conversation.grants,
        action,
        terms(policies),
        principal=conversation.principal,
        now=now,
        needs=tuple(one.text for one in needs(action, policies)),
    )


def quota(grant: Grant) -> Quota | None:
    """Uses are counted in the log too: saved state may have copies, and each has the grant."""
    if grant.uses is None:
        return None
    key = hashlib.sha256(f"grant {grant.id}".encode()).hexdigest()
    return Quota(key=key, calls=grant.uses, what=f"a grant for {grant.uses} calls of {grant.name}")


def withdrawal(grant: Grant, *, most: int = 1) -> Quota:
    """Whether somebody took the grant back stands in the log too: a copy of the conversation still has it.
    A withdrawal is the one use that this permits; who records one permits `most`, for it may come twice."""
    key = hashlib.sha256(f"withdrawn {grant.id}".encode()).hexdigest()
    return Quota(key=key, calls=most, what=f"a grant for {grant.name} that was taken back")


async def end_those_that_ended(
    action: Action,
    ruling: Ruling,
    conversation: Conversation,
    policies: Sequence[Policy],
    *,
    now: float,
    journal: Journal,
) -> Conversation:
    """A grant that concerns the call and does not hold any more ends here, on record, with the reason."""
    grant, refused = covering(action, ruling, conversation, policies, now)
    while grant is not None and (spent := await _spent(grant, conversation, journal)) is not None:
        await journal.grant_refused(conversation, action, spent, grant)
        conversation = conversation.ungranted(grant)
        grant, refused = covering(action, ruling, conversation, policies, now)
    for one, why in refused:
        await journal.grant_refused(conversation, action, why, one)
        conversation = conversation.ungranted(one)
    return conversation


async def _spent(grant: Grant, conversation: Conversation, journal: Journal) -> str | None:
    """What the log says against a grant that this conversation still has."""
    if not isinstance(journal.sink, Counter):
        return None
    if conversation.restored and await journal.sink.against([withdrawal(grant)]) is not None:
        return "it was taken back, in a copy of this conversation"
    limit = quota(grant)
    full = None if limit is None else await journal.sink.against([limit])
    return None if full is None else "it is used up, by a copy of this conversation"


async def make(
    action: Action,
    ruling: Ruling,
    conversation: Conversation,
    policies: Sequence[Policy],
    *,
    grant_id: str,
    now: float,
    ttl: float | None,
    uses: int | None,
    journal: Journal,
) -> tuple[Conversation, str | None]:
    """The conversation with the grant that an "always" makes, on record first; or why it makes none."""
    given = terms(policies)
    if ruling.effect is Effect.ALLOW:
        why: str | None = "as it was changed, the policy allows it without one"
    elif not grantable(ruling):
        why = "no grant answers this question: somebody must look each time"
    else:
        why = above(given, ttl=ttl, uses=uses)
    if why is not None:
        await journal.grant_refused(conversation, action, why)
        return conversation, why
    grant = made(
        action,
        given,
        grant_id=grant_id,
        principal=conversation.principal,
        now=now,
        ttl=ttl,
        uses=uses,
        needs=tuple(one.text for one in needs(action, policies)),
    )
    await journal.grant_made(conversation, grant, action)
    return conversation.granted(grant), None
