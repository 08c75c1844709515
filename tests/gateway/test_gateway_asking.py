"""People at the client, asked through the client: in the middle of a call, or between two requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from tests.gateway.scene import (
    ERAS,
    OTHER,
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

MODERN: Any = "2026-07-28"
INVALID = "Invalid or expired requestState"
YES = types.ElicitResult(action="accept", content={"decision": "yes"})


def form(content: dict[str, Any], shown: list[Any], action: Any = "accept") -> Any:
    async def elicit(_context: Any, params: Any) -> types.ElicitResult:
        shown.append(params)
        return types.ElicitResult(action=action, content=content if action == "accept" else None)

    return elicit


@pytest.mark.promise("gateway-asks-client")
@pytest.mark.parametrize("http", [False, True])
@pytest.mark.parametrize("era", ERAS)
def test_the_person_at_a_trusted_client_decides(tmp_path: Path, era: Any, http: bool) -> None:
    configured(tmp_path)
    shown: list[Any] = []

    async def with_both_answers(connect: Callable[..., AbstractAsyncContextManager[Client]]) -> None:
        for answer in ("yes", "no"):
            told = form({"decision": answer, "reason": "because"}, shown)
            async with connect(mode=era, elicitation_callback=told) as client:
                result = await client.call_tool("shop__burn", {"key": answer})
                assert result.is_error == (answer == "no")

    async def whole() -> None:
        if not http:
            await with_both_answers(partial(Client, gateway(tmp_path, "--ask", "client")))
            return
        async with over_http(tmp_path, "--ask", "client") as url:
            await with_both_answers(partial(client_of, url))

    asyncio.run(whole())
    assert effects(tmp_path) == ["burnt yes"]
    assert all("shop.burn" in params.message for params in shown)
    decisions = records(tmp_path, "decision")
    assert [record["outcome"] for record in decisions] == ["human_allow", "human_deny"]
    assert [record["authenticated"] for record in decisions] == [False, False]
    assert len(records(tmp_path, "question_asked")) == 2


@pytest.mark.promise("gateway-asks-client")
@pytest.mark.parametrize("era", ERAS)
def test_a_client_is_told_of_no_answer_that_it_cannot_give(tmp_path: Path, era: Any) -> None:
    configured(tmp_path)
    shown: list[Any] = []

    async def body(client: Client) -> None:
        assert not (await client.call_tool("shop__burn", {"key": "a"})).is_error

    answer = form({"decision": "yes"}, shown)
    used(body, gateway(tmp_path, "--ask", "client"), mode=era, elicitation_callback=answer)
    assert "shop.burn" in shown[0].message
    assert "always" not in shown[0].message
    assert set(shown[0].requested_schema["properties"]) == {"decision", "reason"}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("action", ["accept", "decline", "cancel"])
def test_a_server_that_asks_is_answered_in_its_own_form(tmp_path: Path, era: Any, action: str) -> None:
    configured(tmp_path, server={"elicitation": "ask"})
    shown: list[Any] = []
    content = {"street": "High Street", "floor": 3}

    async def body(client: Client) -> None:
        told = words(await client.call_tool("shop__ask", {"key": "box"}))
        assert told == ("booked box to High Street 3" if action == "accept" else f"no address: {action}")

    parameters = gateway(tmp_path, "--ask", "client")
    used(body, parameters, mode=era, elicitation_callback=form(content, shown, action))
    assert "Where shall box go?" in shown[0].message
    assert "shop.ask asks for something while it runs" in shown[0].message
    assert set(shown[0].requested_schema["properties"]) == {"street", "floor"}
    assert effects(tmp_path) == (["box to High Street 3"] if action == "accept" else [])
    for kind in ("elicitation_asked", "elicitation_answered"):
        assert len(records(tmp_path, kind)) == 1


def test_an_answer_that_does_not_fit_the_server_s_form_is_none(tmp_path: Path) -> None:
    configured(tmp_path, server={"elicitation": "ask"})

    async def body(client: Client) -> None:
        told = words(await client.call_tool("shop__ask", {"key": "box"}))
        assert told == "no address: cancel"

    answer = form({"street": "High Street", "floor": "top"}, [])
    used(body, gateway(tmp_path, "--ask", "client"), mode=MODERN, elicitation_callback=answer)
    assert effects(tmp_path) == []


async def put(client: Client, name: str, arguments: dict[str, Any], **more: Any) -> types.InputRequiredResult:
    result = await client.session.call_tool(name, arguments, allow_input_required=True, **more)
    assert isinstance(result, types.InputRequiredResult), result
    return result


async def answered(
    client: Client, name: str, arguments: dict[str, Any], state: str | None, **answers: Any
) -> Any:
    return await client.session.call_tool(
        name, arguments, request_state=state, input_responses=answers, allow_input_required=True
    )


def at_http(
    folder: Path, body: Callable[[Client, Client], Awaitable[None]], *options: str, **more: Any
) -> None:
    """Two callers at one gateway, each with a token of their own."""
    configured(folder, **more)

    async def whole() -> None:
        callers = ("--client", "editor=EDITOR_TOKEN", "--client", "robot=ROBOT_TOKEN")
        options_: Any = {"mode": MODERN, "elicitation_callback": form({}, [])}
        async with (
            over_http(folder, "--ask", "client", *callers, *options) as url,
            client_of(url, TOKEN, **options_) as editor,
            client_of(url, OTHER, **options_) as robot,
        ):
            await body(editor, robot)

    asyncio.run(whole())


@pytest.mark.promise("gateway-sealed-state")
def test_a_yes_is_good_once_for_one_call_of_one_caller(tmp_path: Path) -> None:
    async def body(editor: Client, robot: Client) -> None:
        asked = await put(editor, "shop__burn", {"key": "a"})
        assert effects(tmp_path) == []
        assert len(records(tmp_path, "question_asked")) == 1  # durable before the question went out
        state = asked.request_state
        assert state is not None
        forged = [state[:-4] + "AAAA", state + "A", "v1." + "A" * 80, "", "question", state[:20]]
        for strange in forged:
            with pytest.raises(MCPError, match=INVALID):
                await answered(editor, "shop__burn", {"key": "a"}, strange, question=YES)
        for name, arguments in (
            ("shop__burn", {"key": "b"}),
            ("shop__burn", {"key": "a", "more": 1}),
            ("shop__book", {"key": "a"}),
        ):
            with pytest.raises(MCPError, match=INVALID):
                await answered(editor, name, arguments, state, question=YES)
        with pytest.raises(MCPError, match=INVALID):
            await answered(robot, "shop__burn", {"key": "a"}, state, question=YES)
        assert effects(tmp_path) == []
        done = await answered(editor, "shop__burn", {"key": "a"}, state, question=YES)
        assert words(done) == "booked burnt a"
        for caller in (editor, robot):
            with pytest.raises(MCPError, match=INVALID):
                await answered(caller, "shop__burn", {"key": "a"}, state, question=YES)

    at_http(tmp_path, body)
    assert effects(tmp_path) == ["burnt a"]
    assert [record["outcome"] for record in records(tmp_path, "decision")] == ["human_allow"]


def test_two_requests_with_one_state_are_one_yes(tmp_path: Path) -> None:
    async def body(editor: Client, _robot: Client) -> None:
        state = (await put(editor, "shop__burn", {"key": "a"})).request_state
        both = await asyncio.gather(
            *(answered(editor, "shop__burn", {"key": "a"}, state, question=YES) for _ in range(5)),
            return_exceptions=True,
        )
        assert sum(isinstance(one, MCPError) for one in both) == 4

    at_http(tmp_path, body)
    assert effects(tmp_path) == ["burnt a"]


def test_an_answer_without_a_state_answers_nothing(tmp_path: Path) -> None:
    async def body(editor: Client, _robot: Client) -> None:
        asked = await answered(editor, "shop__burn", {"key": "a"}, None, question=YES)
        assert isinstance(asked, types.InputRequiredResult)

    at_http(tmp_path, body)
    assert effects(tmp_path) == []


def test_who_comes_back_without_an_answer_is_asked_again_and_at_last_refused(tmp_path: Path) -> None:
    async def body(editor: Client, _robot: Client) -> None:
        asked = await put(editor, "shop__burn", {"key": "a"})
        states = {asked.request_state}
        for answers in ({}, {"another": YES}):
            asked = await answered(editor, "shop__burn", {"key": "a"}, asked.request_state, **answers)
            states.add(asked.request_state)
        assert len(states) == 3
        refused = await answered(editor, "shop__burn", {"key": "a"}, asked.request_state)
        assert refused.is_error
        assert "3 times without an answer" in words(refused)

    at_http(tmp_path, body)
    assert effects(tmp_path) == []
    assert [record["outcome"] for record in records(tmp_path, "decision")] == ["no_approver"]


@pytest.mark.promise("gateway-sealed-state")
def test_a_yes_that_comes_too_late_is_none(tmp_path: Path) -> None:
    async def body(editor: Client, _robot: Client) -> None:
        asked = await put(editor, "shop__burn", {"key": "a"})
        await until(lambda: len(records(tmp_path, "decision")) == 1)
        with pytest.raises(MCPError, match=INVALID):
            await answered(editor, "shop__burn", {"key": "a"}, asked.request_state, question=YES)

    at_http(tmp_path, body, approvals={"timeout": "1s"})
    assert effects(tmp_path) == []
    assert records(tmp_path, "decision")[0]["outcome"] == "timeout"


def test_a_state_of_another_process_opens_nothing(tmp_path: Path) -> None:
    configured(tmp_path)
    states: list[str | None] = []

    async def ask(client: Client) -> None:
        states.append((await put(client, "shop__burn", {"key": "a"})).request_state)

    async def replay(client: Client) -> None:
        with pytest.raises(MCPError, match=INVALID):
            await answered(client, "shop__burn", {"key": "a"}, states[0], question=YES)

    for body in (ask, replay):
        used(body, gateway(tmp_path, "--ask", "client"), mode=MODERN, elicitation_callback=form({}, []))
    assert effects(tmp_path) == []


def test_a_freeze_that_comes_while_the_client_asks_is_obeyed(tmp_path: Path) -> None:
    async def body(editor: Client, _robot: Client) -> None:
        asked = await put(editor, "shop__burn", {"key": "a"})
        (tmp_path / "audit" / "frozen.json").write_text("{}")
        refused = await answered(editor, "shop__burn", {"key": "a"}, asked.request_state, question=YES)
        assert refused.is_error

    at_http(tmp_path, body)
    assert effects(tmp_path) == []


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_cannot_show_forms_is_not_asked(tmp_path: Path, era: Any) -> None:
    configured(tmp_path)

    async def body(client: Client) -> None:
        assert (await client.call_tool("shop__burn", {"key": "a"})).is_error

    used(body, gateway(tmp_path, "--ask", "client"), mode=era)
    assert effects(tmp_path) == []
    assert records(tmp_path, "decision")[0]["outcome"] == "no_approver"


def test_the_state_that_a_client_carries_tells_it_nothing(tmp_path: Path) -> None:
    async def body(editor: Client, _robot: Client) -> None:
        asked = await put(editor, "shop__burn", {"key": "not-for-others"})
        sent = json.dumps(asked.request_state)
        assert "editor" not in sent
        assert "not-for-others" not in sent

    at_http(tmp_path, body)
