"""Arguments that a person wrote instead of the model's: validated, ruled and told like any others.

Those that do not fit the tool decide nothing: a slip in them is neither a yes nor a no. Only for calls that
run here: what the provider runs, it runs with the arguments it asked about (WIRE §2).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.items import ApprovalRequest
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve, Decision, Effect, Outcome, Ruling
from mcpbridge.core.strict_json import MalformedArguments, parse_arguments
from mcpbridge.engine.events import Notice
from mcpbridge.errors import EditRefused
from mcpbridge.ports import LocalTool

HOSTED: Final = (
    "{name} is run by the model provider with the arguments it asked about, so nobody can edit them; "
    "deny it, and say in the reason what you want instead"
)
_TOGETHER: Final = (
    "several people have to agree on {name} as it stands, so nobody can edit it; deny it with a reason"
)
_AS_IT_WAS: Final = (
    "nobody knows whether it took effect, so it cannot be repeated with other arguments; repeat it as it "
    "was, or give it up with a reason"
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


def impossible(conversation: Conversation, request_id: str, answer: Answer) -> str | None:
    """The same for an answer that is given before the run goes on."""
    if not isinstance(answer, Approve) or answer.arguments is None:
        return None
    if request_id in conversation.unknown:
        return _AS_IT_WAS
    hosted = next(
        (one for one in conversation.pending if one.id == request_id and isinstance(one, ApprovalRequest)),
        None,
    )
    if hosted is None:
        return None
    return HOSTED.format(name=f"{hosted.server_label}.{hosted.name}")


def edited(action: Action, arguments: Mapping[str, Any], tool: LocalTool | None) -> Action:
    """The action with these arguments; `malformed` where they do not fit."""
    parsed, malformed = _read(arguments, tool)
    return replace(
        action,
        arguments=parsed if malformed is None else None,
        raw_arguments=json.dumps(arguments, ensure_ascii=False, default=str),
        malformed=malformed,
        edited_from=action.fingerprint(),
    )


def objection(tool: LocalTool | None) -> Callable[[Mapping[str, Any]], str | None] | None:
    """For a question about a call of this tool: what is wrong with arguments that a person writes."""
    return None if tool is None else lambda arguments: _read(arguments, tool)[1]


def hold(answers: Mapping[str, Answer], actions: Iterable[Action], tools: Mapping[str, LocalTool]) -> None:
    """What was written for each of these calls must fit its tool, before anything is decided by any answer.
    Raises EditRefused."""
    for action in actions:
        why_not = unfit(action, answers.get(action.request_id), tools.get(action.function))
        if why_not is not None:
            message = f"{action.request_id}: {why_not}; nothing was decided, so correct it and decide again"
            raise EditRefused(message, request_id=action.request_id)


def unfit(action: Action, answer: Answer | None, tool: LocalTool | None) -> str | None:
    """Why the tool does not take the arguments in this answer; None where there are none, or no tool."""
    if tool is None or not isinstance(answer, Approve) or answer.arguments is None:
        return None
    _, malformed = _read(answer.arguments, tool)
    wrong = f"what was written instead for {action.name} cannot be used"
    return None if malformed is None else f"{wrong} ({malformed})"


def not_taken(action: Action, why_not: str, by: str) -> Notice:
    """Told where the question stays open."""
    about = {"request_id": action.request_id, "approver": by}
    return Notice(type="edit_refused", message=f"{why_not}; it waits still", fields=about)


def _read(arguments: Mapping[str, Any], tool: LocalTool | None) -> tuple[dict[str, Any] | None, str | None]:
    try:
        parsed = parse_arguments(arguments)
    except MalformedArguments as error:
        return None, str(error)
    return parsed, None if tool is None else tool.check(parsed)


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
