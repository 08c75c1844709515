"""The script brain: plays the first rule that fits what is in sight."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeAlias

from mcpbridge.service.brains.acts import (
    Act,
    Amend,
    Announce,
    CallFunction,
    Draw,
    End,
    Produce,
    Refuse,
    Say,
    Think,
    UseMcp,
    Wait,
)
from mcpbridge.service.brains.brain import Scene
from mcpbridge.service.brains.script import (
    Arguments,
    CallStep,
    DelayStep,
    DrawStep,
    EventStep,
    Failure,
    Fault,
    ItemStep,
    McpStep,
    ReasoningStep,
    RefuseStep,
    RepeatStep,
    ResponseStep,
    Rule,
    SayStep,
    Script,
    StatusStep,
    Step,
    When,
)
from mcpbridge.service.brains.templates import render, render_all
from mcpbridge.service.errors import ApiError
from mcpbridge.service.items.sight import Kind, Seen, Sight
from mcpbridge.service.wire import Ids, Item

_Single: TypeAlias = (
    ReasoningStep
    | McpStep
    | CallStep
    | SayStep
    | RefuseStep
    | DrawStep
    | ItemStep
    | EventStep
    | ResponseStep
    | StatusStep
    | DelayStep
)


class ScriptedBrain:
    """Plays a script; counts how often each rule and fault was used."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._used: Counter[int] = Counter()

    async def act(self, scene: Scene) -> AsyncIterator[Act]:
        """Plays the first rule that fits. Raises ApiError `script_no_rule`."""
        for step, round in _rounds(self._steps(scene.sight)):
            yield _act(step, _Page(sight=scene.sight, ids=scene.ids, round=round))

    def _steps(self, sight: Sight) -> Sequence[Step]:
        for rule in self._script.rules:
            if holds(rule.when, sight) and self._may_use(rule):
                return rule.then
        new = "; ".join(f"{one.kind} {one.name} {one.text[:80]}" for one in sight.fresh) or "nothing"
        raise ApiError(f"No rule of the script fits. New to the model: {new}", code="script_no_rule")

    def next_fault(self, sight: Sight, *, post: int, stream: bool) -> Fault | None:
        for fault in self._script.faults:
            when = fault.when
            asked = when.post in (None, post) and when.stream in (None, stream)
            applies = asked and (stream or fault.cut_stream_after is None)
            if applies and holds(when, sight) and self._may_use(fault):
                return fault
        return None

    def _may_use(self, entry: Rule | Fault) -> bool:
        if entry.times is not None and self._used[id(entry)] >= entry.times:
            return False
        self._used[id(entry)] += 1
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What the templates of one step are filled from."""

    sight: Sight
    ids: Ids
    round: int

    def fill(self, text: str) -> str:
        return render(text, self.sight, self.ids, self.round)

    def fill_all(self, value: Item) -> Item:
        filled: Item = render_all(value, self.sight, self.ids, self.round)
        return filled

    def encode(self, arguments: Arguments) -> str:
        if isinstance(arguments, str):
            return self.fill(arguments)
        return json.dumps(self.fill_all(arguments), ensure_ascii=False, separators=(",", ":"))


def _rounds(steps: Sequence[Step], round: int = 1) -> Iterator[tuple[_Single, int]]:
    """Each step with the round it is played in."""
    for step in steps:
        if isinstance(step, RepeatStep):
            for number in range(1, step.repeat + 1):
                yield from _rounds(step.steps, number)
        else:
            yield step, round


def _act(step: _Single, page: _Page) -> Act:
    """The step with its templates filled from what is in sight now."""
    match step:
        case ReasoningStep(reasoning=summary, thought=thought):
            return Think(summary=page.fill(summary), thought=None if thought is None else page.fill(thought))
        case McpStep(mcp=use):
            return UseMcp(
                server_label=page.fill(use.server),
                name=page.fill(use.tool),
                arguments=page.encode(use.arguments),
            )
        case CallStep(call=use):
            return CallFunction(name=page.fill(use.name), arguments=page.encode(use.arguments))
        case SayStep(say=text, phase=phase):
            return Say(text=page.fill(text), phase=phase)
        case RefuseStep(refuse=text):
            return Refuse(text=page.fill(text))
        case DrawStep(draw=prompt):
            return Draw(prompt=page.fill(prompt))
        case DelayStep(delay=seconds):
            return Wait(seconds=seconds)
        case _:
            return _as_it_stands(step, page)


def _as_it_stands(step: ItemStep | EventStep | ResponseStep | StatusStep, page: _Page) -> Act:
    match step:
        case ItemStep(item=item):
            return Produce(item=page.fill_all(item))
        case EventStep(event=event):
            return Announce(event=page.fill_all(event))
        case ResponseStep(response=fields):
            return Amend(fields=page.fill_all(fields))
        case StatusStep(status=status, reason=reason, error=Failure(code=code, message=message)):
            return End(status=status, reason=reason, code=code, message=message)
        case StatusStep(status=status, reason=reason):
            return End(status=status, reason=reason)


def holds(when: When, sight: Sight) -> bool:
    """Whether all conditions that are given hold."""
    if when.turn is not None and sight.turn != when.turn:
        return False
    if when.sees is not None and not _found(when.sees, sight.everything()):
        return False
    if when.not_sees is not None and _found(when.not_sees, sight.everything()):
        return False
    if when.user is not None and not _user_said(when.user, sight):
        return False
    return all(_is_new(kind, name, text, sight) for kind, name, text in _subjects(when))


def _subjects(when: When) -> list[tuple[Kind, str, str | None]]:
    given = (
        (Kind.FUNCTION_OUTPUT, when.function_output, when.contains),
        (Kind.MCP_RESULT, when.mcp_result, when.contains),
        (Kind.MCP_ERROR, when.mcp_error, when.contains),
        (Kind.APPROVED, when.approved, None),
        (Kind.DENIED, when.denied, when.reason),
    )
    return [(kind, name, text) for kind, name, text in given if name is not None]


def _is_new(kind: Kind, name: str, text: str | None, sight: Sight) -> bool:
    return any(_named(one, kind, name) and (text is None or _found(text, one.text)) for one in sight.fresh)


def _named(one: Seen, kind: Kind, name: str) -> bool:
    return one.kind is kind and fnmatchcase(one.name, name)


def _user_said(pattern: str, sight: Sight) -> bool:
    said = [one.text for one in sight.fresh if one.kind is Kind.USER]
    return bool(said) and _found(pattern, said[-1])


def _found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.DOTALL) is not None
