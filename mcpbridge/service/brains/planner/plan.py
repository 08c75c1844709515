"""What the planner is going to do: the user's text cut into requests, a tool and arguments for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mcpbridge.service.brains.planner.arguments import Filling, fill
from mcpbridge.service.brains.planner.tools import Candidate, Tool, is_verb_of, ranked
from mcpbridge.service.brains.planner.turn import Call, Came, Turn
from mcpbridge.service.brains.planner.values import quoted

_BEGINNING: Final = 80
"""Characters in which the verb of a new request is looked for."""
_MOST: Final = 16
"""Requests in one text; what comes after them is not acted on."""
_CUT: Final = re.compile(
    r"(?P<then>[,;.]?\s+(?:and\s+)?(?:then|afterwards|after that)\b[,:]?\s+)"
    r"|[;\n]+\s*|[.!?]\s+|,?\s+and\s+(?:also\s+)?|,\s+(?:also\s+)?",
    re.IGNORECASE,
)
_NOT: Final = re.compile(r"\b(?:do not|don['\u2019]?t|never|must not|should not)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing the user asks for. `waits`: only after what stands before it ("then")."""

    text: str
    waits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A tool with the arguments that were found for it."""

    tool: Tool
    filling: Filling

    def same_as(self, other: Chosen) -> bool:
        return self.tool.key == other.tool.key and self.filling.values() == other.filling.values()

    def made_by(self, call: Call) -> bool:
        return call.same_as(self.tool.key, self.filling.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A request with the tool that fits it, if one does."""

    request: Request
    candidates: tuple[Candidate, ...]
    chosen: Chosen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All steps of a turn, and those that come next. `halted`: what is left undone after a failure."""

    steps: tuple[Step, ...]
    next: tuple[Step, ...]
    halted: tuple[Step, ...]
    forced: bool

    @property
    def asks(self) -> Chosen | None:
        """The first call that lacks an argument, when nothing forces it."""
        chosen = (step.chosen for step in self.next if step.chosen and not self.forced)
        return next((one for one in chosen if one.filling.missing), None)


def make_plan(turn: Turn, tools: Sequence[Tool], *, must_call: bool, parallel: bool) -> Plan:
    """The same text, tools and calls always give the same plan."""
    steps = _steps(turn, tools, must_call)
    left, failed = _not_made(steps, turn.calls)
    ready: list[Step] = []
    halted: list[Step] = []
    for step in left:
        if step.request.waits and failed:
            halted.append(step)
        elif not ready or (parallel and not step.request.waits):
            ready.append(step)
        else:
            break
    return Plan(steps=steps, next=tuple(ready), halted=tuple(halted), forced=must_call)


def requests_in(text: str, tools: Sequence[Tool]) -> list[Request]:
    """The text cut where a new request begins: behind a mark, with what a tool's name begins with."""
    inside = quoted(text)
    found: list[Request] = []
    begin, waits = 0, False
    for cut in _CUT.finditer(text):
        protected = any(one.start < cut.end() and cut.start() < one.end for one in inside)
        if (
            protected
            or not is_verb_of(text[cut.end() : cut.end() + _BEGINNING], tools)
            or not text[begin : cut.start()].strip()
        ):
            continue
        found.append(Request(text=text[begin : cut.start()], waits=waits))
        begin, waits = cut.end(), cut["then"] is not None
    return [*found, Request(text=text[begin:], waits=waits)][:_MOST]


def _steps(turn: Turn, tools: Sequence[Tool], must_call: bool) -> tuple[Step, ...]:
    asked = [tool for tool in tools if tool.key == turn.asked_for]
    if asked:
        return (_filled(Request(text=turn.text, waits=False), (), asked[0], ""),)
    steps = tuple(_step(request, tools, turn) for request in requests_in(turn.text, tools))
    if must_call and tools and all(step.chosen is None for step in steps):
        whole = Request(text=turn.text, waits=False)
        candidates = tuple(_candidates(turn.text, tools))
        return (_filled(whole, candidates, candidates[0].tool, ""),)
    return steps


def _step(request: Request, tools: Sequence[Tool], turn: Turn) -> Step:
    candidates = tuple(_candidates(request.text, tools))
    best = candidates[0] if candidates else None
    if best is None or not best.fits or _NOT.search(request.text):
        return Step(request=request, candidates=candidates)
    return _filled(request, candidates, best.tool, turn.last_result if request.waits else "")


def _filled(request: Request, candidates: tuple[Candidate, ...], tool: Tool, earlier: str) -> Step:
    chosen_by = f"{tool.name} {tool.description}"
    filling = fill(request.text, tool.schema, chosen_by, earlier)
    return Step(request=request, candidates=candidates, chosen=Chosen(tool=tool, filling=filling))


def _candidates(text: str, tools: Sequence[Tool]) -> list[Candidate]:
    """Rated by words first; only those that share any are worth reading the arguments of."""
    rated = ranked(text, tools, {})
    shared = [candidate.tool for candidate in rated if candidate.score]
    return ranked(text, tools, {tool.key: _given(text, tool) for tool in shared[:_MOST]})


def _given(text: str, tool: Tool) -> int:
    filling = fill(text, tool.schema, f"{tool.name} {tool.description}")
    return filling.named or -bool(filling.missing)


def _not_made(steps: Sequence[Step], calls: Sequence[Call]) -> tuple[list[Step], bool]:
    """The steps that no call of this turn stands for, and whether a call was denied or failed."""
    left = [(step, step.chosen) for step in steps if step.chosen is not None]
    for call in calls:
        same = next((one for one in left if one[1].made_by(call)), None)
        like = same or next((one for one in left if one[1].tool.key == call.key), None)
        if like is not None:
            left.remove(like)
    failed = any(call.came in (Came.DENIED, Came.ERROR) for call in calls)
    return list(_once(left, calls)), failed


def _once(steps: Sequence[tuple[Step, Chosen]], calls: Sequence[Call]) -> Iterator[Step]:
    """Never the same tool with the same arguments twice in a turn."""
    kept: list[Chosen] = []
    for step, chosen in steps:
        if not any(chosen.same_as(one) for one in kept) and not any(chosen.made_by(call) for call in calls):
            kept.append(chosen)
            yield step
