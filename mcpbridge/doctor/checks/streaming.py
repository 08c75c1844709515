"""Streams: names of events, sequence numbers, and the end."""

from __future__ import annotations

from collections.abc import Sequence

from mcpbridge.doctor import words
from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.exam import Exam, attempt, user
from mcpbridge.doctor.reading import word
from mcpbridge.doctor.refusal import refusal
from mcpbridge.doctor.throwaway import READ
from mcpbridge.doctor.verdict import Verdict, finding, ok, unknown

_TAKEN = "mcpbridge takes the items from the last event, so nothing is lost"
_DOCUMENTED = ("response.mcp_call_arguments.delta", "response.mcp_call_arguments.done")


async def plain(exam: Exam) -> Verdict:
    """A streamed answer."""
    sent, answer = "stream: true", await exam.ask([user(words.READY)], stream=True)
    if answer.problem:
        if answer.events:
            return finding(sent, answer.problem, "model.stream: false")
        return refusal(sent, answer, "model.stream: false")
    if not answer.events:
        return finding(sent, "one answer, not a stream", "model.stream: false")
    wrong = _disorder(answer)
    return finding(sent, wrong, _TAKEN) if wrong else ok(sent, f"{len(answer.events)} events in order")


def _disorder(answer: Answer) -> str:
    """What is wrong with the order of the events; empty where nothing is."""
    kinds = [word(event.get("type")) for event in answer.events]
    numbers = [event.get("sequence_number") for event in answer.events]
    if kinds[0] != "response.created":
        return f"it begins with {kinds[0]}"
    if not all(isinstance(number, int) for number in numbers):
        return "events without sequence_number"
    if numbers != list(range(_first(numbers), _first(numbers) + len(numbers))):
        return "sequence numbers with gaps"
    done = [event.get("item") for event in answer.events if event.get("type") == "response.output_item.done"]
    if len(done) != len(answer.items):
        return f"{len(done)} finished items in events, {len(answer.items)} in the response"
    return ""


def _first(numbers: Sequence[object]) -> int:
    return numbers[0] if isinstance(numbers[0], int) else 0


async def hosted(exam: Exam) -> Verdict:
    """A hosted call in a stream, of a tool that only reads and needs no approval here."""
    sent = f"stream: true, {READ} without approval"
    tried = await attempt(exam, READ, exam.server(require_approval="never"), stream=True)
    if tried.answer.problem:
        return unknown(sent, tried.answer.problem, "the request failed")
    names = [word(event.get("type")) for event in tried.answer.events]
    arguments = [name for name in dict.fromkeys(names) if "mcp_call" in name and "arguments" in name]
    if not tried.ran and not tried.answer.has("mcp_call"):
        return unknown(sent, tried.answer.shown)
    other = [name for name in arguments if name not in _DOCUMENTED]
    if other:
        return finding(sent, ", ".join(other), f"not the documented names; {_TAKEN}")
    return ok(sent, ", ".join(arguments) or "no events of arguments")
