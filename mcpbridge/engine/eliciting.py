"""What a bridged server asks for in the middle of a call: put to a person, on record before and after.

What is shown is what is sent: a plain yes answers with the values on the screen, which are the server's own
defaults, and a person may write others. Nothing is made up for a field without one. Whatever is no clear yes
is a refusal, and so is an answer that does not fit what was asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question, Wanted
from mcpbridge.core.raw import mapping
from mcpbridge.engine.choices import choices
from mcpbridge.engine.events import Event
from mcpbridge.engine.fitting import UnusableSchema, fitting
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.judge import Judge
from mcpbridge.engine.put import Said, beginning_of, block, put, question, too_long, unanswered
from mcpbridge.ports import Elicitation, Elicited

RULE: Final = "elicitation"
_MISFIT: Final = "the answer does not fit the server's form"


async def elicit(
    action: Action,
    asked: Elicitation,
    conversation: Conversation,
    judge: Judge,
    journal: Journal,
    *,
    tell: Callable[[Event], None],
) -> Elicited:
    """The answer to give to the server; `tell` hears where there is none that a person gave."""
    shown = _question(action, asked, conversation, judge)
    problem = too_long(shown)
    shown = beginning_of(shown) if problem else shown
    await journal.elicitation_asked(conversation, shown, asked.mode)
    said = Said(action="decline", reason=problem) if problem else await put(shown, judge)
    content: Mapping[str, Any] | None = None
    if said.action == "accept" and asked.mode == "form":
        content = dict(shown.action.arguments or {} if said.written is None else said.written)
        said = _held_to(asked, content, said)
    elicited = Elicited(action=said.action, content=content if said.action == "accept" else None)
    await journal.elicitation_answered(conversation, shown, elicited, said.decision, said.reason)
    notice = unanswered(action, said)
    if notice is not None:
        tell(notice)
    return elicited


def _held_to(asked: Elicitation, content: Mapping[str, Any], said: Said) -> Said:
    """What does not fit what was asked for is not sent."""
    why_not = _unfit(asked, content)
    return said if why_not is None else replace(said, action="cancel", reason=why_not)


def _unfit(asked: Elicitation, content: Mapping[str, Any]) -> str | None:
    missing = [name for name in _to_write(asked) if name not in content]
    if missing:
        return f"nobody has said yet what to answer for {', '.join(missing)}"
    try:
        return fitting(asked.schema, misfit=_MISFIT)(content)
    except UnusableSchema as error:
        return f"what was asked for cannot be checked: {error}"


def _question(action: Action, asked: Elicitation, conversation: Conversation, judge: Judge) -> Question:
    content = {} if asked.mode == "url" else _proposed(asked)
    return question(
        action,
        conversation,
        judge,
        rule=RULE,
        shown=content,
        lines=_lines(action, asked, content),
        wanted=Wanted(form=asked.schema, url=asked.url, id=asked.id),
        objection=None if asked.mode == "url" else partial(_unfit, asked),
    )


def _fields(asked: Elicitation) -> dict[str, Mapping[str, Any]]:
    return {name: mapping(one) for name, one in mapping(asked.schema.get("properties")).items()}


def _proposed(asked: Elicitation) -> dict[str, object]:
    """The server's own defaults. The first of several choices is none: a plain yes chooses nothing."""
    return {name: field["default"] for name, field in _fields(asked).items() if "default" in field}


def _to_write(asked: Elicitation) -> list[str]:
    """The fields that a person has to write: required, and nothing is proposed for them."""
    required: object = asked.schema.get("required")
    return [
        name
        for name, field in _fields(asked).items()
        if isinstance(required, list) and name in required and "default" not in field
    ]


def _lines(action: Action, asked: Elicitation, content: Mapping[str, object]) -> list[str]:
    return [
        f"{action.name} asks for something while it runs",
        f"  server     {action.server_identity} (called by mcpbridge)",
        *block("it says", asked.message),
        *(_url_lines(asked) if asked.mode == "url" else _form_lines(asked, content)),
    ]


def _url_lines(asked: Elicitation) -> list[str]:
    return [
        f"  address    {asked.url}",
        "  yes        tells the server that you visit the address yourself; nothing was fetched from it",
    ]


def _form_lines(asked: Elicitation, content: Mapping[str, object]) -> list[str]:
    to_write = _to_write(asked)
    lines = [
        f"  {'answer' if number == 0 else '':<11}{name}  {_value(name, content, to_write)}{_about(field)}"
        for number, (name, field) in enumerate(_fields(asked).items())
    ]
    yes = "sends the answer as it stands here, or as it is written instead"
    if to_write:
        yes = f"is not enough: {', '.join(to_write)} must be written"
    return [*(lines or ["  answer     nothing but yes"]), f"  yes        {yes}"]


def _value(name: str, content: Mapping[str, object], to_write: list[str]) -> str:
    if name in content:
        return json.dumps(content[name], ensure_ascii=False)
    return "must be written" if name in to_write else "left out"


def _about(field: Mapping[str, Any]) -> str:
    said = field.get("description") or field.get("title")
    found = choices(field)
    words = ([str(said)] if said else []) + ([found.text] if found is not None else [])
    return f"  ({'; '.join(words)})" if words else ""
