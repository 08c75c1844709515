"""The right to run an attempt is used up in the log before the attempt runs or is sent.

A saved conversation may have copies, and only the log is shared by all of them. Each attempt at a request
(`Conversation.repeats` counts them) has one such right; whoever uses it first, runs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.items import ApprovalRequest
from mcpbridge.engine.journal import Journal
from mcpbridge.errors import AlreadyDecided

Call = ApprovalRequest | Action


async def use_up(
    conversation: Conversation, calls: Sequence[Call], journal: Journal, *, fresh: bool
) -> tuple[Conversation, BaseException | None]:
    """Use up the right to run each call, all at once (one sync). `fresh`: no copy of them can exist yet.

    On failure returns the error and the state that holds then: what was used up is a further attempt next
    time, what may have been used up is unknown, and the rest has not begun.
    """
    if len(calls) == 1:  # the usual case, without a task of its own
        outcomes = [await _claimed(conversation, calls[0], journal, fresh=fresh)]
    else:
        outcomes = await asyncio.gather(
            *(journal.claim(conversation, call, void=False, new_key=fresh) for call in calls),
            return_exceptions=True,
        )
    failure = next((outcome for outcome in outcomes if outcome is not None), None)
    if failure is None:
        return conversation, None
    for call, outcome in zip(calls, outcomes, strict=True):
        request_id = call.id if isinstance(call, ApprovalRequest) else call.request_id
        if outcome is None:
            conversation = conversation.not_begun(request_id).again(request_id)
        elif not getattr(outcome, "maybe_written", False):
            conversation = conversation.not_begun(request_id)
    return conversation, failure


async def _claimed(
    conversation: Conversation, call: Call, journal: Journal, *, fresh: bool
) -> BaseException | None:
    try:
        await journal.claim(conversation, call, void=False, new_key=fresh)
    except Exception as error:  # noqa: BLE001 # boundary: a log may fail in any way; raised by whoever runs the call
        return error
    return None


async def void(conversation: Conversation, action: Action, journal: Journal) -> Conversation:
    """Use up the right of an attempt that was decided and never ran, so that no older copy can run it;
    the next decision is a further attempt."""
    try:
        await journal.claim(conversation, action, void=True, new_key=False)
    except AlreadyDecided as error:
        # Voided before, and interrupted: nobody can run it, and the next attempt is claimed anew.
        if error.outcome != "not_run":
            raise
    return conversation.again(action.request_id)
