"""Arguments that a person wrote instead of the model's: validated, ruled and told like any others.

Only for calls that run here. What the provider runs, it runs with the arguments it asked about (WIRE §2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.items import ApprovalRequest
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve, Decision, Effect, Outcome, Ruling
from mcpbridge.core.strict_json import MalformedArguments, parse_arguments
from mcpbridge.ports import LocalTool

HOSTED: Final = (
    "{name} is run by the model provider with the arguments it asked about, so nobody can edit them; "
    "deny it, and say in the reason what you want instead"
)
_TOGETHER: Final = (
    "several people have to agree on {name} as it stands, so nobody can edit it; deny it with a reason"
)
_AS_SHOWN: Final = "what a server asks here cannot be changed, only refused"


def refused(question: Question, answer: Approve) -> str | None:
    """Why this edit cannot be taken; None where it can, or where there is none."""
    if answer.arguments is None:
        return None
    if question.action.via == "hosted":
        return HOSTED.format(name=question.action.name)
    if not question.editable:
        return _AS_SHOWN
    return _TOGETHER.format(name=question.action.name) if question.needs else None


def of_a_hosted_call(conversation: Conversation, request_id: str, answer: Answer) -> str | None:
    """The same for an answer that is given before the run goes on."""
    hosted = next(
        (one for one in conversation.pending if one.id == request_id and isinstance(one, ApprovalRequest)),
        None,
    )
    if hosted is None or not isinstance(answer, Approve) or answer.arguments is None:
        return None
    return HOSTED.format(name=f"{hosted.server_label}.{hosted.name}")


def edited(action: Action, arguments: Mapping[str, Any], tool: LocalTool | None) -> Action:
    """The action with these arguments; `malformed` where they do not fit."""
    try:
        parsed, malformed = parse_arguments(arguments), None
    except MalformedArguments as error:
        parsed, malformed = None, str(error)
    if parsed is not None and tool is not None:
        malformed = tool.check(parsed)
    return replace(
        action,
        arguments=parsed if malformed is None else None,
        raw_arguments=json.dumps(arguments, ensure_ascii=False, default=str),
        malformed=malformed,
        edited_from=action.fingerprint(),
    )


def denial(ruling: Ruling) -> Decision | None:
    """What the rules say against the edited call. A further question is answered by whoever wrote it."""
    if ruling.effect is not Effect.DENY:
        return None
    reason = f"A person changed the arguments, and as changed it is denied: {ruling.reason}"
    return Decision(outcome=ruling.outcome or Outcome.POLICY_DENY, reason=reason)


def told(action: Action, output: str | Sequence[Mapping[str, Any]]) -> str | Sequence[Mapping[str, Any]]:
    """The result, with what was run instead of what the model asked for."""
    if not action.edited_from:
        return output
    head = f"A person changed the arguments before this ran. It ran with: {action.raw_arguments}"
    if isinstance(output, str):
        return f"{head}\n{output}"
    return [{"type": "input_text", "text": head}, *output]
