"""`python -m benchmarks.load.idle`: the lag of an event loop that does nothing, until its input ends.

On a busy machine a timer comes late in every process. What this one sees is not ours.
"""

from __future__ import annotations

import asyncio
import sys

from benchmarks.load import measure


async def main() -> None:
    """Prints the 99th percentile in milliseconds."""
    async with measure.lag() as late:
        await asyncio.to_thread(sys.stdin.read)
    print(measure.percentile(late, 0.99) * 1000)


if __name__ == "__main__":
    asyncio.run(main())
