"""The OpenAI Agents SDK with the gate behind `on_approval_request`. Added lines are marked `# gate`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[1]))
from _local import local_world

try:
    from agents import Agent, HostedMCPTool, ModelSettings, Runner, set_tracing_disabled
except ModuleNotFoundError as error:
    if error.name != "agents":
        raise
    sys.exit("This example needs the OpenAI Agents SDK; run: pip install openai-agents")

from mcpbridge import Gate  # gate


async def main(config: Path) -> None:
    set_tracing_disabled(True)  # traces would go to OpenAI
    async with Gate.from_yaml(config) as gate:  # gate
        tools = [
            HostedMCPTool(
                tool_config=cast("Any", declared),
                on_approval_request=gate.on_approval_request,  # gate
            )
            for declared in gate.tools()  # gate
        ]
        agent = Agent(
            name="triage",
            model="scripted",
            model_settings=ModelSettings(store=False, response_include=["reasoning.encrypted_content"]),
            tools=[*tools],
        )
        result = await Runner.run(agent, "What is open in the tracker?")
        print(result.final_output)


if __name__ == "__main__":
    with local_world(Path(__file__).parent) as path:
        asyncio.run(main(path))
