"""The openai client, synchronous, asynchronous and streaming, in conversations with approvals."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from openai import AsyncOpenAI, OpenAI, omit
from openai.types.responses import Response
from openai.types.responses.response_output_item import McpApprovalRequest, McpCall
from pydantic import BaseModel

from mcpbridge.demo.server import Tracker
from mcpbridge.service.endpoint import LocalEndpoint

INCLUDE: Any = ["reasoning.encrypted_content"]


def hosted(tracker: Tracker, **more: object) -> Any:
    declaration = {"type": "mcp", "server_label": "tracker", "server_url": tracker.url}
    return {**declaration, "authorization": tracker.token, "require_approval": "always", **more}


def ask(client: OpenAI, **body: Any) -> Response:
    create: Any = client.responses.create  # its overloads cannot be told from **body
    return cast("Response", create(**body))


def answers(response: Response, *, approve: bool, reason: str = "") -> list[Any]:
    asked = [item for item in response.output if isinstance(item, McpApprovalRequest)]
    assert asked
    why = {"reason": reason} if reason else {}
    return [
        {"type": "mcp_approval_response", "approval_request_id": one.id, "approve": approve, **why}
        for one in asked
    ]


def replayed(response: Response) -> list[Any]:
    return [item.to_dict(exclude_unset=True) for item in response.output]


@pytest.mark.promise("outside-clients")
def test_the_openai_client_holds_a_conversation_that_stores_nothing(
    planner: LocalEndpoint, tracker: Tracker
) -> None:
    with OpenAI(base_url=planner.base_url, api_key=planner.api_key) as client:
        items: list[Any] = [{"role": "user", "content": "Open a ticket titled 'Broken roof'"}]
        fixed: Any = {"model": "planner", "tools": [hosted(tracker)], "store": False, "include": INCLUDE}
        first = ask(client, input=items, **fixed)
        items += [*replayed(first), *answers(first, approve=True)]
        second = ask(client, input=items, **fixed)
        items += [*replayed(second), {"role": "user", "content": "What was the number of that ticket?"}]
        third = ask(client, input=items, **fixed)

    ran = [item for item in second.output if isinstance(item, McpCall)]
    assert [call.output for call in ran] == ["Created issue #4: Broken roof"]
    assert "Created issue #4: Broken roof" in second.output_text
    assert "no language model" in second.output_text
    assert "#4" in third.output_text
    assert [effect.tool for effect in tracker.effects] == ["create_issue"]


def test_the_openai_client_goes_on_from_a_stored_response(planner: LocalEndpoint, tracker: Tracker) -> None:
    with OpenAI(base_url=planner.base_url, api_key=planner.api_key) as client:
        fixed: Any = {"model": "planner", "tools": [hosted(tracker)], "store": True}
        first = ask(client, input="Open a ticket titled 'Broken roof'", **fixed)
        denial = answers(first, approve=False, reason="Roofs are not ours.")
        second = ask(client, previous_response_id=first.id, input=denial, **fixed)

    assert "denied and did not run. The reason given: “Roofs are not ours.”" in second.output_text
    assert tracker.effects == []


def test_the_asynchronous_client_streams_a_hosted_call_and_its_answer(
    planner: LocalEndpoint, tracker: Tracker
) -> None:
    async def streamed() -> tuple[list[str], Response]:
        async with AsyncOpenAI(base_url=planner.base_url, api_key=planner.api_key) as client:
            tools = [hosted(tracker, require_approval="never")]
            async with client.responses.stream(
                model="planner", input="Read issue 3", tools=tools, store=False
            ) as stream:
                seen = [str(event.type) async for event in stream]
                return seen, cast("Response", await stream.get_final_response())

    seen, response = asyncio.run(streamed())

    assert seen[0] == "response.created"
    assert seen[-1] == "response.completed"
    assert {"response.mcp_call.completed", "response.output_text.delta"} <= set(seen)
    assert "Typo on the pricing page" in response.output_text


class Reading(BaseModel):
    severity: str
    count: int


def test_the_client_parses_structured_output(planner: LocalEndpoint) -> None:
    with OpenAI(base_url=planner.base_url, api_key=planner.api_key) as client:
        told = client.responses.parse(
            model="planner", input="severity: high, count: 3", text_format=Reading, store=False
        )
        untold = client.responses.parse(
            model="planner", input="severity: high", text_format=Reading, store=False
        )

    assert told.output_parsed == Reading(severity="high", count=3)
    assert untold.output_parsed is None
    assert "`count`" in str(untold.output)


@pytest.mark.parametrize("limit", [None, False])
def test_two_functions_are_called_at_once_or_one_after_the_other(
    planner: LocalEndpoint, limit: bool | None
) -> None:
    weather: Any = {
        "type": "function",
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    }
    with OpenAI(base_url=planner.base_url, api_key=planner.api_key) as client:
        response = client.responses.create(
            model="planner",
            input="Get the weather in Rome and get the weather in Oslo",
            tools=[weather],
            parallel_tool_calls=omit if limit is None else limit,
            store=False,
        )

    called = [item.arguments for item in response.output if item.type == "function_call"]
    assert called == ['{"city":"Rome"}', '{"city":"Oslo"}'][: 2 if limit is None else 1]
