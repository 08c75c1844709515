"""The tool runner of the openai package, unchanged: it stops at every answer that breaks its rules."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.lib.responses_tool_runner import (
    AsyncRegisteredFunction,
    AsyncResponsesToolRunner,
    RegisteredFunction,
    ResponsesToolRunner,
)
from openai.types.responses.response_output_item import McpApprovalRequest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.endpoint import LocalEndpoint

WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


def params(tracker: Tracker, prompt: str, approval: str = "always") -> Any:
    hosted = {"type": "mcp", "server_label": "tracker", "server_url": tracker.url}
    hosted |= {"authorization": tracker.token, "require_approval": approval}
    return {"model": "planner", "input": prompt, "tools": [hosted], "store": False}


@pytest.mark.promise("outside-clients")
@pytest.mark.parametrize("stream", [False, True])
def test_the_runner_approves_a_call_and_tells_its_result(
    planner: LocalEndpoint, tracker: Tracker, stream: bool
) -> None:
    asked: list[str] = []

    def approve(request: McpApprovalRequest) -> bool:
        asked.append(request.name)
        return True

    with OpenAI(base_url=planner.base_url, api_key=planner.api_key) as client:
        prompt = "Read issue 3 and then open an issue titled 'Mounth'"
        response = ResponsesToolRunner().run(
            client, params(tracker, prompt), approve_mcp=approve, stream=stream
        )

    assert asked == ["read_issue", "create_issue"]
    assert [effect.tool for effect in tracker.effects] == asked
    assert "Created issue #4: Mounth" in response.output_text


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_runner_denies_does_not_run(planner: LocalEndpoint, tracker: Tracker, stream: bool) -> None:
    with OpenAI(base_url=planner.base_url, api_key=planner.api_key) as client:
        response = ResponsesToolRunner().run(
            client, params(tracker, "Open a ticket titled Roof"), approve_mcp=lambda _: False, stream=stream
        )

    assert tracker.effects == []
    assert "was denied and did not run" in response.output_text


def test_the_runner_calls_functions_beside_hosted_tools(planner: LocalEndpoint, tracker: Tracker) -> None:
    weather = RegisteredFunction(tool=WEATHER, execute=lambda values: f"Rain in {values['city']}")
    with OpenAI(base_url=planner.base_url, api_key=planner.api_key) as client:
        response = ResponsesToolRunner(functions=[weather]).run(
            client, params(tracker, "List the issues and get the weather in Oslo", "never")
        )

    assert tracker.count("list_issues") == 1
    assert "Rain in Oslo" in response.output_text


@pytest.mark.parametrize("stream", [False, True])
def test_the_asynchronous_runner_does_the_same(
    planner: LocalEndpoint, tracker: Tracker, stream: bool
) -> None:
    async def weather(values: dict[str, object]) -> str:
        return f"Rain in {values['city']}"

    async def approve(_request: McpApprovalRequest) -> bool:
        return True

    async def whole() -> str:
        runner = AsyncResponsesToolRunner(functions=[AsyncRegisteredFunction(tool=WEATHER, execute=weather)])
        async with AsyncOpenAI(base_url=planner.base_url, api_key=planner.api_key) as client:
            prompt = "Read issue 3 and get the weather in Oslo"
            response = await runner.run(client, params(tracker, prompt), approve_mcp=approve, stream=stream)
            return response.output_text

    said = asyncio.run(whole())

    assert "Typo on the pricing page" in said
    assert "Rain in Oslo" in said
    assert tracker.count("read_issue") == 1
