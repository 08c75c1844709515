"""A server that is a program: started in a process group of its own, ended with everything it started.

The SDK's transport keeps a line of any length, and its standard error goes to ours as it is; hence this one.
It yields the same pair of streams.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import anyio
from mcp.client.stdio import get_default_environment

from mcpbridge.adapters.mcp_servers.conduct import Conduct
from mcpbridge.adapters.mcp_servers.groups import GROUPS, KILL
from mcpbridge.adapters.mcp_servers.pipes import Incoming, Outgoing
from mcpbridge.adapters.mcp_servers.settings import StdioCommand
from mcpbridge.adapters.mcp_servers.stderr import StandardError
from mcpbridge.core.secret import Secret

_TERMINATED: Final = 1.0
"""Seconds a program has after SIGTERM."""


@asynccontextmanager
async def program(
    server: StdioCommand,
    environment: Mapping[str, Secret],
    errors: StandardError,
    conduct: Conduct,
    *,
    limit: int,
    goodbye: float,
    ended: Callable[[], None],
) -> AsyncGenerator[tuple[Any, Any], None]:
    """Start it; read and write until the block ends; end it. `ended` is called when it ends by itself.

    Raises OSError where it cannot be started.
    """
    process = await _started(
        server, get_default_environment() | {name: value.reveal() for name, value in environment.items()}
    )
    assert process.stdin is not None, "it is a pipe"
    assert process.stdout is not None, "it is a pipe"
    assert process.stderr is not None, "it is a pipe"
    incoming, outgoing = Incoming(process.stdout, limit, ended, conduct), Outgoing(process.stdin)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(errors.read, process.stderr)
        try:
            yield incoming, outgoing
        finally:
            by_itself = process.returncode is not None or incoming.at_end or process.stdin.is_closing()
            try:
                with anyio.CancelScope(shield=True):
                    await incoming.aclose()
                    await outgoing.aclose()
                    tasks.start_soon(incoming.drain)
                    await _end(process, goodbye, conduct if by_itself else Conduct())
            finally:  # the shield does not hold against `Task.cancel()`: whoever hurries, nothing stays
                await _let_go(process)
            tasks.cancel_scope.cancel()


async def _started(server: StdioCommand, environment: Mapping[str, str]) -> Process:
    """Cancelled on the way, it is started all the same, and ended with whatever it has begun."""
    starting = asyncio.ensure_future(_begun(server, environment))
    try:
        return await asyncio.shield(starting)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(_missing(server, environment.get("PATH"))) from error
    except asyncio.CancelledError:
        await asyncio.wait({asyncio.ensure_future(_unwanted(starting))})
        raise


async def _begun(server: StdioCommand, environment: Mapping[str, str]) -> Process:
    process = await asyncio.create_subprocess_exec(
        *server.command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=server.folder,
        env=environment,
        start_new_session=True,
    )
    if (groups := GROUPS.get()) is not None:
        groups.began(process.pid)
    return process


async def _unwanted(starting: asyncio.Future[Process]) -> None:
    with suppress(OSError):
        await _let_go(await starting)


def _missing(server: StdioCommand, path: str | None) -> str:
    """The system names neither well: the folder, the program, or the interpreter in its first line."""
    name = server.command[0]
    if server.folder is not None and not server.folder.is_dir():
        return f"the folder {server.folder} does not exist"
    if os.path.dirname(name):
        there = (server.folder or Path()).joinpath(name).exists()
    else:
        there = shutil.which(name, path=path) is not None
        name = name if there else f"{name} in PATH"
    return f"{name} names an interpreter that is not there" if there else f"no program {name}"


async def _end(process: Process, goodbye: float, conduct: Conduct) -> None:
    """Close its input, and wait; then SIGTERM, and wait, for everything that it started too."""
    assert process.stdin is not None, "it is a pipe"
    process.stdin.close()
    if await _ended(process, goodbye):
        conduct.status = process.returncode
    _signal(process, signal.SIGTERM)
    if not await _ended(process, _TERMINATED, group=True):
        _signal(process, KILL)
        await _ended(process, _TERMINATED, group=True)


async def _let_go(process: Process) -> None:
    """End what is left of it at once, and of the pipes, which something that it started may still hold.
    The loop hears of its end before it is closed, unless whoever hurries does so again."""
    if process.returncode is None or _group(process):
        _signal(process, KILL)
    try:
        with anyio.CancelScope(shield=True):
            await _ended(process, _TERMINATED)
    finally:
        if (groups := GROUPS.get()) is not None:
            groups.ended(process.pid)
        transport = getattr(process, "_transport", None)  # nothing public lets go of the pipes
        if transport is not None:
            with suppress(PermissionError):
                transport.close()


async def _ended(process: Process, seconds: float, *, group: bool = False) -> bool:
    """Not `process.wait()`: that also waits until all have closed the pipes. `group`: and what it began."""
    with anyio.move_on_after(seconds):
        while process.returncode is None or (group and _group(process)):  # noqa: ASYNC110 # nothing tells it
            await anyio.sleep(0.01)
        return True
    return False


def _group(process: Process) -> bool:
    """Whether anything of its group is left. While it is, the system gives nobody else its number."""
    if sys.platform == "win32":
        return False
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 0)
        return True
    return False


def _signal(process: Process, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)  # its own group, since it leads a session
