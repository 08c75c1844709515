"""What is guessed about each tool of each server, before it is written down."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mcpbridge.core.action import ToolDefinition
from mcpbridge.policy.draft.bounds import GROUNDED, Verdict, judge, nameable
from mcpbridge.policy.draft.kinds import guess_kind
from mcpbridge.policy.draft.parameters import parameters
from mcpbridge.policy.draft.roles import guess_role
from mcpbridge.policy.draft.vocabulary import Kind, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """The tools of one server, under the label that a policy calls it by."""

    label: str
    source: str
    """Where the definitions came from, for the header."""
    tools: tuple[ToolDefinition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One tool with everything that was guessed about it."""

    label: str
    tool: ToolDefinition
    kind: Kind
    why: str
    verdict: Verdict

    @property
    def name(self) -> str:
        return f"{self.label}.{self.tool.name}"


def judge_tool(label: str, tool: ToolDefinition) -> Judged:
    """What is guessed about one tool."""
    guesses = tuple(guess_role(parameter) for parameter in parameters(tool.input_schema))
    kind, why = guess_kind(tool, guesses)
    return Judged(label=label, tool=tool, kind=kind, why=why, verdict=judge(tool, kind, guesses))


def definitions_hash(toolboxes: Sequence[Toolbox]) -> str:
    """SHA-256, hex, over the label and the definition of each tool, in the order of their names."""
    parts = sorted(f"{box.label} {tool.hash()}" for box in toolboxes for tool in box.tools)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def sink_arguments(judged: Sequence[Judged]) -> tuple[str, ...]:
    """What a person's "for this conversation" is bound to. Another value of one of these asks again."""
    return tuple(sorted({name for one in judged for name in _to_bind(one)}))


_FREE: Final = frozenset({Role.TEXT, Role.TITLE, Role.PLACE, Role.TIME, Role.END})
"""What a person who says "for this conversation" leaves open, where no rule binds it."""


def _to_bind(one: Judged) -> Iterator[str]:
    """Everything of a tool that asks, and what an allow rule binds: only what is free there stays free."""
    free = {
        bound.parameter.name
        for bound in one.verdict.bounds
        if bound.guess.role in _FREE and GROUNDED not in bound.matcher
    }
    if one.kind is Kind.READ and not one.verdict.bounds and not one.verdict.refusal:
        return
    for parameter in parameters(one.tool.input_schema):
        if parameter.name not in free and nameable(parameter.name):
            yield parameter.name
