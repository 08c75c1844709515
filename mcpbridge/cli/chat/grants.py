"""`/undo-grant`: a yes that has not taken effect yet, or that would hold for further calls, is taken back."""

from __future__ import annotations

from dataclasses import dataclass

from mcpbridge.cli.chat.room import Room
from mcpbridge.core.conversation import Conversation, Grant
from mcpbridge.core.items import ApprovalRequest
from mcpbridge.core.ruling import Decision, Outcome
from mcpbridge.engine.actions import to_action
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.review import decided, rule_hosted
from mcpbridge.ports import Record

_REASON = "a person took the approval back before it was sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoable:
    """A grant, or an approval that was given and never sent."""

    call: str
    given: Grant | ApprovalRequest

    @property
    def what(self) -> str:
        if isinstance(self.given, Grant):
            return f"always {self.call}"
        return f"once   {self.call} (not sent yet)"


def undoable(conversation: Conversation) -> tuple[Undoable, ...]:
    """Everything that can be taken back: grants in force, then approvals that no request has carried."""
    calls = {
        one.request_id: f"{one.server_label}.{one.tool} {one.arguments}" for one in conversation.decisions
    }
    unsent = [one for one in conversation.approved.values() if one.id not in conversation.begun]
    return (
        *(Undoable(call=calls.get(one.request_id, one.request_id), given=one) for one in conversation.grants),
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
    await room.parts.audit.append(Record(type="grant_withdrawn", phase="pre", fields=fields))
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
