"""Putting to a person what a server asks in the middle of a call: the same for everything that it may ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question, Wanted, visible
from mcpbridge.core.ruling import Decision, Effect, Outcome, RuleMatch, Ruling
from mcpbridge.engine.events import Notice
from mcpbridge.engine.judge import Judge, Verdict
from mcpbridge.engine.quorum import Standing, needs

_SHOWN: Final = 20_000
"""Characters of one question. A person reads no more; what is not shown is not sent."""

_NOBODY: Final = (
    "nobody is there; run at a terminal with `approvals: {ask: terminal}`, or pass approver= in Python"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came of it. `accept` is a clear yes, `decline` a no; anything else is `cancel`."""

    action: Literal["accept", "decline", "cancel"]
    reason: str = ""
    verdict: Verdict | None = None
    """None where nobody was asked."""
    nobody: bool = False
    """Whether nobody was there to ask."""

    @property
    def decision(self) -> Decision | None:
        return None if self.verdict is None else self.verdict.decision

    @property
    def written(self) -> Mapping[str, Any] | None:
        """What the person wrote in place of what was shown."""
        answer = None if self.verdict is None else self.verdict.answer
        return None if answer is None else answer.arguments


def question(
    action: Action,
    conversation: Conversation,
    judge: Judge,
    *,
    rule: str,
    shown: Mapping[str, Any],
    lines: list[str],
    wanted: Wanted | None = None,
    objection: Callable[[Mapping[str, Any]], str | None] | None = None,
) -> Question:
    """What a person is shown. A yes is for what is `shown`, and for nothing that comes later.

    With an `objection` it is a reply to the server, and a person may write another one.
    """
    ruling = Ruling(
        effect=Effect.ASK,
        outcome=None,
        matches=(RuleMatch(rule_id=rule, effect=Effect.ASK),),
        reason="The server asks for this while the call runs.",
        grantable=False,
    )
    return Question(
        action=replace(action, arguments=shown, raw_arguments=json.dumps(shown, ensure_ascii=False)),
        ruling=ruling,
        conversation_id=conversation.id,
        principal=conversation.principal,
        screen="\n".join(visible(line, newlines=False) for line in lines),
        timeout=judge.ask_timeout,
        grantable=False,
        wanted=wanted,
        editable=objection is not None,
        reply=objection is not None,
        objection=objection,
    )


def too_long(asked: Question) -> str:
    """Why nobody is asked a question that nobody could read; empty where one can."""
    more = len(asked.screen) > _SHOWN
    return f"it is longer than the {_SHOWN:,} characters that a person is shown" if more else ""


def beginning_of(asked: Question) -> Question:
    """What is on record of a question that nobody was shown: a storm of long ones does not fill the log."""
    action = replace(asked.action, arguments={}, raw_arguments="{}")
    return replace(asked, action=action, screen=f"{asked.screen[:_SHOWN]}…")


async def put(asked: Question, judge: Judge) -> Said:
    """Ask now, where somebody is there and nothing is frozen, also not by the time of the answer."""
    frozen = judge.frozen()
    if frozen is not None:
        return Said(action="decline", reason=frozen)
    if judge.approver is None:
        return Said(action="decline", reason="nobody can be asked while a call runs", nobody=True)
    verdict = await judge.ask(asked)
    outcome, reason = verdict.decision.outcome, verdict.decision.reason
    if outcome is Outcome.HUMAN_ALLOW:
        why_not = judge.frozen() or _not_counted(asked, verdict, judge)
        return Said(action="cancel" if why_not else "accept", reason=why_not, verdict=verdict)
    no = outcome is Outcome.HUMAN_DENY
    nobody = outcome is Outcome.NO_APPROVER
    return Said(action="decline" if no else "cancel", reason=reason, verdict=verdict, nobody=nobody)


def unanswered(action: Action, said: Said) -> Notice | None:
    """For whoever runs this: the server got nothing, and no person meant it so."""
    meant = said.decision is not None and said.decision.outcome is Outcome.HUMAN_DENY
    if said.action == "accept" or meant:
        return None
    return Notice(
        type="question_declined",
        message=f"{action.name} asked something and got no answer, {_NOBODY if said.nobody else said.reason}",
        fields={
            "request_id": action.request_id,
            "server_label": action.server_label,
            "tool": action.tool,
        },
    )


def _not_counted(asked: Question, verdict: Verdict, judge: Judge) -> str:
    """Where policies say who has to agree to calls of this tool, a yes in the middle of one is theirs too:
    of one of them, since several cannot fill in one form."""
    wanted = needs(asked.action, judge.policies.current())
    if not wanted or verdict.answer is None:
        return ""
    standing = Standing(needs=wanted, votes=(), requester=asked.principal, waited=0.0)
    return standing.objection(verdict.answer) or ""


def block(head: str, text: str) -> list[str]:
    """A text in the column beside its name: no line of it looks like one of ours."""
    return [f"  {head if number == 0 else '':<11}{line}" for number, line in enumerate(text.split("\n"))]
