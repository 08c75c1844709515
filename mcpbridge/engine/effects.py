"""Running local functions: side by side, each in its own time, each outcome on record."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mcpbridge.core.action import Action
from mcpbridge.errors import ToolFailed
from mcpbridge.ports import CallContext, LocalTool


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a local function gave, as the model is told it."""

    action: Action
    status: Literal["completed", "failed", "timeout"]
    output: str | Sequence[Mapping[str, Any]]
    latency: float
    """Seconds."""
    error: str | None = None

    @property
    def text(self) -> str:
        """The output as text; other content parts are named by their type."""
        if isinstance(self.output, str):
            return self.output
        return "\n".join(str(part.get("text") or f"[{part.get('type')}]") for part in self.output)

    def encoded(self) -> bytes:
        """The bytes whose hash the audit keeps."""
        if isinstance(self.output, str):
            return self.output.encode("utf-8", "surrogatepass")
        return json.dumps(self.output, default=dict).encode()


async def run(
    tool: LocalTool, action: Action, context: CallContext, *, default_timeout: float | None
) -> Result:
    """Run one function. Its failure is a result; only cancellation gets out."""
    limit = tool.timeout if tool.timeout is not None else default_timeout
    deadline = asyncio.timeout(limit)
    started = time.perf_counter()

    def result(status: Literal["completed", "failed", "timeout"], output: Any, error: str | None) -> Result:
        return Result(
            action=action, status=status, output=output, latency=time.perf_counter() - started, error=error
        )

    try:
        async with deadline:
            output = await tool.call(action.arguments or {}, context)
    except TimeoutError:
        if deadline.expired():
            told = f"{action.tool} did not finish within {limit:g} s; whether it took effect is unknown."
            return result("timeout", told, "timeout")
        return result("failed", f"{action.tool} failed (TimeoutError)", "TimeoutError")
    except asyncio.CancelledError:
        if cancelled_from_outside():
            raise
        return result("failed", f"{action.tool} failed (CancelledError)", "CancelledError")
    except ToolFailed as error:
        cause = type(error.__cause__).__name__ if error.__cause__ else "ToolFailed"
        return result("failed", str(error), cause)
    except Exception as error:  # noqa: BLE001  # boundary: a tool is foreign code; the model gets no internals
        return result("failed", f"{action.tool} failed ({type(error).__name__})", type(error).__name__)
    return result("completed", output, None)


def cancelled_from_outside() -> bool:
    """Whether somebody cancelled this task; foreign code may also raise CancelledError by itself."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do what must not stop half-way: a cancellation waits for it, and then goes on."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
