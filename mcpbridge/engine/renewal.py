"""Before something is decided: are the policies still those of their files, and is everything frozen?"""

from __future__ import annotations

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import Declared
from mcpbridge.engine.events import Event, Notice
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.judge import Judge
from mcpbridge.errors import Frozen, UsageError
from mcpbridge.policy.changed import PoliciesChanged


async def renew(judge: Judge, conversation: Conversation, journal: Journal) -> list[Event]:
    """Take over policies whose files have changed, on record; a broken file changes nothing but is told."""
    return [await _told(change, conversation, journal) for change in judge.policies.refresh()]


def unless_frozen(judge: Judge, declared: Declared) -> bool:
    """Whether nothing is frozen. Raises Frozen where the provider may run something without asking."""
    frozen = judge.frozen()
    if frozen is not None and declared.runs_unasked:
        raise Frozen(f"{frozen} The provider may run tools here without asking, so nothing is sent.")
    return frozen is None


def refuse_other_servers(conversation: Conversation, declared: Declared) -> None:
    """A saved conversation goes on only with the servers it began with."""
    for label, identity in conversation.identities.items():
        now = declared.identity(label)
        if now != identity:
            raise UsageError(
                f"this conversation used the server {label!r} at {identity}, which is now "
                f"{now or 'not declared'}; "
                "start a new conversation"
            )


async def _told(change: PoliciesChanged, conversation: Conversation, journal: Journal) -> Event:
    fields = {
        "before": [policy.hash for policy in change.before],
        "after": [policy.hash for policy in change.after],
        "policies": [policy.name for policy in change.after],
    }
    if change.problem:
        await journal.note("policy_reload_failed", conversation, reason=change.problem, **fields)
        return Notice(
            type="policy_reload_failed",
            message=f"a policy file is broken, so the policies stay as they were: {change.problem}",
        )
    texts = [policy.text for policy in change.after]
    await journal.note("policy_reloaded", conversation, *texts, **fields)
    names = ", ".join(policy.name for policy in change.after)
    return Notice(type="policy_reloaded", message=f"the policies were read again: {names}")
