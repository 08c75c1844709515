"""What a run gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mcpbridge.core.conversation import Conversation, Usage
from mcpbridge.core.decisions import Decided
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Outcome
from mcpbridge.engine.events import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The end of a turn: the model has answered, or somebody must decide."""

    conversation: Conversation
    status: Literal["completed", "paused"]
    questions: tuple[Question, ...] = ()
    """Open questions when paused; pass the answers to `Bridge.resume(decisions=…)`."""
    output: Any = None
    """The parsed answer when an `output_type` was given, else None."""
    notices: tuple[Notice, ...] = ()
    run_id: str = ""

    @property
    def paused(self) -> bool:
        return self.status == "paused"

    @property
    def text(self) -> str:
        """The model's answer; empty when paused, or when the service said nothing after a denial."""
        return "" if self.paused else self.conversation.text

    @property
    def usage(self) -> Usage:
        return self.conversation.usage

    @property
    def decisions(self) -> tuple[Decided, ...]:
        """Every decision of the current turn."""
        return tuple(d for d in self.conversation.decisions if d.turn == self.conversation.turn)

    @property
    def denied(self) -> tuple[Decided, ...]:
        """The decisions of the current turn that kept a call from running."""
        return tuple(decision for decision in self.decisions if not Outcome(decision.outcome).allowed)


def to_json(
    conversation: Conversation,
    *,
    status: str,
    questions: tuple[Question, ...] = (),
    text: str = "",
    output: Any = None,
) -> Mapping[str, Any]:
    """The object of `mcpbridge run --json`."""
    decided = [d for d in conversation.decisions if d.turn == conversation.turn]
    waiting = [
        _approval(
            id=question.action.request_id,
            server=question.action.server_label,
            tool=question.action.tool,
            arguments=question.action.raw_arguments,
            rules=question.ruling.rule_ids,
            outcome=None,
        )
        for question in questions
    ]
    approvals = [
        _approval(
            id=d.request_id,
            server=d.server_label,
            tool=d.tool,
            arguments=d.arguments,
            rules=d.rules,
            outcome=d.outcome,
        )
        for d in decided
    ]
    usage = conversation.usage
    return {
        "status": status,
        "text": text,
        "output": output,
        "approvals": [*approvals, *waiting],
        "denied": [_denial(d) for d in decided if not Outcome(d.outcome).allowed],
        "usage": {name: getattr(usage, name) for name in Usage.__dataclass_fields__},
        "conversation_id": conversation.id,
    }


def _approval(**fields: Any) -> dict[str, Any]:
    return {**fields, "rules": list(fields["rules"])}


def _denial(made: Decided) -> dict[str, Any]:
    return {
        "id": made.request_id,
        "server": made.server_label,
        "tool": made.tool,
        "outcome": made.outcome,
        "reason": made.reason,
    }
