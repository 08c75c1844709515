"""Programs that a signal handler ends at once, without anybody's goodbye."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from mcpbridge.adapters.mcp_servers.groups import GROUPS, Groups
from mcpbridge.adapters.mcp_servers.settings import Bounds
from mcpbridge.errors import ServerUnavailable
from tests.mcp_servers.scene import call, program, toolbox, until
from tests.mcp_servers.test_mcp_programs import alive, stubborn

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
BOUNDS = Bounds(goodbye=3600.0, backoff=0.0)
"""Who waits for the goodbye, waits too long."""


@pytest.mark.promise("bridged-hurried")
def test_a_program_that_is_said_goodbye_to_ends_at_once_with_what_it_began(tmp_path: Path) -> None:
    async def story() -> None:
        GROUPS.set(groups := Groups())
        async with toolbox(program(), bounds=BOUNDS) as box, toolbox(stubborn(pid), bounds=BOUNDS) as mute:
            child = int(str((await call(box, "child")).parts))
            opening = asyncio.create_task(mute.tools())
            await until(pid.exists)
            closing = asyncio.create_task(box.close())
            groups.kill()
            await asyncio.wait({closing, opening}, timeout=30)
            assert closing.done()
            assert isinstance(opening.exception(), ServerUnavailable)
            await until(lambda: not alive(child))
            assert not alive(int(pid.read_text()))

    pid = tmp_path / "pid"
    asyncio.run(story())


@pytest.mark.promise("bridged-hurried")
def test_a_program_that_starts_after_all_were_killed_is_killed_too(tmp_path: Path) -> None:
    async def story() -> None:
        GROUPS.set(groups := Groups())
        groups.kill()
        async with toolbox(stubborn(tmp_path / "pid"), bounds=BOUNDS) as box:
            with pytest.raises(ServerUnavailable, match="SIGKILL"):
                await box.tools()

    asyncio.run(story())
