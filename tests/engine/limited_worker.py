"""A process of its own: it waits for a line, then lets a model call a limited function again and again, and
prints how many calls ran. `python -m tests.engine.limited_worker LOG CALLS NUMBER`"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from mcpbridge.adapters.system_clock import SystemClock
from mcpbridge.audit import AuditLog
from mcpbridge.core.secret import Mask
from mcpbridge.policy import load_policy
from mcpbridge.testing import function_call, message, response
from tests.engine.scene import Scene, Tool, said

POLICY = """
version: 1
defaults: {decision: deny}
rules: [{id: go, effect: allow, tools: [local.go]}]
limits: [{tools: [local.go], calls: 7, per: 1h}]
"""


async def calls(folder: Path, count: int, number: str) -> int:
    made = [
        function_call("go", {"n": place}, call_id=f"call_{place}", id=f"fc_{place}") for place in range(count)
    ]
    tool = Tool(name="go")
    scene = Scene(
        steps=[response(*made), response(message("ok"))],
        policy=load_policy(POLICY, file="p.yaml"),
        tools=[tool],
    )
    async with AuditLog.open(folder, mask=Mask(), clock=SystemClock()) as log:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        engine = replace(scene.engine(), audit=log)
        engine = replace(engine, judge=replace(engine.judge, clock=SystemClock()))
        async for _ in engine.turn(replace(said(), id=f"conv_{number}")).advance():
            pass
    return len(tool.calls)


if __name__ == "__main__":
    print(asyncio.run(calls(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])), flush=True)
