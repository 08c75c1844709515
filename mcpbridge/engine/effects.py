"""Running what is run here: side by side, each in its own time, each outcome on record."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mcpbridge.core.action import Action
from mcpbridge.errors import CallTimedOut, OutcomeLost, ServerError, ToolFailed
from mcpbridge.ports import CallContext, LocalTool, ToolAnswer

Status = Literal["completed", "failed", "timeout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a call gave, as the model is told it."""

    action: Action
    status: Status
    output: str | Sequence[Mapping[str, Any]]
    latency: float
    """Seconds."""
    error: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else the audit keeps of it."""
    structured: Mapping[str, Any] | None = None
    """The same as a JSON object, where a server gave one and it was not cut."""

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
    """Run one call. Its failure is a result; only cancellation gets out, and OutcomeLost."""
    limit = tool.timeout if tool.timeout is not None else default_timeout
    deadline = asyncio.timeout(None if tool.bounds_itself else limit)
    started = time.perf_counter()

    def result(status: Status, output: Any, error: str | None) -> Result:
        return Result(
            action=action, status=status, output=output, latency=time.perf_counter() - started, error=error
        )

    try:
        async with deadline:
            output = await tool.call(action.arguments or {}, replace(context, seconds=limit))
    except asyncio.CancelledError:
        if cancelled_from_outside():
            raise
        return result("failed", f"{action.tool} failed (CancelledError)", "CancelledError")
    except Exception as error:  # boundary: a tool is foreign code; the model gets no internals
        if isinstance(error, OutcomeLost) and not isinstance(error, CallTimedOut):
            raise
        if isinstance(error, CallTimedOut) or (isinstance(error, TimeoutError) and deadline.expired()):
            told = f"{action.tool} did not finish within {limit or 0:g} s; whether it took effect is unknown."
            timeout = result("timeout", told, "timeout")
            return replace(timeout, facts=_epoch(error.epoch if isinstance(error, CallTimedOut) else None))
        return result("failed", *_failure(action, error))
    return _answered(output, result) if isinstance(output, ToolAnswer) else result("completed", output, None)


def _failure(action: Action, error: Exception) -> tuple[str, str]:
    """What the model is told, and what the audit keeps."""
    if isinstance(error, ServerError):
        return str(error), type(error).__name__
    if isinstance(error, ToolFailed):
        return str(error), type(error.__cause__).__name__ if error.__cause__ else "ToolFailed"
    return f"{action.tool} failed ({type(error).__name__})", type(error).__name__


def _answered(answer: ToolAnswer, result: Callable[..., Result]) -> Result:
    """What a server answered: its kinds of failure stay apart in the audit."""
    failed = answer.is_error != "no"
    found = result(
        "failed" if failed else "completed", answer.parts, f"{answer.is_error} error" if failed else None
    )
    facts: dict[str, Any] = _epoch(answer.epoch) | ({"error_kind": answer.is_error} if failed else {})
    if answer.truncated:
        facts |= {"truncated": True, "full_size": answer.size}
    return replace(found, facts=facts, structured=answer.structured)


def cancelled_from_outside() -> bool:
    """Whether somebody cancelled this task; foreign code may also raise CancelledError by itself."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _epoch(epoch: int | None) -> dict[str, Any]:
    """Over which connection to a bridged server it was made."""
    return {} if epoch is None else {"epoch": epoch}


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do what must not stop half-way: a cancellation waits for it, and then goes on."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
