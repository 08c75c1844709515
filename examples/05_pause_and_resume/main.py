"""Stop for a person, save, and go on in another process, with the answer given there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from _local import local_world

from mcpbridge import Bridge, Deny


async def start(config: Path) -> str:
    async with Bridge.from_yaml(config) as bridge:
        result = await bridge.run("What is open in the tracker?", principal="example")
        for question in result.questions:
            print(question.screen)
        return bridge.dumps(result.conversation)


async def go_on(config: Path, text: str) -> None:
    async with Bridge.from_yaml(config) as bridge:
        conversation = bridge.loads(text)
        decisions = {call.id: Deny(by="oncall", reason="not on a Sunday") for call in conversation.pending}
        result = await bridge.resume(conversation, decisions=decisions)
        print(result.text)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(go_on(Path(sys.argv[1]), Path(sys.argv[2]).read_text()))
    else:
        with local_world(Path(__file__).parent) as path:
            state = path.with_name("conversation.json")
            state.write_text(asyncio.run(start(path)))
            subprocess.run([sys.executable, __file__, str(path), str(state)], check=True)
