"""Cancelled at any moment, and again while that is being carried out: nothing is left, and all goes on."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from mcpbridge.adapters.mcp_servers.settings import Bounds, StdioCommand
from mcpbridge.errors import ToolsChanged
from tests.mcp_servers.passes import Passes, Story, moments, run
from tests.mcp_servers.scene import call, program, toolbox, until
from tests.mcp_servers.test_mcp_chaos import children
from tests.mcp_servers.test_mcp_programs import alive

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
BOUNDS = Bounds(backoff=0.0, goodbye=0.2)


async def opening(passes: Passes) -> None:
    async with toolbox(program(), bounds=BOUNDS) as box:
        await passes.over(box.tools())
        assert (await call(box, "echo")).parts == "{}"


async def closing(passes: Passes) -> None:
    async with toolbox(program(), bounds=BOUNDS) as box:
        await box.tools()
        await passes.over(box.close())


async def closing_while_it_opens(passes: Passes) -> None:
    async with toolbox(program(), bounds=BOUNDS) as box:
        tools = asyncio.create_task(box.tools())
        await until(lambda: bool(asyncio.all_tasks() - {asyncio.current_task(), tools}))
        await passes.over(box.close())
        await asyncio.wait({tools})


@pytest.mark.promise("bridged-nothing-left")
@pytest.mark.parametrize("story", [opening, closing, closing_while_it_opens])
def test_wherever_it_is_cancelled_twice_nothing_is_left_behind(story: Story) -> None:
    """Naively, whoever does not wait for the end of a connection any more leaves it to nobody."""
    whole = run(Passes(), story)
    for number in moments(whole, every=3):
        run(Passes(number, number + 2), story)


@pytest.mark.promise("bridged-nothing-left")
def test_what_a_program_began_is_ended_too_where_its_start_is_cancelled(tmp_path: Path) -> None:
    """Naively, asyncio ends the program alone."""
    before = children()

    async def story(passes: Passes) -> None:
        script = 'sleep 1000 & echo $! >"$1~"; mv "$1~" "$1"; exec sleep 1000'
        command = StdioCommand(command=("sh", "-c", script, "sh", str(noted)))
        async with toolbox(command, bounds=Bounds(backoff=0.0, goodbye=0.1)) as box:
            await passes.over(box.tools())

    def began() -> None:
        """Hold the loop until the program has begun another one: so slow may a machine be."""
        while children() != before and not noted.exists():
            os.sched_yield()

    found: list[int] = []
    for number in range(1, 16):
        noted = tmp_path / f"{number}"
        run(Passes(number, first=began), story)
        if noted.exists():
            found.append(int(noted.read_text()))
    left = [pid for pid in found if alive(pid)]
    for pid in left:
        os.kill(pid, 9)
    assert found
    assert not left


def test_a_change_that_was_announced_counts_until_it_is_listed() -> None:
    """Naively, it is forgotten when listing begins, and so for ever when that is cancelled."""

    async def story() -> None:
        async with toolbox(program(), bounds=BOUNDS) as box:
            listing = await box.tools()
            await call(box, "change")
            anew = asyncio.create_task(box.tools())
            await asyncio.sleep(0)  # it has asked, and has no answer yet
            with pytest.raises(ToolsChanged):
                await box.call("echo", {}, epoch=listing.epoch, meta={}, seconds=9.0)
            anew.cancel()
            await asyncio.wait({anew})
            with pytest.raises(ToolsChanged):
                await box.call("echo", {}, epoch=listing.epoch, meta={}, seconds=9.0)
            assert (await box.tools()).epoch > listing.epoch

    asyncio.run(story())
