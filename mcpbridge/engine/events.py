"""What happens while a conversation advances, as it happens. The last event carries the conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation, Usage
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Decision

Evidence = Literal["executed_here", "reported_by_provider", "observed"]
"""Who saw the outcome: we ran it; the provider says so; the provider says so and nobody was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """A piece of the answer, while streaming."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """A piece of the reasoning summary, while streaming."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WireEvent:
    """Any other streaming event, as it came (WIRE §5: unknown ones are passed on, never fatal)."""

    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsListed:
    """The provider listed a server's tools, or a bridged server listed its own. `changed` names definitions
    that differ from before."""

    server_label: str
    tools: tuple[str, ...]
    changed: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseReceived:
    """A response was taken over."""

    response_id: str
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAsked:
    """A person is asked, now or (when `waiting`) whenever somebody resumes."""

    question: Question
    waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDecided:
    """The last word on an action; its record is durable."""

    action: Action
    decision: Decision
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted:
    """A call that runs here starts."""

    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class CallProgress:
    """A bridged call has come further, in its server's words."""

    request_id: str
    server_label: str
    tool: str
    progress: float
    total: float | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFinished:
    """A call ended: one that ran here, or a hosted call as the provider reports it."""

    request_id: str
    server_label: str
    tool: str
    status: Literal["completed", "failed", "timeout"]
    evidence: Evidence
    output: str
    """What the model is told; text only, images and files are named."""
    structured: Mapping[str, Any] | None = None
    """`structuredContent` of a bridged tool, credentials masked; None where it gave none, or it was cut. The
    text holds the same."""
    cut_from: int | None = None
    """Bytes of the whole result, where the model got it cut; None where it got all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something worth knowing that is not a failure: a retry, a fallback, a silent server."""

    type: str
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The last event. `paused`: somebody must decide; else the model has answered."""

    conversation: Conversation
    status: Literal["completed", "paused"]
    questions: tuple[Question, ...] = ()


Event = (
    TextDelta
    | ReasoningDelta
    | WireEvent
    | ToolsListed
    | ResponseReceived
    | ApprovalAsked
    | ActionDecided
    | CallStarted
    | CallProgress
    | CallFinished
    | Notice
    | Finished
)
