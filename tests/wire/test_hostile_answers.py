"""What a hostile or broken provider answers is refused in words, and executes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge import (
    ModelUnavailable,
    OutcomeUnknown,
)
from mcpbridge.adapters.sse import EventData
from mcpbridge.core.secret import MASK
from tests.dripping import dripping
from tests.wire.hostile import (
    ASKS,
    CALL,
    TOKEN,
    Hostile,
    completed,
    events,
    message,
    ran,
    response,
    shown,
)

DEEP = b"[" * 600 + b"]" * 600


NOT_STRICT = {
    "cut off": b'{"type":',
    "very deep": b'{"type":"x","a":' + b"[" * 100_000 + b"}",
    "deep": b'{"type":"x","a":' + DEEP + b"}",
    "a 5,000-digit number": b'{"type":"x","a":' + b"1" * 5_000 + b"}",
    "a 4,300-digit number": b'{"type":"x","a":' + b"1" * 4_300 + b"}",
    "not an object": b"[1]",
    "not UTF-8": b'{"type":"x\xff"}',
    "NaN": b'{"type":"x","a":NaN}',
    "infinity": b'{"type":"x","a":-1e999}',
    "a name twice": b'{"type":"x","a":{"b":1,"b":2}}',
    "with a credential in it": b'{"type": "' + TOKEN.encode() + b'"',
}


@pytest.mark.parametrize("live", [False, True], ids=["quiet", "live approval"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("garbage", NOT_STRICT.values(), ids=NOT_STRICT.keys())
def test_what_is_not_strict_json_is_a_typed_error_without_the_text(
    garbage: bytes, stream: bool, live: bool, hostile: Hostile
) -> None:
    asks = completed(ASKS)
    bodies: list[Any] = [events(asks) if stream else asks["response"]] if live else []
    hostile.answers(*bodies, events(garbage) if stream else garbage)

    kind = OutcomeUnknown if live else ModelUnavailable
    with pytest.raises(kind, match=r"not JSON|not a JSON object|nested too deeply") as caught:
        hostile.talk(stream=stream)

    assert caught.value.conversation is not None
    assert len(hostile.posts) == 1 + live
    assert shown(caught.value).count(TOKEN) == 0


def test_object_arguments_that_name_a_key_twice_are_refused(hostile: Hostile) -> None:
    raw = json.dumps(response({**ASKS, "arguments": "HERE"})).encode()
    hostile.answers(raw.replace(b'"HERE"', b'{"eur": 1000000, "eur": 1}'), response(message("no")))

    with pytest.raises(ModelUnavailable, match="stands twice"):
        hostile.talk()
    assert not any(b'"approve":true' in post for post in hostile.posts)


DONE = {"type": "response.output_item.done", "item": CALL}


ENDS: dict[str, tuple[Any, ...]] = {
    "failed event, completed status": ({"type": "response.failed", "response": response(CALL)},),
    "incomplete event, completed status": ({"type": "response.incomplete", "response": response(CALL)},),
    "completed event, no status": (
        {"type": "response.completed", "response": {"id": "r", "output": [CALL]}},
    ),
    "no response": ({"type": "response.completed"},),
    "an empty output after an item": (DONE, completed()),
    "another item than before": (DONE, completed({**CALL, "id": "fc_2"})),
    "another function than before": ({**DONE, "item": {**CALL, "name": "other"}}, completed(CALL)),
    "one item more than before": (DONE, completed(CALL, {**CALL, "id": "fc_2", "call_id": "call_2"})),
    "an output that is no list": (DONE, {"type": "response.completed", "response": response(output={})}),
}


@pytest.mark.parametrize("found", ENDS.values(), ids=ENDS.keys())
def test_a_stream_that_contradicts_itself_runs_nothing(found: tuple[Any, ...], hostile: Hostile) -> None:
    hostile.answers(events(*found), events(completed(message("ok"))))

    with pytest.raises(ModelUnavailable, match="disagree"):
        hostile.talk(stream=True)
    assert ran == []


@pytest.mark.parametrize("output", [{}, {"output": None}], ids=["missing", "null"])
def test_items_come_from_the_stream_where_the_last_event_has_none(
    output: dict[str, Any], hostile: Hostile
) -> None:
    end = {"type": "response.completed", "response": {"id": "r", "status": "completed", **output}}
    echoing = {"type": "response.output_item.done", "item": message(f"it is {TOKEN}")}
    hostile.answers(events(DONE, end), events(echoing, end, b"[DONE]"))

    text, _state = hostile.talk(stream=True)

    assert ran == ["act"]
    assert text == f"it is {MASK}"


def test_nothing_counts_after_done(hostile: Hostile) -> None:
    hostile.answers(events(DONE, b"[DONE]", completed(CALL)))

    with pytest.raises(ModelUnavailable, match="the stream ended"):
        hostile.talk(stream=True)
    assert ran == []


@given(st.data())
def test_events_are_the_same_however_the_bytes_arrive(data: st.DataObject) -> None:
    end = data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    lines = (
        b"\xef\xbb\xbfdata: one",
        b"",
        b": a comment",
        b"",
        b"event: x",
        b"data:two",
        b"data:  three\xc3\xa9",
        b"",
        b"data",
        b"id: 7",
        b"",
        b"",
        b"retry",
        b"",
        b"data: cut off",
    )
    stream = end.join(lines)
    reader, found = EventData(), list[bytes]()
    while stream:
        size = data.draw(st.integers(1, 9))
        found += reader.feed(stream[:size])
        found += reader.feed(b"")
        stream = stream[size:]

    assert found == [b"one", b"two\n three\xc3\xa9", b""]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_answer_that_never_ends_is_given_up(stream: bool, hostile: Hostile) -> None:
    kind = b"text/event-stream" if stream else b"application/json"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\n\r\n"
    with dripping(head, b": ping\n\n" if stream else b" ") as hostile.url:
        hostile.model_extra = ", timeout: 1s"
        with pytest.raises(ModelUnavailable, match="timed out"):
            hostile.talk(stream=stream)
