"""Servers that nobody here wrote: listed, called, killed in the middle and used again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.adapters.mcp_servers.settings import HttpAddress, StdioCommand
from mcpbridge.adapters.mcp_servers.toolbox import ServerToolbox
from mcpbridge.errors import CallNotSent, OutcomeLost, ServerUnavailable, ToolsChanged
from mcpbridge.ports import ToolAnswer
from tests.cli_run.everything import free_port
from tests.mcp_servers.real import PYTHON_SERVERS, node_servers, python_server, started_with
from tests.mcp_servers.scene import Person, call, toolbox, until

pytestmark = pytest.mark.node


@pytest.fixture(scope="session")
def modules(shared: Path) -> Path:
    return node_servers(shared)


def node(modules: Path, name: str, *arguments: str) -> StdioCommand:
    return StdioCommand(command=("node", str(modules / f"server-{name}" / "dist" / "index.js"), *arguments))


async def settled(
    box: ServerToolbox, name: str, arguments: dict[str, Any] | None = None, **more: Any
) -> ToolAnswer:
    """A call, listed anew as often as the server announces changes."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await call(box, name, arguments, **more)
            except ToolsChanged:
                continue


def pids(box: ServerToolbox) -> list[int]:
    """The program behind a toolbox."""
    assert isinstance(box.server.address, StdioCommand)
    return started_with(box.server.address.command)


@contextmanager
def listening(modules: Path, transport: str, port: int) -> Generator[subprocess.Popen[str], None, None]:
    program = str(modules / "server-everything" / "dist" / "index.js")
    with subprocess.Popen(
        ["node", program, transport],
        env={**os.environ, "PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert any("on port" in line for line in process.stderr)
            yield process
        finally:
            process.kill()


@pytest.mark.promise("bridged-real")
@pytest.mark.parametrize(("transport", "path"), [("streamableHttp", "/mcp"), ("sse", "/sse")])
def test_server_everything_over_http_is_used_killed_and_used_again(
    modules: Path, transport: str, path: str
) -> None:
    port = free_port()
    address = HttpAddress(
        url=f"http://127.0.0.1:{port}{path}", transport="sse" if transport == "sse" else "streamable-http"
    )

    async def story() -> None:
        async with toolbox(address) as box:
            with listening(modules, transport, port) as process:
                await used(box)
                epoch = (await box.tools()).epoch
                long = asyncio.create_task(
                    settled(
                        box, "trigger-long-running-operation", {"duration": 60, "steps": 60}, observer=person
                    )
                )
                await until(lambda: len(person.heard) > 0)
                process.kill()
                with pytest.raises(OutcomeLost, match="trigger-long-running-operation"):
                    await long
            with pytest.raises((CallNotSent, ServerUnavailable)):
                await call(box, "echo", {"message": "nobody hears it"})
            with listening(modules, transport, port):
                assert (await settled(box, "echo", {"message": "again"})).parts == "Echo: again"
                assert (await box.tools()).epoch > epoch

    person = Person()
    asyncio.run(story())


async def used(box: ServerToolbox) -> None:
    assert (await settled(box, "echo", {"message": "hi"})).parts == "Echo: hi"
    picture = await settled(box, "get-tiny-image")
    assert [part["type"] for part in picture.parts if isinstance(part, dict)].count("input_image") == 1
    weather = await settled(box, "get-structured-content", {"location": "Chicago"})
    assert weather.structured is not None
    assert json.loads(str(weather.parts)) == weather.structured
    person = Person()
    assert "declined" in str((await settled(box, "trigger-elicitation-request", observer=person)).parts)
    assert len(person.asked) == 1
    wrong = await settled(box, "get-sum", {"a": "no", "b": "number"})
    assert wrong.is_error in ("tool", "protocol")


@pytest.mark.promise("bridged-real")
def test_server_everything_as_a_program_is_used_killed_and_used_again(modules: Path) -> None:
    async def story() -> None:
        async with toolbox(node(modules, "everything", "stdio")) as box:
            await used(box)
            (pid,) = pids(box)
            person = Person()
            long = asyncio.create_task(
                settled(box, "trigger-long-running-operation", {"duration": 60, "steps": 60}, observer=person)
            )
            await until(lambda: len(person.heard) > 0)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(OutcomeLost):
                await long
            assert (await settled(box, "echo", {"message": "again"})).parts == "Echo: again"
            assert pids(box) != [pid]
        assert pids(box) == []

    asyncio.run(story())


@pytest.mark.promise("bridged-real")
def test_the_filesystem_server_reads_what_it_may(modules: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("inside", encoding="utf-8")

    async def story() -> None:
        async with toolbox(node(modules, "filesystem", str(tmp_path))) as box:
            assert "inside" in str(
                (await settled(box, "read_text_file", {"path": str(tmp_path / "a.txt")})).parts
            )
            refused = await settled(box, "read_text_file", {"path": "/etc/passwd"})
            assert refused.is_error == "tool"
            assert "Access denied" in str(refused.parts)

    asyncio.run(story())


@pytest.mark.promise("bridged-real")
def test_the_memory_server_remembers_across_a_kill(modules: Path, tmp_path: Path) -> None:
    async def environment() -> Any:
        from mcpbridge.core.secret import Secret

        return {"MEMORY_FILE_PATH": Secret(str(tmp_path / "memory.json"))}

    address = StdioCommand(command=node(modules, "memory").command, environment=environment)
    entity = {"name": "Ada", "entityType": "person", "observations": ["writes programs"]}

    async def story() -> None:
        async with toolbox(address) as box:
            await settled(box, "create_entities", {"entities": [entity]})
            (pid,) = pids(box)
            os.kill(pid, signal.SIGKILL)
            await until(lambda: pid not in pids(box))
            try:
                found = await settled(box, "read_graph")
            except OutcomeLost:  # killed so lately that nobody had noticed
                found = await settled(box, "read_graph")
            assert "writes programs" in str(found.parts)

    asyncio.run(story())


@pytest.mark.promise("bridged-real")
@pytest.mark.parametrize("package", PYTHON_SERVERS)
def test_the_python_servers_run_in_environments_of_their_own(
    shared: Path, tmp_path: Path, package: str
) -> None:
    program = python_server(shared, package)
    subprocess.run(["git", "init", "-q", str(tmp_path / "repo")], check=True)
    arguments, protocol, tool, given, words = {
        "mcp-server-git": (
            (),
            "2026-07-28",
            "git_status",
            {"repo_path": str(tmp_path / "repo")},
            "No commits yet",
        ),
        "mcp-server-time": (
            ("--local-timezone", "UTC"),
            "2026-07-28",
            "get_current_time",
            {"timezone": "UTC"},
            "UTC",
        ),
        "mcp-server-sqlite": (
            ("--db-path", str(tmp_path / "x.db")),
            "2025-11-25",
            "read_query",
            {"query": "SELECT 6 * 7 AS n"},
            "42",
        ),
    }[package]

    async def story() -> None:
        async with toolbox(StdioCommand(command=(program, *arguments))) as box:
            listing = await box.tools()
            assert listing.protocol == protocol
            assert tool in {each.name for each in listing.tools}
            answer = await settled(box, tool, given)
            assert (answer.is_error, words in str(answer.parts)) == ("no", True)

    asyncio.run(story())
