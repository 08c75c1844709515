"""The gateway, used by the official client: over stdio and HTTP, in both eras of the protocol."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from mcpbridge.gateway.names import shown_names
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


@pytest.mark.promise("gateway-gate")
@pytest.mark.parametrize("era", ERAS)
def test_a_call_is_ruled_recorded_and_only_then_run(tmp_path: Path, era: Any) -> None:
    configured(tmp_path)

    async def body(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == [
            "shop__book", "shop__burn", "shop__look", "shop__stumble", "shop__meet", "shop__wait",
            "shop__ask", "shop__grow",
        ]  # fmt: skip
        assert tools[0].description == "Book a key."
        done = await client.call_tool("shop__book", {"key": "a"})
        assert (words(done), done.is_error) == ("booked a", False)
        refused = await client.call_tool("shop__book", {"key": "forbidden"})
        assert refused.is_error
        assert "The call was denied and did not run. Reason: not that one" in words(refused)

    used(body, gateway(tmp_path), mode=era)
    assert effects(tmp_path) == ["a"]
    assert [record["outcome"] for record in records(tmp_path, "decision")] == ["policy_allow", "policy_deny"]
    assert records(tmp_path, "outcome")[0]["evidence"] == "executed_here"


@pytest.mark.promise("gateway-gate")
def test_what_must_be_asked_is_refused_where_nobody_can_be_asked(tmp_path: Path) -> None:
    configured(tmp_path)

    async def body(client: Client) -> None:
        refused = await client.call_tool("shop__burn", {"key": "a"})
        assert refused.is_error
        assert "denied" in words(refused)

    used(body, gateway(tmp_path))
    assert effects(tmp_path) == []
    assert records(tmp_path, "decision")[0]["outcome"] == "no_approver"


def test_pictures_failures_and_strangers_come_through_as_what_they_are(tmp_path: Path) -> None:
    configured(tmp_path)

    async def body(client: Client) -> None:
        picture = (await client.call_tool("shop__look", {})).content[0]
        assert isinstance(picture, types.ImageContent)
        assert picture.mime_type == "image/png"
        failed = await client.call_tool("shop__stumble", {})
        assert failed.is_error
        assert "stumbled over nothing" in words(failed)
        for name in ("shop__nothing", "book", "shop.book"):
            assert (await client.call_tool(name, {"key": "a"})).is_error
        wrong = await client.call_tool("shop__book", {"key": 7})
        assert wrong.is_error
        assert "do not fit the tool's schema" in words(wrong)

    used(body, gateway(tmp_path))
    assert effects(tmp_path) == []


def test_calls_of_one_client_run_side_by_side_and_their_progress_is_passed_on(tmp_path: Path) -> None:
    configured(tmp_path)
    heard: list[str | None] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    async def body(client: Client) -> None:
        calls = (client.call_tool("shop__meet", {"count": 3}, progress_callback=note) for _ in range(3))
        assert [words(result) for result in await asyncio.gather(*calls)] == ["met"] * 3

    used(body, gateway(tmp_path))
    assert "somebody came" in heard


def test_plain_names_are_the_tools_own(tmp_path: Path) -> None:
    configured(tmp_path)

    async def body(client: Client) -> None:
        assert (await client.list_tools()).tools[0].name == "book"
        assert words(await client.call_tool("book", {"key": "a"})) == "booked a"

    used(body, gateway(tmp_path, "--names", "plain"))
    assert effects(tmp_path) == ["a"]


def test_a_tool_that_is_called_like_another_server_s_is_not_mistaken_for_it() -> None:
    offered = {"bank__pay": "pay", "shop__pay": "pay", "evil__x": "bank__pay", "docs__read": "read"}
    shown = shown_names(offered, "plain")
    assert shown == {
        "bank__pay": "bank__pay", "shop__pay": "shop__pay", "evil__x": "evil__x", "docs__read": "read",
    }  # fmt: skip


def test_nothing_runs_where_nothing_can_be_recorded(tmp_path: Path) -> None:
    configured(tmp_path)

    async def body(client: Client) -> None:
        assert not (await client.call_tool("shop__book", {"key": "a"})).is_error
        (tmp_path / "audit" / "audit.jsonl").rename(tmp_path / "gone")
        with pytest.raises(MCPError, match="no record can be written, so nothing runs"):
            await client.call_tool("shop__book", {"key": "b"})

    used(body, gateway(tmp_path))
    assert effects(tmp_path) == ["a"]


@pytest.mark.promise("gateway-callers")
@pytest.mark.parametrize("era", ERAS)
def test_over_http_a_token_says_on_whose_behalf_a_call_is_made(tmp_path: Path, era: Any) -> None:
    configured(tmp_path)

    async def whole() -> None:
        async with over_http(tmp_path, "--client", "editor=EDITOR_TOKEN") as url:
            async with client_of(url, TOKEN, mode=era) as client:
                assert words(await client.call_tool("shop__book", {"key": "a"})) == "booked a"
            for refused in ({}, {"Authorization": "Bearer guess"}, {"Authorization": f"Basic {TOKEN}"}):
                async with httpx2.AsyncClient(headers=refused, timeout=60.0) as http:
                    answer = await http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
                assert answer.status_code == 401

    asyncio.run(whole())
    assert effects(tmp_path) == ["a"]
    assert records(tmp_path, "decision")[0]["principal"] == "editor"
    assert TOKEN not in (tmp_path / "audit" / "audit.jsonl").read_text()


def test_a_page_of_another_origin_cannot_use_the_gateway(tmp_path: Path) -> None:
    configured(tmp_path)

    async def whole() -> None:
        async with over_http(tmp_path) as url, httpx2.AsyncClient(timeout=60.0) as http:
            for headers in ({"Origin": "https://evil.example.com"}, {"Host": "evil.example.com"}):
                answer = await http.post(
                    url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=headers
                )
                assert answer.status_code in (403, 421)

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--client", "editor=NOT_SET_HERE", "--http"], "--client number 1: no such variable is set"),
        (["--client", "editor", "--http"], "write NAME=VARIABLE"),
        (["--client", "editor=X"], "--client is for --http"),
        (["--ask", "terminal"], "standard input belongs to the client"),
    ],
)
def test_options_that_do_not_fit_are_said(tmp_path: Path, options: list[str], said: str) -> None:
    configured(tmp_path)

    async def whole() -> None:
        parameters = gateway(tmp_path, *options)
        process = await asyncio.create_subprocess_exec(
            parameters.command, *parameters.args, stderr=asyncio.subprocess.PIPE
        )
        _, err = await process.communicate()
        assert process.returncode == 2
        assert said in err.decode()

    asyncio.run(whole())
