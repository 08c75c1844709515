"""The planner: a brain of plain rules. It matches words, fills arguments by schema, and says so.

How a turn goes: read it (planner_turn), plan the calls (planner_plan), make those that come next, and when
none is left tell what came of them (planner_report). What tools return is told and never acted on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence

from mcpbridge.service.brains.acts import Act, CallFunction, Draw, Refuse, Say, Think, UseMcp
from mcpbridge.service.brains.brain import Scene
from mcpbridge.service.brains.planner.files import attached
from mcpbridge.service.brains.planner.format import structured
from mcpbridge.service.brains.planner.plan import Chosen, Plan, make_plan
from mcpbridge.service.brains.planner.recall import DISCLOSURE, Line, asks_back, recall
from mcpbridge.service.brains.planner.report import asking, explanation, no_tool, report, seen
from mcpbridge.service.brains.planner.tools import DRAWING, Tool, told_as_functions, tools_of
from mcpbridge.service.brains.planner.turn import Turn, read_turn
from mcpbridge.service.brains.script import Fault
from mcpbridge.service.items.sight import Kind, Sight
from mcpbridge.service.wire import is_object


class PlannerBrain:
    """Chooses tools and fills arguments by rules that docs/service-brains.md lists. Keeps no state."""

    async def act(self, scene: Scene) -> AsyncIterator[Act]:
        # A large picture takes a moment to look at: other requests go on meanwhile.
        for act in await asyncio.to_thread(lambda: list(_acts(scene))):
            yield act

    def next_fault(self, sight: Sight, *, post: int, stream: bool) -> Fault | None:
        return None


def _acts(scene: Scene) -> Iterator[Act]:
    turn, tools = read_turn(scene.items, told_as_functions(scene)), tools_of(scene)
    must_call, parallel = scene.request.tool_choice.must_call, scene.request.parallel_tool_calls
    looks_back = not must_call and asks_back(turn.text) and bool(_recalled(scene, turn))
    plan = make_plan(turn, () if looks_back else tools, must_call=must_call, parallel=parallel)
    if plan.asks is not None:
        yield Think(summary=explanation(plan.steps))
        yield _answered(scene, turn, asking(plan.asks))
    elif plan.next:
        yield Think(summary=explanation(plan.next))
        yield from (_call(step.chosen) for step in plan.next if step.chosen)
    elif turn.calls:
        yield Think(summary=f"{DISCLOSURE}\nNothing is left to call: I report what came back.")
        yield _answered(scene, turn, report(turn.calls, plan))
    else:
        if tools or _wants_summary(scene):  # without tools there was no choice to explain
            yield Think(summary=explanation(plan.steps))
        yield _answered(scene, turn, _without_tools(scene, turn, tools, plan))


def _call(chosen: Chosen) -> Act:
    tool, values = chosen.tool, chosen.filling.values()
    if tool is DRAWING:
        return Draw(prompt=str(values.get("prompt", "")))
    arguments = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    if tool.label is None:
        return CallFunction(name=tool.name, arguments=arguments)
    return UseMcp(server_label=tool.label, name=tool.name, arguments=arguments)


def _without_tools(scene: Scene, turn: Turn, tools: Sequence[Tool], plan: Plan) -> str:
    lines = _recalled(scene, turn)
    said = sum(one.kind in (Kind.USER, Kind.ASSISTANT) for one in scene.sight.seen) - len(turn.messages)
    return no_tool(plan, tools, lines, said)


def _wants_summary(scene: Scene) -> bool:
    reasoning: object = scene.request.body.get("reasoning")
    return is_object(reasoning) and bool(reasoning.get("summary"))


def _recalled(scene: Scene, turn: Turn) -> list[Line]:
    return recall(turn.text, scene.sight.seen, attached(scene.items).documents)


def _answered(scene: Scene, turn: Turn, text: str) -> Say | Refuse:
    """The answer in the format that was asked for; a refusal where a call is required and none is left."""
    looked = seen(attached(turn.messages))
    answer = "\n".join(part for part in (looked, text) if part)
    if scene.request.tool_choice.must_call and not turn.called_here:
        return Refuse(text=f"tool_choice requires a call, and I have none to make.\n{answer}\n\n{DISCLOSURE}")
    if scene.request.text_format.type == "text":
        return Say(text=f"{answer}\n\n{DISCLOSURE}")
    return structured(scene.request.text_format, answer, turn.text, turn.calls)
