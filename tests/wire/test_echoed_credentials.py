"""A credential that a provider echoes back, in whatever spelling, is masked and runs nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge import (
    ModelError,
)
from mcpbridge.adapters.masking import MAX_DEPTH, StreamMask, masked_response
from mcpbridge.core.secret import MASK, Mask, Secret
from mcpbridge.engine.events import WireEvent
from mcpbridge.errors import MalformedItem
from tests.wire.hostile import (
    ASKS,
    CALL,
    TOKEN,
    Hostile,
    completed,
    escaped,
    events,
    message,
    ran,
    response,
    shown,
)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_echo_that_json_escapes_is_masked(stream: bool, hostile: Hostile) -> None:
    body = completed(message("you sent CANARY")) if stream else response(message("you sent CANARY"))
    raw = json.dumps(body).encode().replace(b"CANARY", escaped(TOKEN))
    hostile.answers(events(raw) if stream else raw)

    text, state = hostile.talk(stream=stream)

    assert text == f"you sent {MASK}"
    assert TOKEN not in state


@pytest.mark.parametrize(
    ("header", "token", "echo"),
    [
        ("key=${env:TOK}", "canary-111111", "canary-111111"),
        ("Token token=${env:TOK}", "canary-111111", "canary-111111"),
        ("${env:TOK}", "canary/11+111", "canary%2f11%2b111"),
        ("${env:TOK}", "canary/11+111", "canary%2F11%2b11%31"),
        ("${env:TOK}", "998877665544", 998877665544),
        ("${env:TOK}", "99887766.5", 99887766.5),
    ],
)
def test_a_credential_is_masked_alone_in_other_spellings_and_as_a_number(
    header: str, token: str, echo: Any, hostile: Hostile
) -> None:
    hostile.header, hostile.env["TOK"] = header, token
    hostile.answers(response(message(f"you sent {echo}"), {"type": "novel", "id": "n", "echo": echo}))

    text, state = hostile.talk()

    assert text == f"you sent {MASK}"
    assert str(echo) not in state


@pytest.mark.parametrize(
    "arguments",
    [
        json.dumps({"to": "x", "key": TOKEN}),
        json.dumps({"to": "x", "key": "CANARY"}).replace("CANARY", escaped(TOKEN).decode()),
        {"to": "x", "key": TOKEN},
        {"to": {TOKEN: 1}},
        json.dumps({"pin": 998877665544}),
        '{"pin": 9.98877665544e11}',
        {"pin": 998877665544},
    ],
)
def test_arguments_with_a_credential_become_nothing_that_could_be_approved(arguments: Any) -> None:
    mask = Mask([Secret(TOKEN), Secret("998877665544")])
    item = {**ASKS, "arguments": arguments}

    masked = masked_response(mask, response(item, {**ASKS, "arguments": '{"to":"x"}'}))

    assert [item["arguments"] for item in masked["output"]] == [MASK, '{"to":"x"}']


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_call_with_a_credential_in_its_arguments_does_not_run(stream: bool, hostile: Hostile) -> None:
    call = {**CALL, "name": "keep", "arguments": json.dumps({"key": TOKEN})}
    bodies: list[Any] = [completed(call), completed(message("ok"))]
    hostile.answers(*(events(body) if stream else body["response"] for body in bodies))

    hostile.talk(stream=stream)

    assert ran == []
    assert TOKEN.encode() not in hostile.posts[1].replace(f"Bearer {TOKEN}".encode(), b"")


def test_a_masked_message_has_no_token_scores_left() -> None:
    part = {"type": "output_text", "text": f"is {TOKEN}", "logprobs": [{"token": "is can"}]}
    body = response({"type": "message", "id": "m", "content": [part]})

    assert masked_response(Mask([Secret(TOKEN)]), body)["output"][0]["content"][0]["logprobs"] == []


def test_masking_refuses_what_is_nested_too_deeply() -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: Any = TOKEN
        for _ in range(levels - 1):
            value = [value]
        return {"x": value}

    mask = Mask([Secret(TOKEN)])
    assert TOKEN not in repr(masked_response(mask, nested(MAX_DEPTH)))
    for levels in (MAX_DEPTH + 1, 50_000):
        with pytest.raises(MalformedItem, match="deeper"):
            masked_response(mask, nested(levels))


@pytest.mark.parametrize("status", [400, 500, 200])
def test_our_frames_under_an_error_hold_no_credential_that_was_echoed(status: int, hostile: Hostile) -> None:
    error = {"message": f"bad {TOKEN}", "code": f"c-{TOKEN}", "param": TOKEN}
    data = json.dumps({"error": error}) if status != 200 else ""
    body = events({"type": "error", "error": error}) if status == 200 else data.encode()
    hostile.server.expect_request("/v1/responses").respond_with_data(
        body, status=status, content_type="text/event-stream" if status == 200 else "application/json"
    )

    with pytest.raises(ModelError, match=r"bad \[secret\]") as caught:
        hostile.talk(stream=True)

    assert TOKEN not in shown(caught.value)


def test_every_field_of_a_streamed_delta_is_masked(hostile: Hostile) -> None:
    delta = {
        "type": "response.mcp_call_arguments.delta",
        "item_id": "i",
        "delta": "{}",
        "echo": TOKEN,
        "logprobs": [{"token": TOKEN}],
    }
    hostile.answers(events(delta, completed(message("ok"))))

    async def whole() -> list[Any]:
        async with hostile.bridge() as bridge:
            return [event async for event in bridge.turn("hi", stream=True)]

    [event] = [event for event in asyncio.run(whole()) if isinstance(event, WireEvent)]
    assert event.event == {**delta, "echo": MASK, "logprobs": [{"token": MASK}]}


@given(st.data())
def test_an_escaped_secret_in_pieces_is_masked_while_streaming(data: st.DataObject) -> None:
    spelled = data.draw(st.sampled_from([TOKEN, escaped(TOKEN).decode(), "canary%2btoken%2F9876543210%3d="]))
    whole = f"a {spelled} \\u00e9 100% \\"
    mask = StreamMask(Mask([Secret(TOKEN)]))
    text = ""
    pieces: list[dict[str, Any]] = []
    while whole:
        size = data.draw(st.integers(1, 8))
        scores = [{"token": whole[:size]}]
        pieces.append({"type": "x.delta", "item_id": "i", "delta": whole[:size], "logprobs": scores})
        whole = whole[size:]
    for event in (*pieces, {"type": "x.done", "item_id": "i"}):
        for shown_event in mask.feed(event, json.dumps(event)):
            text += shown_event.get("delta", "")
            assert "canary" not in repr(shown_event)

    assert text == f"a {MASK} \\u00e9 100% \\"
