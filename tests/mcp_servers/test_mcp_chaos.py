"""Many servers and calls, and programs killed at random: every call ends once, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mcpbridge.adapters.mcp_servers.toolbox import ServerToolbox
from mcpbridge.errors import OutcomeLost, ServerError
from tests.mcp_servers.scene import call, noted, program, toolbox, until

SERVERS, CALLS, KILLS = 5, 60, 6


def children() -> set[int]:
    """Living child processes of this one."""
    found: set[int] = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if int(parent) == os.getpid() and state != "Z":
                found.add(int(folder.name))
    return found


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def calls(box: ServerToolbox, number: int, ends: dict[str, str]) -> None:
    """One caller: each of its calls has one end."""
    for count in range(CALLS):
        name = f"{number}-{count}"
        try:
            answer = await call(box, "echo", {"id": name})
            assert json.loads(str(answer.parts)) == {"id": name}
            ends[name] = "answered"
        except OutcomeLost:
            ends[name] = "unknown"
        except ServerError:
            ends[name] = "not sent"


async def story(folder: Path, before: set[int]) -> dict[str, str]:
    """The end of each call. Fails where a process or a task is left."""
    chance = random.Random(6)
    ends: dict[str, str] = {}

    async def killer() -> None:
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.01, 0.1))
            victims = sorted(children() - before)
            if victims:
                os.kill(chance.choice(victims), signal.SIGKILL)

    async with AsyncExitStack() as stack:
        boxes = [
            await stack.enter_async_context(toolbox(program(calls=folder / f"{number}")))
            for number in range(SERVERS)
        ]
        await asyncio.gather(*(box.tools() for box in boxes))
        async with asyncio.TaskGroup() as tasks:
            for number, box in enumerate(boxes):
                tasks.create_task(calls(box, number, ends))
                tasks.create_task(calls(box, number + 100, ends))
            tasks.create_task(killer())
    await until(lambda: children() == before)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return ends


@pytest.mark.promise("bridged-nothing-left")
def test_servers_killed_at_random_leave_no_lost_or_doubled_call_and_nothing_behind(tmp_path: Path) -> None:
    before = children()
    opened: list[int] = []
    for told in ("first", "second"):
        folder = tmp_path / told
        folder.mkdir()
        ends = asyncio.run(story(folder, before))
        gc.collect()
        opened.append(descriptors())
        carried_out = [
            entry[1]["id"]
            for number in range(SERVERS)
            for entry in noted(folder / f"{number}")
            if entry[0] != "cancelled"
        ]
        assert len(ends) == SERVERS * 2 * CALLS
        assert len(set(carried_out)) == len(carried_out)
        assert {name for name, end in ends.items() if end == "answered"} <= set(carried_out)
        assert not {name for name, end in ends.items() if end == "not sent"} & set(carried_out)
    assert opened[1] <= opened[0]
