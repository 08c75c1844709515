"""Your own loop on AsyncOpenAI. The lines marked `# gate` are all that was added."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from _local import local_world
from openai import AsyncOpenAI

from mcpbridge import Gate  # gate


async def main(config: Path) -> None:
    client = AsyncOpenAI(max_retries=0)  # its own retries would send an approval again
    prompt = "What is open in the tracker?"
    items: list[Any] = [{"role": "user", "content": prompt}]
    async with client, Gate.from_yaml(config) as gate:  # gate
        while True:
            response = await client.responses.create(
                model="scripted",
                store=False,
                include=["reasoning.encrypted_content"],
                tools=gate.tools(),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # gate
                input=items,
            )
            items += response.output
            answers = await gate.settle(response.output, user_text=prompt)  # gate
            items += answers  # gate
            if not answers:
                break
    print(response.output_text)


if __name__ == "__main__":
    with local_world(Path(__file__).parent) as path:
        asyncio.run(main(path))
