"""Streams that contradict themselves, stop early, or go on."""

from __future__ import annotations

from typing import Any, Final

from tests.strictness.transcript import (
    Reply,
    Transcript,
    adds,
    asks,
    called,
    done,
    frames,
    notes,
    says,
    talk,
    text,
    thinks,
)

_CALL: Final = adds(id="fc_1")
_OTHER: Final = adds(id="fc_1", arguments='{"a": 100, "b": 2}')
_ANSWER: Final = says(text())


def _stream(name: str, *replies: Reply, goes_on: str = "", stops: str = "") -> Transcript:
    return talk(f"a stream {name}", *replies, goes_on=goes_on, stops=stops, forms=("stream",))


def _between(*events: Any, items: tuple[Any, ...] = (_CALL,), **fields: Any) -> Reply:
    return Reply(items=items, events=events, fields=fields)


def _ended(*more: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": says(*more).body(1)}


def _frames(*events: Any) -> bytes:
    return frames([{**event, "sequence_number": index} for index, event in enumerate(events)])


_BEGUN: Final = {"type": "response.created", "response": {**says().body(1), "status": "in_progress"}}
_SOUND: Final = says(_CALL).stream(1)

STREAMS: Final = (
    _stream(
        "of events nobody knows",
        Reply(
            items=(_CALL,),
            events=(
                {"type": "response.novel", "x": 1},
                {"type": "response.output_item.added", "output_index": 0, "item": _CALL},
                done(_CALL),
            ),
        ),
        _ANSWER,
    ),
    _stream("whose items come only at the end", _between(), _ANSWER),
    _stream("whose call changes its arguments at the end", _between(done(_OTHER)), stops="stream-agrees"),
    _stream(
        "whose request changes its arguments at the end",
        _between(done(asks(arguments='{"path": "/"}')), items=(asks(),)),
        _ANSWER,
        stops="stream-agrees",
    ),
    _stream(
        "whose call changes its result at the end",
        says(asks()),
        Reply(
            items=(called(id="mcp_1"), text(id="msg_1")),
            events=(done(called(id="mcp_1", output="no")), done(text(id="msg_1"), 1)),
        ),
    ),
    _stream(
        "whose call changes its function at the end",
        _between(done({**_CALL, "name": "note"})),
        stops="stream-agrees",
    ),
    _stream(
        "whose call changes its id at the end",
        _between(done({**_CALL, "call_id": "call_9"})),
        stops="stream-agrees",
    ),
    _stream(
        "that drops a call at the end",
        _between(done(_CALL), done(notes("x"), 1), items=(_CALL,)),
        stops="stream-agrees",
    ),
    _stream(
        "that adds a call at the end", _between(done(_CALL), items=(_CALL, notes("x"))), stops="stream-agrees"
    ),
    _stream(
        "whose items change places at the end",
        _between(done(_CALL), done(notes("x"), 1), items=(notes("x"), _CALL)),
        stops="stream-agrees",
    ),
    _stream(
        "whose ciphertext changes at the end",
        Reply(
            items=(thinks(id="rs_1"), _CALL),
            events=(done(thinks(id="rs_1", encrypted_content="gBBB")), done(_CALL, 1)),
        ),
        _ANSWER,
    ),
    _stream(
        "whose last event has no output",
        Reply(items=(_CALL,), events=(done(_CALL),), fields={"output": None}),
        _ANSWER,
    ),
    _stream("whose last event has an empty output", Reply(items=(), events=(done(_CALL),))),
    _stream("that says failed in its last event", Reply(items=(_CALL,), fields={"status": "failed"})),
    _stream("that says incomplete in its last event", Reply(items=(_CALL,), fields={"status": "incomplete"})),
    _stream(
        "that says completed, of a response in progress",
        Reply(items=(_CALL,), fields={"status": "in_progress"}),
    ),
    _stream(
        "that says failed, of a response that is completed",
        Reply(raw=_frames(_BEGUN, done(_CALL), {"type": "response.failed", "response": says(_CALL).body(1)})),
        _ANSWER,
    ),
    _stream(
        "that says incomplete, of a response that is completed",
        Reply(
            raw=_frames(_BEGUN, done(_CALL), {"type": "response.incomplete", "response": says(_CALL).body(1)})
        ),
        _ANSWER,
    ),
    _stream("that breaks off before its end", Reply(raw=_frames(_BEGUN, done(_CALL)))),
    _stream("that breaks off in the last event", Reply(raw=_SOUND[:-40])),
    _stream("that never begins", Reply(raw=b"")),
    _stream("of comments", Reply(raw=b": ping\n\n: ping\n\n")),
    _stream(
        "with an error event",
        Reply(
            raw=_frames(
                _BEGUN, done(_CALL), {"type": "error", "code": "server_error", "message": "no", "param": None}
            )
        ),
    ),
    _stream(
        "with an error event before its end",
        Reply(
            raw=_frames(
                _BEGUN,
                done(_CALL),
                {"type": "error", "code": "server_error", "message": "no", "param": None},
                _ended(_CALL),
            )
        ),
        _ANSWER,
        stops="error-event",
    ),
    _stream(
        "that is done before its end",
        Reply(raw=_frames(_BEGUN, done(_CALL)) + b"data: [DONE]\n\n" + _frames(_ended(_CALL))),
    ),
    _stream("that ends and says done", Reply(raw=_SOUND + b"data: [DONE]\n\n"), _ANSWER),
    _stream("that ends twice, alike", Reply(items=(_CALL,), after=(_ended(_CALL),)), _ANSWER),
    _stream(
        "that ends twice, in two ways",
        Reply(items=(_CALL,), after=(_ended(notes("x")),)),
        _ANSWER,
        goes_on="first-end",
        stops="end-is-the-end",
    ),
    _stream(
        "that ends completed and then failed",
        Reply(
            items=(_CALL,),
            after=({"type": "response.failed", "response": {**says(_CALL).body(1), "status": "failed"}},),
        ),
        _ANSWER,
    ),
    _stream(
        "that ends failed and then completed",
        Reply(items=(_CALL,), fields={"status": "failed"}, after=(_ended(_CALL),)),
        _ANSWER,
        stops="end-is-the-end",
    ),
    _stream("with an item behind its end", Reply(items=(_CALL,), after=(done(notes("x"), 1),)), _ANSWER),
    _stream("with CRLF", Reply(raw=_SOUND.replace(b"\n", b"\r\n")), _ANSWER),
    _stream("with CR", Reply(raw=_SOUND.replace(b"\n", b"\r")), _ANSWER),
    _stream("with a byte order mark", Reply(raw=b"\xef\xbb\xbf" + _SOUND), _ANSWER),
    _stream(
        "without its event names",
        Reply(raw=b"".join(line + b"\n" for line in _SOUND.split(b"\n") if not line.startswith(b"event:"))),
        _ANSWER,
    ),
    _stream("with data in several lines", Reply(raw=_SOUND.replace(b", ", b",\ndata: ")), _ANSWER),
    _stream("that is no event stream but a body", Reply(raw=says(_CALL).whole(1)), _ANSWER),
    _stream("with an event that is no JSON", Reply(raw=_frames(_BEGUN) + b"data: {\n\n" + _SOUND)),
    _stream("with an event that is a list", Reply(raw=_frames(_BEGUN) + b"data: []\n\n" + _SOUND)),
    _stream(
        "with an event that is no UTF-8", Reply(raw=_frames(_BEGUN) + b'data: {"type": "x\xff"}\n\n' + _SOUND)
    ),
    _stream(
        "with an event that names a key twice",
        Reply(raw=_SOUND.replace(b'"call_id"', b'"call_id": "call_0", "call_id"')),
        _ANSWER,
        stops="strict-body",
    ),
    _stream(
        "with an event that holds NaN",
        Reply(raw=_SOUND.replace(b'"sequence_number"', b'"score": NaN, "sequence_number"')),
        _ANSWER,
        stops="strict-body",
    ),
    _stream(
        "without its first event",
        Reply(raw=_frames(done(_CALL), _ended(_CALL))),
        _ANSWER,
        goes_on="no-first-event",
    ),
    _stream(
        "whose last event has no response",
        Reply(raw=_frames(_BEGUN, done(_CALL), {"type": "response.completed"})),
    ),
    _stream(
        "whose last event's response is a list",
        Reply(raw=_frames(_BEGUN, done(_CALL), {"type": "response.completed", "response": []})),
    ),
    _stream(
        "with an item that is done twice",
        Reply(items=(_CALL,), events=(done(_CALL), done(_CALL))),
        _ANSWER,
        stops="stream-agrees",
    ),
    _stream(
        "whose approval's call comes only in the stream",
        says(asks()),
        Reply(items=(text(id="msg_1"),), events=(done(called(id="mcp_1")), done(text(id="msg_1"), 1))),
        stops="stream-agrees",
    ),
)
