"""What happens while a call runs: progress, cancellation, changed tools, clients that go away."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp.client import Client

from tests.gateway.scene import (
    ERAS,
    TOKEN,
    client_of,
    configured,
    effects,
    gateway,
    over_http,
    records,
    used,
    words,
)
from tests.mcp_servers.scene import until
from tests.mcp_servers.test_mcp_programs import alive


@pytest.mark.promise("gateway-cancels")
@pytest.mark.parametrize("http", [False, True])
@pytest.mark.parametrize("era", ERAS)
def test_a_call_that_its_client_cancels_is_cancelled_at_the_server(
    tmp_path: Path, era: Any, http: bool
) -> None:
    configured(tmp_path)

    async def body(client: Client) -> None:
        call = asyncio.create_task(client.call_tool("shop__wait", {"key": "a"}))
        await until(lambda: effects(tmp_path) == ["began a"])
        call.cancel()
        await until(lambda: effects(tmp_path) == ["began a", "stopped a"])

    async def whole() -> None:
        async with over_http(tmp_path) as url, client_of(url, mode=era) as client:
            await body(client)

    if http:
        asyncio.run(whole())
    else:
        used(body, gateway(tmp_path), mode=era)
    assert [record["type"] for record in records(tmp_path, "outcome_unknown")] == ["outcome_unknown"]


@pytest.mark.parametrize("era", ERAS)
def test_progress_comes_in_order_and_to_the_call_that_asked_for_it(tmp_path: Path, era: Any) -> None:
    configured(tmp_path)

    async def body(client: Client) -> None:
        heard: dict[int, list[float]] = {0: [], 1: []}

        async def call(number: int) -> None:
            async def note(progress: float, total: float | None, message: str | None) -> None:
                heard[number].append(progress)

            assert words(await client.call_tool("shop__meet", {"count": 2}, progress_callback=note)) == "met"

        await asyncio.gather(call(0), call(1))
        assert sorted([*heard[0], *heard[1]]) == [1.0, 2.0]
        assert len(heard[0]) == len(heard[1]) == 1

    used(body, gateway(tmp_path), mode=era)


@pytest.mark.promise("gateway-announces")
@pytest.mark.parametrize("upstream", ["legacy", "2026-07-28"])
@pytest.mark.parametrize("era", ERAS)
def test_clients_are_told_when_a_server_s_tools_change(tmp_path: Path, era: Any, upstream: str) -> None:
    configured(tmp_path, server={"protocol": upstream})
    heard = asyncio.Event()

    async def on_message(message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            heard.set()

    async def listening(client: Client, ready: asyncio.Event) -> None:
        async with client.listen(tools_list_changed=True) as events:
            ready.set()
            async for _ in events:
                heard.set()

    async def body(client: Client) -> None:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert "shop__late" not in names
        capabilities = client.server_capabilities.tools  # of the newer protocol none are asked for here
        assert era != "legacy" or (capabilities is not None and capabilities.list_changed)
        ready = asyncio.Event()
        task = asyncio.create_task(listening(client, ready)) if era != "legacy" else None
        if task is not None:
            await ready.wait()
        await client.call_tool("shop__grow", {})
        async with asyncio.timeout(20):
            await heard.wait()
        assert "shop__late" in [tool.name for tool in (await client.list_tools()).tools]
        if task is not None:
            task.cancel()

    used(body, gateway(tmp_path), mode=era, message_handler=on_message, cache=None)


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("how", ["input ends", "the gateway is killed"])
def test_nothing_is_left_running_when_one_side_dies_in_a_call(tmp_path: Path, how: str) -> None:
    configured(tmp_path)

    async def whole() -> None:
        parameters = gateway(tmp_path)
        process = await asyncio.create_subprocess_exec(
            parameters.command,
            *parameters.args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        for line in opening("shop__wait", {"key": "a"}):
            process.stdin.write(line)
        await until(lambda: effects(tmp_path) == ["began a"])
        children = children_of(process.pid)
        assert children
        if how == "input ends":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGKILL)
        await asyncio.wait_for(process.wait(), 30)
        await until(lambda: not any(map(alive, children)))

    asyncio.run(whole())
    assert [record["outcome"] for record in records(tmp_path, "decision")] == ["policy_allow"]


def opening(tool: str, arguments: dict[str, Any]) -> list[bytes]:
    """The lines of a client of the older protocol that makes one call."""
    about = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": about},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": tool, "arguments": arguments}},
    ]
    return [types.jsonrpc_message_adapter.validate_python({"jsonrpc": "2.0", **one}).model_dump_json(
        by_alias=True, exclude_unset=True).encode() + b"\n" for one in messages]  # fmt: skip


def test_a_killed_client_of_the_newer_protocol_takes_its_call_with_it(tmp_path: Path) -> None:
    configured(tmp_path)

    async def whole() -> None:
        async with over_http(tmp_path, "--client", "editor=EDITOR_TOKEN") as url:
            async with client_of(url, TOKEN, mode="2026-07-28") as client:
                call = asyncio.create_task(client.call_tool("shop__wait", {"key": "a"}))
                await until(lambda: effects(tmp_path) == ["began a"])
            with pytest.raises(Exception):  # noqa: B017, PT011 # whatever the SDK makes of its end
                await call
            await until(lambda: effects(tmp_path) == ["began a", "stopped a"])
            async with httpx2.AsyncClient(timeout=60.0) as http:
                assert (await http.get(url)).status_code == 401

    asyncio.run(whole())
