"""What random orders and broken answers have found, each in its smallest form."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from mcpbridge.engine.events import WireEvent
from mcpbridge.engine.streamed import stream_event
from mcpbridge.errors import McpbridgeError, ModelUnavailable
from mcpbridge.testing import MemoryAudit, function_call, reasoning
from tests.core import talk
from tests.engine.scene import policy, said
from tests.strictness.line import SERVERS, connected, engine
from tests.strictness.transcript import frames

OVER = {"id": "resp_1", "status": "completed", "output": list[object]()}


def run_against(response: httpx2.Response, *, stream: bool) -> None:
    """One turn, answered by `response`."""

    async def answer(_request: httpx2.Request) -> httpx2.Response:
        return response

    async def whole() -> None:
        async with connected(answer) as client:
            made = engine(
                client,
                policy=policy(),
                tools=(),
                audit=MemoryAudit(),
                approver=None,
                stream=stream,
                servers=SERVERS[:1],
            )
            async for _ in made.turn(said()).advance():
                pass

    asyncio.run(whole())


@pytest.mark.parametrize("kind", [{}, ["response.completed"], 7, True])
def test_an_event_whose_type_is_no_text_is_a_typed_error(kind: object) -> None:
    data = f"data: {json.dumps({'type': kind, 'delta': 'x'})}\n\n".encode()

    with pytest.raises(ModelUnavailable, match="type that is no text"):
        run_against(httpx2.Response(200, content=data), stream=True)


def test_an_event_of_another_model_whose_type_is_no_text_is_passed_on() -> None:
    event = {"type": ["x"], "delta": "x"}

    assert stream_event(event) == WireEvent(event=event)


def test_an_event_without_a_type_is_passed_on() -> None:
    data = b'data: {"x": 1}\n\n' + frames([{"type": "response.completed", "response": OVER}])

    run_against(httpx2.Response(200, content=data), stream=True)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize(
    "headers",
    [
        {"content-encoding": "gzip"},
        {"content-encoding": "deflate"},
        {"content-type": "application/json; charset=utf-16"},
    ],
    ids=["gzip", "deflate", "utf-16"],
)
def test_an_answer_in_an_encoding_that_it_does_not_have_is_a_typed_error(
    headers: dict[str, str], status: int, stream: bool
) -> None:
    answer = httpx2.Response(status, headers=headers, stream=Bytes(b'{"error": 1}'))

    with pytest.raises(McpbridgeError):
        run_against(answer, stream=stream)


class Bytes(httpx2.AsyncByteStream):
    """A body that is not decoded before it is read."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.data


def test_reasoning_that_ends_a_response_is_not_sent_in_front_of_our_answer() -> None:
    heard = talk.hear(talk.said(), function_call("add"), reasoning())

    assert talk.kinds(talk.tell(heard, "call_add")) == ["message", "function_call", "function_call_output"]


def test_reasoning_in_front_of_a_call_is_sent() -> None:
    heard = talk.hear(talk.said(), reasoning(), function_call("add"))

    assert talk.kinds(talk.tell(heard, "call_add"))[1:] == [
        "reasoning",
        "function_call",
        "function_call_output",
    ]
