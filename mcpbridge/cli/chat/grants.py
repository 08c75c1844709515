"""`/undo-grant`: a yes that has not taken effect yet, or that would hold for further calls, is taken back."""

from __future__ import annotations

from dataclasses import dataclass

from mcpbridge.cli.chat.room import Room
from mcpbridge.core.conversation import Conversation, Grant
from mcpbridge.core.items import ApprovalRequest
from mcpbridge.core.ruling import Decision, Outcome
from mcpbridge.engine.actions import to_action
from mcpbridge.engine.grants import withdrawal
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.review import decided, rule_hosted
from mcpbridge.policy.limits import MAX_CALLS
from mcpbridge.ports import Record

_REASON = "a person took the approval back before it was sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoable:
    """A grant, or an approval that was given and never sent."""

    call: str
    given: Grant | ApprovalRequest
    now: float = 0.0
    """POSIX time."""

    @property
    def what(self) -> str:
        if isinstance(self.given, Grant):
            return f"always {self.call}{_left(self.given, self.now)}"
        return f"once   {self.call} (not sent yet)"


def _left(grant: Grant, now: float) -> str:
    """How long a grant still lasts, and how often it still holds."""
    parts: list[str] = []
    if grant.expires is not None:
        seconds = grant.expires - now
        parts.append(f"{_rough(seconds)} left" if seconds > 0 else "expired")
    if grant.uses is not None:
        left = max(grant.uses - grant.used, 0)
        parts.append(f"{left} call{'' if left == 1 else 's'} left")
    return f" ({', '.join(parts)})" if parts else ""


def _rough(seconds: float) -> str:
    """`2h 5m`, `5m`, `40s`: rounded down."""
    hours, rest = divmod(int(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours}h {minutes}m" if minutes else f"{hours}h"
    return f"{minutes}m" if minutes else f"{rest}s"


def undoable(conversation: Conversation, now: float) -> tuple[Undoable, ...]:
    """Everything that can be taken back: grants in force, then approvals that no request has carried."""
    calls = {
        one.request_id: f"{one.server_label}.{one.tool} {one.arguments}" for one in conversation.decisions
    }
    unsent = [one for one in conversation.approved.values() if one.id not in conversation.begun]
    return (
        *(
            Undoable(call=calls.get(one.request_id, one.request_id), given=one, now=now)
            for one in conversation.grants
        ),
        *(Undoable(call=f"{one.server_label}.{one.name} {one.arguments}", given=one) for one in unsent),
    )


async def undo(room: Room, chosen: Undoable) -> None:
    """Take it back; on record before it holds. Raises AuditUnavailable."""
    if isinstance(chosen.given, Grant):
        await _withdraw_grant(room, chosen.given)
    else:
        await _withdraw_approval(room, chosen.given)


async def _withdraw_grant(room: Room, grant: Grant) -> None:
    fields = {
        "conversation_id": room.conversation.id,
        "principal": room.conversation.principal,
        "request_id": grant.request_id,
        "fingerprint": grant.fingerprint,
        "approver": room.by,
        "authenticated": False,
    }
    taken_back = withdrawal(grant, most=MAX_CALLS)
    await room.parts.audit.append(
        Record(type="grant_withdrawn", phase="pre", fields=fields, quotas=(taken_back,), use=grant.id)
    )
    room.conversation = room.conversation.ungranted(grant)


async def _withdraw_approval(room: Room, request: ApprovalRequest) -> None:
    """As the engine withdraws what today's rules would not allow: a further, denying decision."""
    parts = room.parts
    state, declared, judge = room.conversation.again(request.id), parts.declared(), parts.judge()
    action = to_action(request, state, declared, parts.tools)
    ruling = rule_hosted(request, judge, state, declared, parts.tools)
    denial = Decision(outcome=Outcome.HUMAN_DENY, reason=_REASON, approver=room.by)
    seq = await Journal(sink=parts.audit, run_id=parts.clock.new_id("run")).decision(
        state,
        action,
        ruling,
        denial,
        asked_at=None,
        decided_at=judge.clock.now(),
        blobs=(),
        new_key=False,
        withdrawn=True,
    )
    made = decided(action, ruling, denial, turn=state.turn, seq=seq)
    room.conversation = state.withdraw(request.id, denial.reason).decided(made)
