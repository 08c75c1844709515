"""What a bridged server asks for in the middle of a call: put to a person, on record before and after.

What is shown is what is sent: a plain yes answers with the values on the screen, and a person may write
others. Whatever is no clear yes is a refusal, and so is an answer that does not fit what was asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question, visible
from mcpbridge.core.raw import mapping
from mcpbridge.core.ruling import Effect, Outcome, RuleMatch, Ruling
from mcpbridge.engine.fitting import UnusableSchema, fitting
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.judge import Judge, Verdict
from mcpbridge.ports import Elicitation, Elicited

RULE: Final = "elicitation"
_EMPTY: Final[Mapping[str, object]] = {"boolean": False, "integer": 0, "number": 0, "array": []}
_MAX_MESSAGE: Final = 4_000


async def put(
    action: Action, asked: Elicitation, conversation: Conversation, judge: Judge, journal: Journal
) -> Elicited:
    """The answer to give to the server."""
    question = _question(action, asked, conversation, judge)
    await journal.elicitation_asked(conversation, question, asked.mode)
    elicited, verdict, why = await _answer(question, asked, judge)
    decision = None if verdict is None else verdict.decision
    await journal.elicitation_answered(conversation, question, elicited, decision, why)
    return elicited


async def _answer(
    question: Question, asked: Elicitation, judge: Judge
) -> tuple[Elicited, Verdict | None, str]:
    frozen = judge.frozen()
    if frozen is not None or judge.approver is None:
        return Elicited(action="decline"), None, frozen or "nobody can be asked while a call runs"
    verdict = await judge.ask(question)
    decision = verdict.decision
    if decision.outcome is not Outcome.HUMAN_ALLOW:
        refused = Elicited(action="decline" if decision.outcome is Outcome.HUMAN_DENY else "cancel")
        return refused, verdict, decision.reason
    if asked.mode == "url":
        return Elicited(action="accept"), verdict, ""
    written = verdict.answer.arguments if verdict.answer is not None else None
    content = dict(question.action.arguments or {} if written is None else written)
    why_not = _unfit(asked, content)
    if why_not is not None:
        return Elicited(action="cancel"), verdict, why_not
    return Elicited(action="accept", content=content), verdict, ""


def _unfit(asked: Elicitation, content: Mapping[str, Any]) -> str | None:
    try:
        return fitting(asked.schema)(content)
    except UnusableSchema as error:
        return f"what was asked for cannot be checked: {error}"


def _question(action: Action, asked: Elicitation, conversation: Conversation, judge: Judge) -> Question:
    content = {} if asked.mode == "url" else {name: _first(one) for name, one in _fields(asked).items()}
    ruling = Ruling(
        effect=Effect.ASK,
        outcome=None,
        matches=(RuleMatch(rule_id=RULE, effect=Effect.ASK),),
        reason="The server asks for this while the call runs.",
        grantable=False,
    )
    return Question(
        action=replace(action, arguments=content, raw_arguments=json.dumps(content, ensure_ascii=False)),
        ruling=ruling,
        conversation_id=conversation.id,
        principal=conversation.principal,
        screen=_screen(action, asked, content),
        timeout=judge.ask_timeout,
        grantable=False,
    )


def _fields(asked: Elicitation) -> dict[str, Mapping[str, Any]]:
    return {name: mapping(one) for name, one in mapping(asked.schema.get("properties")).items()}


def _first(field: Mapping[str, Any]) -> object:
    """What is proposed for a field: the server's own default, its first choice, or nothing of its type."""
    if "default" in field:
        return field["default"]
    for key in ("enum", "oneOf"):
        options = field.get(key)
        if isinstance(options, list) and options:
            first = cast("list[object]", options)[0]
            return mapping(first).get("const") if key == "oneOf" else first
    return _EMPTY.get(str(field.get("type")), "")


def _screen(action: Action, asked: Elicitation, content: Mapping[str, object]) -> str:
    message = asked.message[:_MAX_MESSAGE].split("\n")
    lines = [
        f"{action.name} asks for something while it runs",
        f"  server     {action.server_identity} (called by mcpbridge)",
        *(f"  {'it says' if number == 0 else '':<11}{line}" for number, line in enumerate(message)),
        *(_url_lines(asked) if asked.mode == "url" else _form_lines(asked, content)),
    ]
    return "\n".join(visible(line, newlines=False) for line in lines)


def _url_lines(asked: Elicitation) -> list[str]:
    return [
        f"  address    {asked.url}",
        "  yes        tells the server that you visit the address yourself; nothing was fetched from it",
    ]


def _form_lines(asked: Elicitation, content: Mapping[str, object]) -> list[str]:
    fields = _fields(asked)
    lines = [
        f"  {'answer' if number == 0 else '':<11}{name}  {json.dumps(value, ensure_ascii=False)}"
        f"{_about(fields[name])}"
        for number, (name, value) in enumerate(content.items())
    ]
    return [*(lines or ["  answer     nothing but yes"]), "  yes        sends the answer as it stands here"]


def _about(field: Mapping[str, Any]) -> str:
    said = field.get("description") or field.get("title")
    options = field.get("enum")
    words = ([str(said)] if said else []) + ([f"one of {json.dumps(options)}"] if options else [])
    return f"  ({'; '.join(words)})" if words else ""
