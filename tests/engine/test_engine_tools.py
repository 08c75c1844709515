"""Local functions run side by side, each in its own time; their failures are told, not raised."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from mcpbridge.engine.events import CallFinished, CallStarted
from mcpbridge.engine.loop import Limits
from mcpbridge.errors import AuditUnavailable, ToolFailed
from mcpbridge.ports import CallContext, Json, Record
from mcpbridge.testing import function_call, message, response
from tests.engine.scene import Run, Scene, Tool, policy

END = response(message("ok"))


def run(*tools: Tool, limits: Limits | None = None, context: Any = None) -> tuple[Scene, Run]:
    scene = Scene(
        steps=[response(*(function_call(tool.name) for tool in tools)), END],
        policy=policy(allow="local.*"),
        tools=tools,
        limits=limits or Limits(),
    )
    return scene, scene.run(context=context)


def meeting(size: int) -> list[Tool]:
    """Functions of which none ends before all have begun."""
    barrier: list[asyncio.Event] = []

    async def body(arguments: Json, context: CallContext) -> str:
        barrier.append(asyncio.Event())
        if len(barrier) == size:
            for event in barrier:
                event.set()
        await barrier[int(context.call_id[-1])].wait()
        return context.call_id

    return [Tool(name=str(number), body=body) for number in range(size)]


def test_functions_of_one_response_overlap() -> None:
    scene, done = run(*meeting(4))
    assert done.outputs == {f"call_{number}": f"call_{number}" for number in range(4)}
    assert [record["status"] for record in scene.records("outcome")] == ["completed"] * 4


def test_no_more_functions_run_at_once_than_the_limit_says() -> None:
    running, most = 0, 0

    async def body(arguments: Json, context: CallContext) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return ""

    run(*(Tool(name=f"t{n}", body=body) for n in range(6)), limits=Limits(max_parallel_tools=2))
    assert most == 2


def test_each_start_and_each_end_is_an_event() -> None:
    _, done = run(Tool(name="a"), Tool(name="b"))
    assert [event.action.tool for event in done.of(CallStarted)] == ["a", "b"]
    assert {(e.tool, e.status, e.evidence, e.output) for e in done.of(CallFinished)} == {
        ("a", "completed", "executed_here", "done"),
        ("b", "completed", "executed_here", "done"),
    }


def test_a_function_learns_whom_it_serves() -> None:
    tool = Tool(name="a")
    run(tool, context={"db": 1})
    assert tool.calls == [
        CallContext(
            conversation_id="conv_1",
            call_id="call_a",
            principal="ana",
            context={"db": 1},
            decision_id="conv_1/call_a/0",
            seconds=60.0,
        )
    ]


async def wait(arguments: Json, context: CallContext) -> str:
    await asyncio.Event().wait()
    return "never"


@pytest.mark.parametrize(("own", "default"), [(0, 60), (None, 0)])
def test_a_function_that_takes_too_long_is_told_to_the_model(own: float | None, default: float) -> None:
    scene, done = run(Tool(name="a", body=wait, timeout=own), limits=Limits(tool_timeout=default))
    assert done.outputs["call_a"] == "a did not finish within 0 s; whether it took effect is unknown."
    (record,) = scene.records("outcome")
    assert (record["status"], record["is_error"]) == ("timeout", True)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("password=hunter2"), "a failed (ValueError)"),
        (TimeoutError("db"), "a failed (TimeoutError)"),
        (asyncio.CancelledError(), "a failed (CancelledError)"),
        (ToolFailed("the tracker is closed"), "the tracker is closed"),
    ],
)
def test_a_failure_is_told_without_internals(error: BaseException, told: str) -> None:
    async def fail(arguments: Json, context: CallContext) -> str:
        raise error

    scene, done = run(Tool(name="a", body=fail), Tool(name="b"))
    assert done.outputs == {"call_a": told, "call_b": "done"}
    assert "hunter2" not in str(scene.audit.records)


def test_the_cause_of_a_failure_is_on_record_by_its_type() -> None:
    async def fail(arguments: Json, context: CallContext) -> str:
        raise ToolFailed("no") from KeyError("x")

    scene, _ = run(Tool(name="a", body=fail))
    assert scene.records("outcome")[0]["error"] == "KeyError"


def test_parts_are_sent_as_they_are_and_shown_as_text() -> None:
    parts: Sequence[Json] = [
        {"type": "input_text", "text": "see"},
        {"type": "input_image", "image_url": "data:,"},
    ]

    async def draw(arguments: Json, context: CallContext) -> Sequence[Json]:
        return parts

    scene, done = run(Tool(name="a", body=draw))
    assert done.outputs["call_a"] == parts
    assert done.of(CallFinished)[0].output == "see\n[input_image]"
    assert scene.model.requests[-1][-1]["output"] == parts


def test_a_record_that_cannot_be_kept_loses_no_answer() -> None:
    """Both have run when the log fails for both: both answers are in the conversation the error carries."""

    class Sink:
        async def append(self, record: Record) -> int:
            if record.type == "outcome":
                raise AuditUnavailable("full")
            return await scene.audit.append(record)

    scene = Scene(
        steps=[response(function_call("a"), function_call("b"))],
        policy=policy(allow="local.*"),
        tools=[Tool(name="a"), Tool(name="b")],
        sink=Sink(),
    )
    loose: list[dict[str, Any]] = []

    async def whole() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, about: loose.append(about))
        with pytest.raises(AuditUnavailable) as caught:
            _ = [event async for event in scene.turn().advance()]
        assert caught.value.conversation is not None
        assert not caught.value.conversation.pending
        assert not caught.value.conversation.unknown
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(whole())
    assert loose == []
