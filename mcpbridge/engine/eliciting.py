"""What a bridged server asks for in the middle of a call: put to a person, on record before and after.

What is shown is what is sent: a plain yes answers with the values on the screen, and a person may write
others. Whatever is no clear yes is a refusal, and so is an answer that does not fit what was asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question, Wanted
from mcpbridge.core.raw import mapping
from mcpbridge.engine.choices import choices
from mcpbridge.engine.fitting import UnusableSchema, fitting
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.judge import Judge
from mcpbridge.engine.put import Said, beginning_of, block, put, question, too_long
from mcpbridge.ports import Elicitation, Elicited

RULE: Final = "elicitation"
_MISFIT: Final = "the answer does not fit the server's form"
_EMPTY: Final[Mapping[str, object]] = {"boolean": False, "integer": 0, "number": 0, "array": []}


async def elicit(
    action: Action, asked: Elicitation, conversation: Conversation, judge: Judge, journal: Journal
) -> Elicited:
    """The answer to give to the server."""
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
    return elicited


def _held_to(asked: Elicitation, content: Mapping[str, Any], said: Said) -> Said:
    """What does not fit what was asked for is not sent."""
    why_not = _unfit(asked, content)
    return said if why_not is None else replace(said, action="cancel", reason=why_not)


def _unfit(asked: Elicitation, content: Mapping[str, Any]) -> str | None:
    try:
        return fitting(asked.schema, misfit=_MISFIT)(content)
    except UnusableSchema as error:
        return f"what was asked for cannot be checked: {error}"


def _question(action: Action, asked: Elicitation, conversation: Conversation, judge: Judge) -> Question:
    content = {} if asked.mode == "url" else {name: _first(one) for name, one in _fields(asked).items()}
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


def _first(field: Mapping[str, Any]) -> object:
    """What is proposed for a field: the server's own default, its first choice, or nothing of its type."""
    if "default" in field:
        return field["default"]
    found = choices(field)
    if found is not None and not found.several:
        return found.values[0]
    return _EMPTY.get(str(field.get("type")), "")


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
    fields = _fields(asked)
    lines = [
        f"  {'answer' if number == 0 else '':<11}{name}  {json.dumps(value, ensure_ascii=False)}"
        f"{_about(fields[name])}"
        for number, (name, value) in enumerate(content.items())
    ]
    return [*(lines or ["  answer     nothing but yes"]), "  yes        sends the answer as it stands here"]


def _about(field: Mapping[str, Any]) -> str:
    said = field.get("description") or field.get("title")
    found = choices(field)
    words = ([str(said)] if said else []) + ([found.text] if found is not None else [])
    return f"  ({'; '.join(words)})" if words else ""
