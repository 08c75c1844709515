"""What the planner says: its choice explained, results as they came, and what it can see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mcpbridge.service.brains.planner.files import Attached
from mcpbridge.service.brains.planner.plan import Chosen, Plan, Step
from mcpbridge.service.brains.planner.recall import DISCLOSURE, TOOLS_SEEN, Line
from mcpbridge.service.brains.planner.tools import THRESHOLD, Tool
from mcpbridge.service.brains.planner.turn import Call, Came, question
from mcpbridge.service.brains.planner.values import type_of
from mcpbridge.service.wire import Item, is_list

_LONGEST: Final = 4000
"""Characters of one result that are told; the whole of it stays in the conversation."""
_SHOWN: Final = 200
_CANDIDATES: Final = 5
_TOOLS: Final = 20


def explanation(steps: Sequence[Step]) -> str:
    """Why these tools, and where each argument came from."""
    return "\n".join([DISCLOSURE, *(line for step in steps for line in _why(step))])


def asking(chosen: Chosen) -> str:
    """The question for what a call still needs."""
    properties: Item = chosen.tool.schema.get("properties") or {}
    filling = chosen.filling
    needs = ", ".join(f"{name} ({_kind(properties.get(name) or {})})" for name in filling.missing)
    have = ", ".join(f"{one.name} = {repr(one.value)[:_SHOWN]}" for one in filling.arguments)
    example = "; ".join(f"{name}: …" for name in filling.missing)
    lines = [f"{question(chosen.tool.key, needs)}. Write it as `{example}`; I do not make up values."]
    return "\n".join([*lines, *([f"I have: {have}."] if have else [])])


def report(calls: Sequence[Call], plan: Plan) -> str:
    """Every call of the turn with what came of it, and what was left undone."""
    lines = [line for call in calls for line in _told(call)]
    lines += [
        f"Not done, because something before it failed or was denied: “{step.request.text.strip()}”"
        for step in plan.halted
    ]
    return "\n".join(lines)


def no_tool(plan: Plan, tools: Sequence[Tool], lines: Sequence[Line], earlier: int) -> str:
    """What there is to say when nothing is called: lines of the conversation, and what is there."""
    said = ["What I can see about that:", *map(str, lines)] if lines else list(_misfits(plan))
    named = ", ".join(tool.key for tool in tools[:_TOOLS]) or "none"
    more = f" and {len(tools) - _TOOLS} more" if len(tools) > _TOOLS else ""
    said.append(f"{TOOLS_SEEN}{named}{more}. Earlier messages: {earlier}.")
    return "\n".join(said)


def seen(found: Attached) -> str:
    """Pictures and files in words."""
    lines = [f"I see {one}." for one in found.pictures]
    lines += [f"I read the file {name}: {len(text.splitlines())} lines." for name, text in found.documents]
    return "\n".join([*lines, *(f"I cannot read the file {one}." for one in found.unread)])


def _why(step: Step) -> Iterator[str]:
    rated = "; ".join(str(one) for one in step.candidates[:_CANDIDATES]) or "none"
    yield f"For “{step.request.text.strip()[:200]}” the tools and their points: {rated}."
    if step.chosen is None:
        return
    filling = step.chosen.filling
    yield f"Chosen: {step.chosen.tool.key}."
    for one in filling.arguments:
        yield f"{one.name} = {repr(one.value)[:_SHOWN]}: {one.how}."
    if filling.missing:
        yield f"Not found: {', '.join(filling.missing)}."


def _kind(schema: Item) -> str:
    options: object = schema.get("enum")
    kind = f"one of {', '.join(map(str, options))}" if is_list(options) else type_of(schema)
    told: object = schema.get("description")
    return f"{kind}: {told}" if isinstance(told, str) and told else kind


def _told(call: Call) -> Iterator[str]:
    match call.came:
        case Came.RESULT:
            yield f"`{call.key}` returned:" if call.text else f"`{call.key}` returned nothing."
        case Came.ERROR:
            yield f"`{call.key}` failed:"
        case Came.DENIED:
            because = f" The reason given: “{call.text}”" if call.text else " No reason was given."
            yield f"`{call.key}` was denied and did not run.{because}"
            return
        case Came.NOTHING:
            yield f"`{call.key}` was called, and I see no result of it."
            return
    yield from (f"> {line}" for line in call.text[:_LONGEST].splitlines())
    if len(call.text) > _LONGEST:
        yield f"> … ({len(call.text) - _LONGEST} more characters)"


def _misfits(plan: Plan) -> Iterator[str]:
    best = [step.candidates[0] for step in plan.steps if step.candidates and step.candidates[0].score]
    for one in best:
        if one.fits:
            yield f"You wrote that something should not be done, so I do not call {one.tool.key}."
        else:
            needed = f"{THRESHOLD:g} points are needed, and a verb that fits many tools gives one"
            yield f"No tool fits that well enough; nearest is {one}: {needed}."
    if not best:
        yield "No tool shares a word with that, and I do not answer from knowledge: I have none."
