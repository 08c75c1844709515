"""What a review of the gateway found: each of these failed once."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, cast

import mcp_types as types
import pytest
from mcp.client import Client
from mcp.server.session import ServerSession

from mcpbridge.core.question import Wanted
from mcpbridge.gateway.announcing import Announcements
from mcpbridge.gateway.calls import Called
from mcpbridge.gateway.waiting import Asker, Waiting
from mcpbridge.ports import Approver
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
from tests.gateway.test_gateway_waiting import FORMS, question
from tests.mcp_servers.scene import until

CANARY = "swordfish-0123456789"
ALL = "version: 1\ndefaults: {decision: deny}\nrules: [{id: all, effect: allow, tools: ['*']}]\n"


def over_telltale(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_SECRET", CANARY)
    environment = {"SHOP_FILE": str(folder / "effects"), "SECRET": "${env:SHOP_SECRET}"}
    command = [sys.executable, str(Path(__file__).with_name("telltale.py"))]
    configured(folder, server={"command": command, "elicitation": "ask", "env": environment})
    (folder / "policy.yaml").write_text(ALL)


@pytest.mark.promise("gateway-honest-outcome")
@pytest.mark.parametrize("more", [True, False], ids=["with the next call", "at the end"])
@pytest.mark.parametrize("era", ERAS)
def test_a_call_that_ran_is_never_told_as_one_that_did_not_and_its_outcome_is_recorded_once(
    tmp_path: Path, era: Any, more: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_telltale(tmp_path, monkeypatch)
    gate, log = tmp_path / "gate", tmp_path / "audit"
    os.mkfifo(gate)

    async def body(client: Client) -> None:
        call = asyncio.create_task(client.call_tool("shop__slow", {}))
        await until(lambda: effects(tmp_path) == ["slow"])
        log.rename(tmp_path / "gone")
        log.write_text("no folder")
        gate.write_text("go on")
        result = await call
        log.unlink()
        (tmp_path / "gone").rename(log)
        assert result.is_error
        assert "shop__slow may have run" in words(result)
        assert "do not repeat it" in words(result)
        if more:
            assert not (await client.call_tool("shop__tell", {}, progress_callback=_nothing)).is_error

    used(body, gateway(tmp_path), mode=era)
    outcomes = [record["tool"] for record in records(tmp_path, "outcome")]
    assert outcomes == (["slow", "tell"] if more else ["slow"])


async def _nothing(progress: float, total: float | None, message: str | None) -> None:
    pass


@pytest.mark.promise("gateway-tells-no-secret")
@pytest.mark.parametrize("era", ERAS)
def test_progress_questions_and_descriptions_tell_a_client_no_credential_and_log_lines_tell_it_nothing(
    tmp_path: Path, era: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_telltale(tmp_path, monkeypatch)
    told: list[Any] = []

    async def progressed(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, message))

    async def elicit(_context: Any, params: Any) -> types.ElicitResult:
        told.append(params.model_dump_json())
        return types.ElicitResult(action="decline")

    async def logged(params: types.LoggingMessageNotificationParams) -> None:
        told.append(params.model_dump_json())

    async def body(client: Client) -> None:
        told.append((await client.list_tools()).model_dump_json())
        await client.call_tool("shop__tell", {}, progress_callback=progressed)
        await client.call_tool("shop__ask", {})

    client_gets = {"elicitation_callback": elicit, "logging_callback": logged}
    used(body, gateway(tmp_path, "--ask", "client"), mode=era, **client_gets)
    listing, *progress, question_ = told
    assert progress == [(1.0, "the key is [secret]"), (2.0, "on")]  # what is endless is no JSON
    assert "With [secret]." in listing
    assert "the key is [secret]" in question_
    assert CANARY not in str(told)


def test_a_question_that_nobody_could_read_is_declined_and_fills_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_telltale(tmp_path, monkeypatch)

    async def elicit(_context: Any, params: Any) -> types.ElicitResult:
        raise AssertionError("somebody was asked")

    async def body(client: Client) -> None:
        assert words(await client.call_tool("shop__flood", {})) == '{"action": "decline"}'

    used(body, gateway(tmp_path, "--ask", "client"), mode="legacy", elicitation_callback=elicit)
    assert "longer than the 20,000 characters" in records(tmp_path, "elicitation_answered")[0]["reason"]
    kept = sum(path.stat().st_size for path in (tmp_path / "audit").rglob("*") if path.is_file())
    assert kept < 200_000


@pytest.mark.promise("gateway-asks-client")
def test_who_has_said_no_three_times_is_not_asked_again_also_not_in_a_new_session(tmp_path: Path) -> None:
    configured(tmp_path)
    asked: list[Any] = []
    told: list[str] = []

    async def elicit(_context: Any, params: Any) -> types.ElicitResult:
        asked.append(params)
        return types.ElicitResult(action="decline")

    async def whole() -> None:
        async with over_http(tmp_path, "--ask", "client") as url:
            for _ in range(5):
                async with client_of(url, mode="legacy", elicitation_callback=elicit) as client:
                    told.append(words(await client.call_tool("shop__burn", {"key": "a"})))
            assert ["denied 3 times" in one for one in told] == [False] * 3 + [True] * 2
            async with client_of(url, mode="legacy", elicitation_callback=elicit) as client:
                await client.call_tool("shop__burn", {"key": "another"})

    asyncio.run(whole())
    assert len(asked) == 4
    outcomes = [record["outcome"] for record in records(tmp_path, "decision")]
    assert outcomes == ["human_deny"] * 3 + ["limit"] * 2 + ["human_deny"]


@pytest.mark.promise("gateway-callers")
def test_two_clients_with_one_token_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(tmp_path)
    monkeypatch.setenv("ANAS", TOKEN)
    monkeypatch.setenv("BENS", TOKEN)

    async def said(*callers: str) -> str:
        parameters = gateway(tmp_path, "--http", "--port", "0", *callers)
        process = await asyncio.create_subprocess_exec(
            parameters.command,
            *parameters.args,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        if await process.stdout.readline():  # it listens
            process.terminate()
        _, errors = await process.communicate()
        return f"{process.returncode} {errors.decode()}"

    told = asyncio.run(said("--client", "ana=ANAS", "--client", "ben=BENS"))
    assert told.startswith("2 ")
    assert "ana and ben have the same token" in told
    assert TOKEN not in told
    twice = asyncio.run(said("--client", "ana=ANAS", "--client", "ana=ANAS"))
    assert twice.startswith("2 ")
    assert "--client ana is given twice; name each client once" in twice


@pytest.mark.promise("gateway-announces")
def test_what_changes_while_clients_are_told_is_told_too() -> None:
    async def whole() -> None:
        announcements, told, reading = Announcements(most=2), list[str](), asyncio.Event()

        class Slow:
            async def send_tool_list_changed(self) -> None:
                told.append("a")
                await reading.wait()

        announcements.listed("a", cast("ServerSession", Slow()))
        announcements.changed()
        await until(lambda: len(told) == 1)
        announcements.changed()
        reading.set()
        await until(lambda: len(told) == 2)

    asyncio.run(whole())


@pytest.mark.parametrize("named", ["question", "", "not a name"])
def test_what_a_server_asks_never_stands_where_a_question_about_a_call_does(named: str) -> None:
    async def whole() -> list[str]:
        keys: list[str] = []
        for wanted in (None, Wanted(form={"type": "object"}, id=named)):
            place = Waiting()
            asker = Asker(place=place, name="burn", arguments={}, shows=FORMS, by="client t")

            async def started(approver: Approver, _: Any, wanted: Wanted | None = wanted) -> Called:
                await approver.ask(question(wanted))
                return Called(output="", failed=True)

            asker.follow(started)
            put = await asker.next()
            assert isinstance(put, types.InputRequiredResult)
            keys += put.input_requests or {}
            await place.close()
        return keys

    assert asyncio.run(whole()) == ["question", "server_question"]
