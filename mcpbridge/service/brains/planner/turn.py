"""The running turn as the planner reads it: what the user wrote, and what came of the calls since."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mcpbridge.service.items.checks import is_client_authored
from mcpbridge.service.items.sight import Kind, result_of
from mcpbridge.service.wire import Item, text_of

_LONGEST: Final = 20_000
"""Characters of the user's text that are planned on; a longer one is a document, not a request."""
_RUN_HERE: Final = frozenset({"mcp_call", "image_generation_call"})
_BLANKS: Final = re.compile(r"\s{9,}")
_FAILED: Final = "The call failed: "
"""How a hosted call that failed is told as a function's output."""
_ASKED: Final = re.compile(r"To call `([^`]+)` I still need ")


class Came(StrEnum):
    """What came of a call."""

    RESULT = "result"
    ERROR = "error"
    DENIED = "denied"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of this turn, and what the planner can see of its outcome."""

    key: str
    arguments: str
    came: Came
    text: str = ""

    def same_as(self, key: str, values: Item) -> bool:
        """Whether it is this tool with these arguments."""
        return self.key == key and decoded(self.arguments) == values


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Since the user last wrote. `asked_for`: the tool whose arguments the planner had asked for."""

    text: str
    calls: tuple[Call, ...]
    messages: tuple[Item, ...]
    asked_for: str | None = None
    called_here: bool = False
    """Whether this very response has called something already."""

    @property
    def last_result(self) -> str:
        return next((call.text for call in reversed(self.calls) if call.came is Came.RESULT), "")


def read_turn(items: Sequence[Item], hosted: Mapping[str, str]) -> Turn:
    """The last messages of the user, joined with the request they complete, and the calls after them.

    `hosted`: the hosted tools whose calls may be told as calls of functions, by the functions' names.
    """
    begin, end = _last_words(items, len(items))
    messages = [item for item in items[begin:end] if item.get("role") == "user"]
    text = "\n".join(written(message) for message in messages)
    asked_for: str | None = None
    at = begin
    while (tool := _question_before(items, at)) is not None:
        at, until = _last_words(items, at)
        asked_for = tool
        text = "\n".join([*(written(one) for one in items[at:until] if one.get("role") == "user"), text])
    return Turn(
        text=_BLANKS.sub(_fewer, text[:_LONGEST]),
        calls=tuple(_calls(items[end:], hosted)),
        messages=tuple(messages),
        called_here=any(item.get("type") in _RUN_HERE for item in made_here(items)),
        asked_for=asked_for,
    )


def _fewer(blanks: re.Match[str]) -> str:
    """Long runs of blanks say nothing, and cost every pattern time."""
    return "\n\n" if "\n" in blanks[0] else " "


def made_here(items: Sequence[Item]) -> Sequence[Item]:
    """What this response has produced so far: everything after the client's last word."""
    begin = len(items)
    while begin and not is_client_authored(items[begin - 1]):
        begin -= 1
    return items[begin:]


def written(message: Item) -> str:
    """What a message says in words; pictures and files are looked at elsewhere."""
    content: object = message.get("content")
    if isinstance(content, str):
        return content
    parts: list[Item] = message.get("content") or []
    return "\n".join(text_of([part]) for part in parts if "text" in part)


def decoded(arguments: str) -> object:
    """The arguments as a value, or as they stand when they are no JSON."""
    try:
        value: object = json.loads(arguments)
    except ValueError:
        return arguments
    return value


def question(key: str, needs: str) -> str:
    """How the planner asks; it knows its question again by these words."""
    return f"To call `{key}` I still need {needs}"


def _last_words(items: Sequence[Item], before: int) -> tuple[int, int]:
    """Where the last run of messages by the user begins and ends."""
    end = before
    while end and not _by(items[end - 1], "user"):
        end -= 1
    begin = end
    while (
        begin
        and items[begin - 1].get("type", "message") == "message"
        and not _by(items[begin - 1], "assistant")
    ):
        begin -= 1
    return begin, end


def _by(item: Item, role: str) -> bool:
    return item.get("type", "message") == "message" and item.get("role") == role


def _question_before(items: Sequence[Item], at: int) -> str | None:
    """The tool that the planner asked about in the message right before."""
    if not at or not _by(items[at - 1], "assistant"):
        return None
    asked = _ASKED.search(written(items[at - 1]))
    return asked[1] if asked else None


def _calls(items: Sequence[Item], hosted: Mapping[str, str]) -> Iterator[Call]:
    outputs = {
        item["call_id"]: text_of(item.get("output")) for item in items if _is(item, "function_call_output")
    }
    answers = {item["approval_request_id"]: item for item in items if _is(item, "mcp_approval_response")}
    ran: dict[object, Item] = {
        item.get("approval_request_id"): item for item in items if _is(item, "mcp_call")
    }
    for item in items:
        if _is(item, "function_call"):
            yield _function(item, outputs.get(item["call_id"]), hosted)
        elif _is(item, "mcp_approval_request"):
            yield _asked(item, answers, ran)
        elif _is(item, "mcp_call") and item.get("approval_request_id") is None:
            yield _ran(item)
        elif _is(item, "image_generation_call"):
            yield Call(key="image_generation", arguments="{}", came=Came.RESULT, text="a picture")


def _function(item: Item, output: str | None, hosted: Mapping[str, str]) -> Call:
    came = Came.NOTHING if output is None else Came.RESULT
    if item["name"] in hosted and output is not None and output.startswith(_FAILED):
        came = Came.ERROR
    key = hosted.get(item["name"], item["name"])
    return Call(key=key, arguments=item["arguments"], came=came, text=output or "")


def _is(item: Item, kind: str) -> bool:
    return item.get("type") == kind


def _asked(request: Item, answers: Mapping[str, Item], ran: Mapping[object, Item]) -> Call:
    if request["id"] in ran:
        return _ran(ran[request["id"]])
    answer = answers.get(request["id"], {})
    came = Came.DENIED if answer.get("approve") is False else Came.NOTHING
    key = f"{request['server_label']}.{request['name']}"
    return Call(key=key, arguments=request["arguments"], came=came, text=str(answer.get("reason") or ""))


def _ran(call: Item) -> Call:
    seen = result_of(call)
    came = Came.RESULT if seen.kind is Kind.MCP_RESULT else Came.ERROR
    return Call(key=seen.name, arguments=call["arguments"], came=came, text=seen.text)
