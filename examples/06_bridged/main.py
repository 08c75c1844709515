"""A server that no provider could reach: a program on this machine, behind the same gate."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from _local import local_world

from mcpbridge import ActionDecided, Bridge, CallFinished, ToolsListed


async def main(config: Path) -> None:
    async with Bridge.from_yaml(config) as bridge:
        turn = bridge.turn("What happens on Friday? Then tidy up.", principal="example")
        async for event in turn:
            match event:
                case ToolsListed():
                    print(f"{event.server_label} offers {', '.join(event.tools)}")
                case ActionDecided():
                    print(f"{event.action.name}: {event.decision.outcome}")
                case CallFinished():
                    print(f"{event.server_label}.{event.tool} {event.status}, {event.evidence}")
                case _:
                    pass
        print(turn.conversation.text)


if __name__ == "__main__":
    # `python` in the configuration is the one that runs this example.
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    with local_world(Path(__file__).parent) as path:
        asyncio.run(main(path))
