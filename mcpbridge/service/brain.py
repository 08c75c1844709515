"""The scripted model: chooses a rule by what is in sight."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from mcpbridge.service.script import Fault, Rule, Script, Step, When
from mcpbridge.service.sight import Kind, Seen, Sight


class Brain(Protocol):
    """What stands in for the model: looks, and says what it does next."""

    def next_steps(self, sight: Sight) -> Sequence[Step] | None:
        """The steps to take, or None when it knows none."""
        ...

    def next_fault(self, sight: Sight, *, post: int, stream: bool) -> Fault | None:
        """The fault that strikes this request, if any."""
        ...


class ScriptedBrain:
    """Plays a script; counts how often each rule and fault was used."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._used: Counter[int] = Counter()

    def next_steps(self, sight: Sight) -> Sequence[Step] | None:
        for rule in self._script.rules:
            if holds(rule.when, sight) and self._may_use(rule):
                return rule.then
        return None

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
