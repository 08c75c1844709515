"""A peer, measured the same way: `Runner` of openai-agents over the same client and answers.

Only where the package is installed. Its tracing is off, and its client repeats nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import openai

from benchmarks.responses.bare import MCP_TOOL
from benchmarks.responses.measure import Variant
from benchmarks.responses.transport import Canned, make_client

NAME = "openai-agents"


def one_approval(bodies: Sequence[bytes], prompt: str) -> dict[str, Variant]:
    """One hosted call approved in `on_approval_request`; empty when openai-agents is not installed."""
    agents = _load()
    if agents is None:
        return {}
    transport = Canned()
    tool = agents.HostedMCPTool(tool_config=MCP_TOOL, on_approval_request=_yes)
    agent = _agent(agents, make_client(transport), [tool])

    async def run() -> object:
        transport.play(bodies)
        result = await agents.Runner.run(agent, prompt)
        return result.final_output

    return {NAME: run}


def fifty_turns(
    transport: Canned, client: openai.AsyncOpenAI, bodies: Sequence[bytes], prompt: str
) -> dict[str, Variant]:
    """A conversation kept with `to_input_list()`; empty when openai-agents is not installed."""
    agents = _load()
    if agents is None:
        return {}
    agent = _agent(agents, client, [])

    async def run() -> object:
        transport.play(bodies)
        items: list[Any] = []
        result: Any = None
        for _ in bodies:
            result = await agents.Runner.run(agent, [*items, {"role": "user", "content": prompt}])
            items = result.to_input_list()
        return result.final_output

    return {NAME: run}


def _yes(request: object) -> dict[str, bool]:
    return {"approve": True}


def _load() -> Any:
    try:
        import agents
    except ImportError:
        return None
    agents.set_tracing_disabled(True)
    return agents


def _agent(agents: Any, client: openai.AsyncOpenAI, tools: list[Any]) -> Any:
    return agents.Agent(
        name="benchmark",
        model=agents.OpenAIResponsesModel(model="gpt-5.2", openai_client=client),
        model_settings=agents.ModelSettings(store=False, response_include=["reasoning.encrypted_content"]),
        tools=tools,
    )
