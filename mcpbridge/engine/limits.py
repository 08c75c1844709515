"""Limits on calls: checked before anybody is asked, and used up by the record of the decision itself.

The log checks and writes in one step, so calls side by side, other conversations and other processes cannot
both take the last place. A call whose outcome is unknown counts; one that provably never ran is given back.
"""

from __future__ import annotations

from collections.abc import Sequence

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.quota import Quota, QuotaFull
from mcpbridge.core.ruling import Decision, Outcome
from mcpbridge.policy import Policy
from mcpbridge.policy.limits import quotas
from mcpbridge.ports import AuditSink, Counter


def used_by(
    action: Action, conversation: Conversation, policies: Sequence[Policy], now: float
) -> tuple[Quota, ...]:
    """What a call uses up under the limits of all enforced policies."""
    limits = [limit for policy in policies if not policy.shadow for limit in policy.limits]
    if not limits:
        return ()
    return quotas(limits, action, conversation=conversation.id, principal=conversation.principal, now=now)


async def refused(sink: AuditSink, given: Sequence[Quota]) -> Decision | None:
    """The denial where one more use is not permitted. Raises AuditUnavailable."""
    if not given:
        return None
    if not isinstance(sink, Counter):
        reason = "A limit names this call, and the audit log in use does not count."
        return Decision(outcome=Outcome.ERROR, reason=reason)
    full = await sink.against(given)
    return None if full is None else reached(full)


def reached(full: QuotaFull) -> Decision:
    """The denial, with when the next call is possible."""
    return Decision(outcome=Outcome.LIMIT, reason=full.sentence())
