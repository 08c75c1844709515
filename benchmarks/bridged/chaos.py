"""50 servers with 1,000 tools, 10,000 calls, programs killed at random: what is left, and what it costs.

    python -m benchmarks.bridged.chaos [--servers 50] [--calls 10000] [--kills 100]

Each call carries a number that the server writes down before it answers. In the end every call has one end,
no number stands twice, every answered number stands there, and none that was reported as not sent does.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gc
import os
import random
import resource
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from mcpbridge.adapters.mcp_servers.settings import Bounds
from mcpbridge.adapters.mcp_servers.toolbox import ServerToolbox
from mcpbridge.errors import OutcomeLost, ServerError
from tests.mcp_servers.scene import call, noted, program, toolbox
from tests.mcp_servers.test_mcp_chaos import children, descriptors


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


class Ends(dict[str, str]):
    """How each call ended. Whenever another share of the calls has, one of the programs is killed."""

    def __init__(self, calls: int, kills: int) -> None:
        super().__init__()
        self._every, self._left = max(1, calls // max(1, kills)), kills
        self._before, self._chance = children(), random.Random(6)
        self.killed = 0

    def tell(self, name: str, end: str) -> None:
        self[name] = end
        victims = sorted(children() - self._before) if self._left and not len(self) % self._every else []
        if victims:
            os.kill(self._chance.choice(victims), signal.SIGKILL)
            self.killed += 1
            self._left -= 1


async def caller(box: ServerToolbox, names: list[str], ends: Ends) -> None:
    for name in names:
        try:
            await call(box, "echo", {"id": name})
            ends.tell(name, "answered")
        except OutcomeLost:
            ends.tell(name, "unknown")
        except ServerError:
            ends.tell(name, "not sent")


async def story(given: argparse.Namespace, folder: Path) -> Ends:
    before = children()
    ends = Ends(given.calls, given.kills)
    each = given.calls // given.servers
    async with AsyncExitStack() as stack:
        boxes = [
            await stack.enter_async_context(
                toolbox(
                    program("--many", calls=folder / f"{number}"), bounds=Bounds(backoff=0.0, connect=120.0)
                )
            )
            for number in range(given.servers)
        ]
        begun = time.perf_counter()
        listings = await asyncio.gather(*(box.tools() for box in boxes))
        print(
            f"{sum(len(listing.tools) for listing in listings)} tools in {time.perf_counter() - begun:.1f} s"
        )
        async with asyncio.TaskGroup() as tasks:
            for number, box in enumerate(boxes):
                names = [f"{number}-{count}" for count in range(each)]
                for half in (names[::2], names[1::2]):
                    tasks.create_task(caller(box, half, ends))
        print(f"in use: {descriptors()} descriptors, {len(children() - before)} processes")
    print(f"left: {len(children() - before)} processes, {len(asyncio.all_tasks()) - 1} tasks")
    return ends


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks.bridged.chaos", description=__doc__)
    options.add_argument("--servers", type=int, default=50)
    options.add_argument("--calls", type=int, default=10_000)
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--turns", type=int, default=2)
    given = options.parse_args()
    wrong = 0
    for turn in range(given.turns):
        with tempfile.TemporaryDirectory() as name:
            begun = time.perf_counter()
            ends = asyncio.run(story(given, Path(name)))
            made = [
                line[1]["id"] for number in range(given.servers) for line in noted(Path(name) / f"{number}")
            ]
        gc.collect()
        told = collections.Counter(ends.values())
        answered = {call for call, end in ends.items() if end == "answered"}
        unsent = {call for call, end in ends.items() if end == "not sent"}
        doubled, lost, ran = len(made) - len(set(made)), len(answered - set(made)), len(unsent & set(made))
        wrong += doubled + lost + ran
        print(
            f"turn {turn + 1}: {len(ends)} calls, {ends.killed} kills, "
            f"{time.perf_counter() - begun:.1f} s; {dict(told)}; "
            f"doubled {doubled}, answered but not made {lost}, not sent but made {ran}; "
            f"{descriptors()} descriptors, {resident() / 2**20:.1f} MiB"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
