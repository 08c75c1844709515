"""A Bridge: a hosted MCP server, a function of our own, one policy over both."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from _local import local_world

from mcpbridge import ActionDecided, Bridge, tool


@tool
async def take_note(text: str) -> str:
    """Write a line into the notebook.

    Args:
        text: What to remember.
    """
    return f"noted: {text}"


async def main(config: Path) -> None:
    async with Bridge.from_yaml(config, tools=[take_note]) as bridge:
        turn = bridge.turn("What is open in the tracker?", principal="example")
        async for event in turn:
            if isinstance(event, ActionDecided):
                print(f"{event.action.name}: {event.decision.outcome}")
        print(turn.conversation.text)


if __name__ == "__main__":
    with local_world(Path(__file__).parent) as path:
        asyncio.run(main(path))
