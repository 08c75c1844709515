"""What every worker does: say whether its answers are right, then time one batch for each line it reads.

Runs in environments that hold nothing of mcpbridge, so it imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def serve(prepare: Callable[[dict[str, Any]], Callable[[], list[bool]]]) -> None:
    """`prepare` takes the task and returns a function that decides on all its calls."""
    task = json.loads(sys.stdin.readline())
    decide = prepare(task)
    right = decide() == [call["allowed"] for call in task["calls"]]
    print(json.dumps({"right": right}), flush=True)
    for line in sys.stdin:
        rounds, began = 0, time.process_time()
        while time.process_time() - began < float(line):
            decide()
            rounds += 1
        seconds = time.process_time() - began
        print(json.dumps({"per_second": rounds * len(task["calls"]) / seconds}), flush=True)
