"""The OpenAI Agents SDK with its HostedMCPTool and its own ways to approve, unchanged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from agents import (
    Agent,
    HostedMCPTool,
    ModelSettings,
    OpenAIResponsesModel,
    Runner,
    RunResult,
    function_tool,
)
from agents.run import RunConfig
from agents.tool import MCPToolApprovalFunctionResult, MCPToolApprovalRequest
from openai import AsyncOpenAI

from mcpbridge.demo.server import Tracker
from mcpbridge.service.endpoint import LocalEndpoint

Decide = Callable[[MCPToolApprovalRequest], MCPToolApprovalFunctionResult]


def tracker_tool(tracker: Tracker, approval: str, decide: Decide | None) -> HostedMCPTool:
    config = {"type": "mcp", "server_label": "tracker", "server_url": tracker.url}
    config |= {"authorization": tracker.token, "require_approval": approval}
    return HostedMCPTool(tool_config=cast("Any", config), on_approval_request=decide)


def agent(client: AsyncOpenAI, *tools: Any) -> Agent[None]:
    settings = ModelSettings(store=False, response_include=["reasoning.encrypted_content"])
    model = OpenAIResponsesModel(model="planner", openai_client=client)
    return Agent(name="clerk", model=model, model_settings=settings, tools=list(tools))


def run(planner: LocalEndpoint, prompt: str, *tools: Any) -> RunResult:
    async def whole() -> RunResult:
        async with AsyncOpenAI(base_url=planner.base_url, api_key=planner.api_key) as client:
            quiet = RunConfig(tracing_disabled=True)
            return await Runner.run(agent(client, *tools), prompt, run_config=quiet)

    return asyncio.run(whole())


@pytest.mark.promise("outside-clients")
def test_a_hosted_call_that_its_callback_approves_runs_once(planner: LocalEndpoint, tracker: Tracker) -> None:
    asked: list[str] = []

    def approve(request: MCPToolApprovalRequest) -> MCPToolApprovalFunctionResult:
        asked.append(f"{request.data.name} {request.data.arguments}")
        return {"approve": True}

    result = run(planner, "Open a ticket titled 'Broken roof'", tracker_tool(tracker, "always", approve))

    assert asked == ['create_issue {"title":"Broken roof"}']
    assert [effect.arguments for effect in tracker.effects] == [{"title": "Broken roof", "body": ""}]
    assert "Created issue #4: Broken roof" in str(result.final_output)


def test_the_reason_of_a_denial_reaches_the_answer_and_nothing_runs(
    planner: LocalEndpoint, tracker: Tracker
) -> None:
    tool = tracker_tool(tracker, "always", lambda _: {"approve": False, "reason": "Not on a Sunday."})

    result = run(planner, "Open a ticket titled 'Broken roof'", tool)

    assert tracker.effects == []
    assert "The reason given: “Not on a Sunday.”" in str(result.final_output)


def test_a_run_is_interrupted_for_a_person_and_resumed(planner: LocalEndpoint, tracker: Tracker) -> None:
    async def whole() -> tuple[list[str | None], str]:
        async with AsyncOpenAI(base_url=planner.base_url, api_key=planner.api_key) as client:
            clerk = agent(client, tracker_tool(tracker, "always", None))
            quiet = RunConfig(tracing_disabled=True)
            paused = await Runner.run(clerk, "Read issue 3", run_config=quiet)
            state = paused.to_state()
            names = [one.name for one in paused.interruptions]
            for one in paused.interruptions:
                state.approve(one)
            resumed = await Runner.run(clerk, state, run_config=quiet)
            return names, str(resumed.final_output)

    names, said = asyncio.run(whole())

    assert names == ["read_issue"]
    assert tracker.count("read_issue") == 1
    assert "Typo on the pricing page" in said


def test_a_function_of_the_program_is_called_beside_a_hosted_tool(
    planner: LocalEndpoint, tracker: Tracker
) -> None:
    called: list[str] = []

    @function_tool
    def get_weather(city: str) -> str:
        """Weather of a city."""
        called.append(city)
        return f"Rain in {city}"

    hosted = tracker_tool(tracker, "never", None)

    result = run(planner, "List the issues and get the weather in Oslo", hosted, get_weather)

    assert called == ["Oslo"]
    assert tracker.count("list_issues") == 1
    assert "Rain in Oslo" in str(result.final_output)
    assert "Export is slow" in str(result.final_output)


def test_a_streamed_run_ends_with_the_same_answer(planner: LocalEndpoint, tracker: Tracker) -> None:
    async def whole() -> tuple[int, str]:
        async with AsyncOpenAI(base_url=planner.base_url, api_key=planner.api_key) as client:
            clerk = agent(client, tracker_tool(tracker, "never", None))
            quiet = RunConfig(tracing_disabled=True)
            streamed = Runner.run_streamed(clerk, "Read issue 3", run_config=quiet)
            events = [event async for event in streamed.stream_events()]
            return len(events), str(streamed.final_output)

    events, said = asyncio.run(whole())

    assert events > 10
    assert "Typo on the pricing page" in said
