"""What a caller passes to a turn, checked before anything begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.ruling import Answer, Approve, Deny
from mcpbridge.engine.edited import impossible
from mcpbridge.errors import AlreadyDecided, UsageError

Prompt = str | Sequence[Mapping[str, Any]]
"""Text, or Responses input parts such as `{"type": "input_image", "image_url": …}`."""


def checked(prompt: Prompt) -> Prompt:
    given: object = prompt
    if isinstance(given, str):
        if not given.strip():
            raise UsageError("the prompt is empty")
    elif not isinstance(given, list | tuple) or not all(
        isinstance(part, Mapping) for part in cast("Sequence[object]", given)
    ):
        raise UsageError(
            "a prompt is text, or a list of input parts such as {'type': 'input_text', 'text': …}, "
            f"not {type(prompt).__name__}"
        )
    return prompt


def check_answers(state: Conversation, decisions: Mapping[str, Answer]) -> None:
    for request_id, answer in decisions.items():
        if not isinstance(cast("object", answer), Approve | Deny):
            raise UsageError(
                f"decisions[{request_id!r}] is {answer!r}; write Approve(by=…) or Deny(reason=…)"
            )
        cannot = impossible(state, request_id, answer)
        if cannot is not None:
            raise UsageError(f"decisions[{request_id!r}]: {cannot}")
        if request_id not in state.unknown and all(call.id != request_id for call in state.pending):
            raise _not_open(state, request_id)


def _not_open(conversation: Conversation, request_id: str) -> UsageError:
    for decided in reversed(conversation.decisions):
        if decided.request_id == request_id:
            return AlreadyDecided(request_id, outcome=decided.outcome, seq=decided.seq, latest=True)
    waiting = ", ".join(call.id for call in conversation.pending) or "none"
    return UsageError(f"{request_id} is not an open question of this conversation (open: {waiting})")
