"""Approvals given in an earlier turn meet today's rules once more before they are sent."""

from __future__ import annotations

from collections.abc import Mapping

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.decisions import Decided
from mcpbridge.core.declared import Declared
from mcpbridge.core.items import ApprovalRequest
from mcpbridge.core.ruling import Decision, Effect, Outcome, Ruling
from mcpbridge.core.tripwires import check_asked
from mcpbridge.engine.actions import believed, is_known, to_action
from mcpbridge.engine.events import ActionDecided, Event
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.judge import Judge
from mcpbridge.engine.pins import seen
from mcpbridge.engine.told import denied_there
from mcpbridge.errors import ProtocolViolation
from mcpbridge.ports import LocalTool

_BY_SOMEBODY = frozenset({Outcome.HUMAN_ALLOW.value, Outcome.GRANT_ALLOW.value})


async def review(
    conversation: Conversation,
    declared: Declared,
    tools: Mapping[str, LocalTool],
    judge: Judge,
    journal: Journal,
) -> tuple[Conversation, list[Event]]:
    """Withdraw each approval that was never sent and that would not be given today; on record first."""
    events: list[Event] = []
    for request in tuple(conversation.approved.values()):
        action = to_action(request, conversation, declared, tools)
        ruling = rule_hosted(request, judge, conversation, declared, tools)
        denial = _denial(ruling, request.id, conversation.decisions)
        if denial is None:
            continue
        conversation = conversation.again(request.id)
        seq = await journal.decision(
            conversation,
            action,
            ruling,
            denial,
            asked_at=None,
            decided_at=judge.clock.now(),
            blobs=(),
            new_key=False,
            withdrawn=True,
        )
        told = denied_there(conversation, request.id, denial.reason)
        conversation = conversation.withdraw(request.id, told).decided(
            decided(action, ruling, denial, turn=conversation.turn, seq=seq)
        )
        events.append(ActionDecided(action=action, decision=denial, rules=ruling.rule_ids))
    return conversation, events


def rule_hosted(
    request: ApprovalRequest,
    judge: Judge,
    conversation: Conversation,
    declared: Declared,
    tools: Mapping[str, LocalTool],
) -> Ruling:
    """The policies' ruling, unless the server does not offer the tool (any more)."""
    try:
        check_asked(declared, request)
    except ProtocolViolation as error:
        return Ruling(effect=Effect.DENY, outcome=Outcome.UNKNOWN_TOOL, reason=str(error))
    action = to_action(request, conversation, declared, tools)
    return judge.rule(
        action,
        conversation,
        known=is_known(request, conversation, tools),
        definition=believed(request, conversation, declared),
        seen=seen(request, conversation, declared),
    )


def _denial(ruling: Ruling, request_id: str, made: tuple[Decided, ...]) -> Decision | None:
    if ruling.effect is Effect.DENY:
        return Decision(outcome=ruling.outcome or Outcome.POLICY_DENY, reason=ruling.reason)
    last = next((one.outcome for one in reversed(made) if one.request_id == request_id), "")
    if ruling.effect is Effect.ASK and last not in _BY_SOMEBODY:
        return Decision(
            outcome=Outcome.POLICY_DENY,
            reason="The policy asks a person now, and nobody was asked: ask again.",
        )
    return None


def decided(action: Action, ruling: Ruling, decision: Decision, *, turn: int, seq: int) -> Decided:
    """The decision as the conversation remembers it."""
    return Decided(
        request_id=action.request_id,
        server_label=action.server_label,
        tool=action.tool,
        arguments=action.raw_arguments,
        rules=ruling.rule_ids,
        outcome=decision.outcome.value,
        reason=decision.reason,
        fingerprint=action.fingerprint(),
        turn=turn,
        seq=seq,
    )
