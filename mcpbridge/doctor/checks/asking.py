"""What the request asks of the model's answer: structured output, tool_choice, parallel calls."""

from __future__ import annotations

import json
from typing import Any

from mcpbridge.core.raw import mapping
from mcpbridge.doctor import words
from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.exam import Exam, function, user
from mcpbridge.doctor.reading import word
from mcpbridge.doctor.refusal import refusal, refused
from mcpbridge.doctor.verdict import Verdict, finding, ok, unknown

_NOTE = function("note_text", "Note a text.")
_OTHER = function("keep_text", "Keep a text for later.")
_SCHEMA = {
    "type": "object",
    "properties": {"greeting": {"type": "string"}},
    "required": ["greeting"],
    "additionalProperties": False,
}


async def structured(exam: Exam) -> Verdict:
    """A JSON schema as text format, and a request for plain words."""
    sent = "a strict JSON schema, and a request for prose"
    form = {"type": "json_schema", "name": "greeting", "schema": _SCHEMA, "strict": True}
    answer = await exam.ask([user(words.PROSE)], text={"format": form})
    if answer.problem:
        return refusal(sent, answer, "structured output is not to be had there")
    if answer.refuses:
        return unknown(sent, "the model refuses")
    if _fits(answer.said):
        return ok(sent, "JSON that fits the schema")
    return finding(sent, "text that does not fit the schema", "structured output is not enforced there")


def _fits(said: str) -> bool:
    try:
        value: Any = json.loads(said)
    except (ValueError, RecursionError):
        return False
    fields = mapping(value)
    return set(fields) == {"greeting"} and isinstance(fields["greeting"], str)


async def tool_choice(exam: Exam) -> Verdict:
    """`none`, `required` and one function by name, each against what the words ask for."""
    call_note = words.call("note_text", exam.nonce())
    tries: tuple[tuple[str, Any, str, list[str]], ...] = (
        ("none", "none", call_note, []),
        ("required", "required", words.NO_CALL, ["note_text", "keep_text"]),
        ("keep_text", {"type": "function", "name": "keep_text"}, call_note, ["keep_text"]),
    )
    wrong: list[str] = []
    sent = "tool_choice none, required, one function, against the words"
    for name, choice, text, wanted in tries:
        answer = await exam.ask([user(text)], tools=[_NOTE, _OTHER], tool_choice=choice)
        if refused(answer):
            wrong.append(f"{name}: {answer.problem}")
        elif answer.problem:
            return unknown(sent, answer.problem, "the request failed")
        elif not _as_chosen(answer, wanted):
            called = ", ".join(_called(answer)) or "no call"
            wrong.append(f"{name}: {called}")
    if wrong:
        return finding(sent, "; ".join(wrong), "do not rely on tool_choice there")
    return ok(sent, "as chosen")


def _called(answer: Answer) -> list[str]:
    return [word(item.get("name")) for item in answer.of("function_call")]


def _as_chosen(answer: Answer, wanted: list[str]) -> bool:
    called = _called(answer)
    return bool(called) == bool(wanted) and all(name in wanted for name in called)


async def parallel(exam: Exam) -> Verdict:
    """Two calls in one answer, and one at a time where that is wanted."""
    sent = "two calls at once; then with parallel_tool_calls: false"
    text = words.call_twice("note_text", exam.nonce(), exam.nonce())
    both = await exam.ask([user(text)], tools=[_NOTE])
    one = await exam.ask([user(text)], tools=[_NOTE], parallel_tool_calls=False)
    problem = both.problem or one.problem
    if problem:
        return unknown(sent, problem, "the request failed")
    if len(_called(one)) > 1:
        return finding(
            sent, f"{len(_called(one))} calls although false", "calls run in parallel all the same"
        )
    if len(_called(both)) < 2:
        return unknown(sent, f"{len(_called(both))} of 2 calls at once")
    return ok(sent, "two calls; then one")
