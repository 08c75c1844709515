"""Clients that mean harm, and accidents: each ends in a refusal, and none ends the gateway."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.gateway.scene import (
    OTHER,
    TOKEN,
    client_of,
    configured,
    effects,
    gateway,
    over_http,
    records,
    words,
)

CALLERS = ("--client", "editor=EDITOR_TOKEN", "--client", "robot=ROBOT_TOKEN")
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
ABOUT = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


def request(method: str, params: dict[str, Any], number: int = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


async def opened(http: httpx2.AsyncClient, url: str) -> str:
    """A session of the older protocol; its id."""
    answer = await http.post(url, json=request("initialize", ABOUT))
    assert answer.status_code == 200
    session = answer.headers["mcp-session-id"]
    await http.post(
        url,
        json={"jsonrpc": "2.0", "method": "notifications/initialized"},
        headers={"Mcp-Session-Id": session},
    )
    return session


def bearer(token: str) -> dict[str, str]:
    return {**ACCEPT, "Authorization": f"Bearer {token}"}


@pytest.mark.promise("gateway-callers")
def test_a_session_of_another_caller_is_none(tmp_path: Path) -> None:
    configured(tmp_path)
    call = request("tools/call", {"name": "shop__book", "arguments": {"key": "a"}}, 2)

    async def whole() -> None:
        async with (
            over_http(tmp_path, *CALLERS) as url,
            httpx2.AsyncClient(headers=bearer(TOKEN), timeout=60.0) as editor,
            httpx2.AsyncClient(headers=bearer(OTHER), timeout=60.0) as robot,
        ):
            session = await opened(editor, url)
            theirs = {"Mcp-Session-Id": session}
            answers = [
                await robot.post(url, json=call, headers=theirs),
                await robot.get(url, headers=theirs),
                await robot.delete(url, headers=theirs),
            ]
            assert [answer.status_code for answer in answers] == [404, 404, 404]
            assert effects(tmp_path) == []
            assert (await editor.post(url, json=call, headers=theirs)).status_code == 200

    asyncio.run(whole())
    assert effects(tmp_path) == ["a"]
    assert [record["principal"] for record in records(tmp_path, "decision")] == ["editor"]


def test_a_newer_client_gets_no_other_conversation_by_a_header(tmp_path: Path) -> None:
    configured(tmp_path)

    async def whole() -> None:
        async with over_http(tmp_path) as url:
            for header in ("", "made-up", "another"):
                headers = {"Mcp-Session-Id": header} if header else {}
                async with httpx2.AsyncClient(headers=headers, timeout=60.0) as http:
                    about: dict[str, Any] = {
                        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                        "io.modelcontextprotocol/clientCapabilities": {},
                    }
                    params = {"name": "shop__book", "arguments": {"key": header}, "_meta": about}
                    named = {
                        "MCP-Protocol-Version": "2026-07-28",
                        "Mcp-Method": "tools/call",
                        "Mcp-Name": "shop__book",
                    }
                    answer = await http.post(
                        url, json=request("tools/call", params), headers={**ACCEPT, **named}
                    )
                    assert answer.status_code == 200, answer.text

    asyncio.run(whole())
    assert len(effects(tmp_path)) == 3
    assert len({record["conversation_id"] for record in records(tmp_path, "decision")}) == 1


async def endless(size: int) -> AsyncGenerator[bytes, None]:
    for _ in range(size // 65_536):
        yield b"x" * 65_536


@pytest.mark.parametrize("token", [TOKEN, "guess"])
def test_a_body_of_100_mb_is_refused_and_not_kept(tmp_path: Path, token: str) -> None:
    configured(tmp_path)

    async def whole() -> None:
        async with over_http(tmp_path, *CALLERS) as url:
            async with httpx2.AsyncClient(headers=bearer(token), timeout=60.0) as http:
                answers = [await http.post(url, content=b"x" * 100_000_000)]
                answers.append(await http.post(url, content=endless(100_000_000)))
            expected = 413 if token == TOKEN else 401
            assert [answer.status_code for answer in answers] == [expected, expected]
            async with client_of(url, TOKEN, mode="2026-07-28") as client:
                assert words(await client.call_tool("shop__book", {"key": "a"})) == "booked a"

    asyncio.run(whole())


@pytest.mark.promise("gateway-bounds")
def test_sessions_that_are_opened_and_left_are_bounded_and_keep_nobody_else_out(tmp_path: Path) -> None:
    configured(tmp_path)
    noise = tmp_path / "noise"

    async def whole() -> None:
        async with over_http(tmp_path, *CALLERS, noise=noise) as url:
            async with httpx2.AsyncClient(headers=bearer(OTHER), timeout=60.0) as robot:
                turnstile = asyncio.Semaphore(20)

                async def leave() -> int:
                    async with turnstile:
                        return (await robot.post(url, json=request("initialize", ABOUT))).status_code

                codes = await asyncio.gather(*(leave() for _ in range(1_200)))
            assert codes.count(200) == 1_000
            assert codes.count(503) == 200
            async with client_of(url, TOKEN, mode="legacy") as client:
                assert words(await client.call_tool("shop__book", {"key": "a"})) == "booked a"

    asyncio.run(whole())
    assert noise.read_text() == ""


GARBAGE = [
    b"\n", b"{\n", b"[]\n", b"null\n", b"\xff\xfe\x00garbage\n", b'{"jsonrpc": "2.0"}\n',
    b"x" * 1_000_000 + b"\n",
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}\n', b"[" * 100_000 + b"\n",
    b'{"jsonrpc":"2.0","id":{"a":1},"method":"tools/call","params":{"name":"shop__book"}}\n',
    b'{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":7,"arguments":"no"}}\n',
]  # fmt: skip


def test_garbage_on_standard_input_ends_nothing_and_calls_nothing(tmp_path: Path) -> None:
    configured(tmp_path)

    async def whole() -> None:
        parameters = gateway(tmp_path)
        process = await asyncio.create_subprocess_exec(
            parameters.command,
            *parameters.args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        call = request("tools/call", {"name": "shop__book", "arguments": {"key": "a"}}, 99)
        begin = [request("initialize", ABOUT, 98), {"jsonrpc": "2.0", "method": "notifications/initialized"}]
        lines = [*GARBAGE, *(json.dumps(one).encode() + b"\n" for one in begin), *GARBAGE]
        process.stdin.write(b"".join(lines) + json.dumps(call).encode() + b"\n")
        async for line in process.stdout:
            answer = json.loads(line)
            if answer.get("id") == 99:
                assert answer["result"]["content"][0]["text"] == "booked a"
                break
        process.stdin.close()
        await process.wait()

    asyncio.run(whole())
    assert effects(tmp_path) == ["a"]


def test_a_name_of_a_megabyte_is_refused_and_cut_on_record(tmp_path: Path) -> None:
    configured(tmp_path)

    async def whole() -> None:
        async with over_http(tmp_path) as url, client_of(url, mode="legacy") as client:
            assert (await client.call_tool("x" * 1_000_000, {})).is_error

    asyncio.run(whole())
    assert (tmp_path / "audit" / "audit.jsonl").stat().st_size < 100_000
    assert records(tmp_path, "decision")[0]["outcome"] == "unknown_tool"


@pytest.mark.promise("gateway-tells-no-secret")
@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
def test_what_the_client_is_told_of_a_failure_holds_no_secret(
    tmp_path: Path, era: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_SECRET", "swordfish-0123456789")
    configured(
        tmp_path,
        server={"env": {"SHOP_FILE": str(tmp_path / "effects"), "SECRET": "${env:SHOP_SECRET}"}},
    )

    async def whole() -> None:
        async with over_http(tmp_path) as url, client_of(url, mode=era) as client:
            told = words(await client.call_tool("shop__stumble", {}))
            assert "stumbled over" in told
            assert "swordfish" not in told

    asyncio.run(whole())
    assert os.environ["SHOP_SECRET"] not in (tmp_path / "audit" / "audit.jsonl").read_text()
