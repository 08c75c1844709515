"""What a hostile or broken provider answers is refused in words, executes nothing, and shows no secret."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge import (
    Bridge,
    McpbridgeError,
    MemoryAudit,
    ModelError,
    ModelUnavailable,
    OutcomeUnknown,
    Retries,
    ServerDeclaration,
    UsageError,
    tool,
)
from mcpbridge.adapters.clients import client_secrets
from mcpbridge.adapters.masking import MAX_DEPTH, StreamMask, masked_response
from mcpbridge.adapters.sse import EventData
from mcpbridge.config import load_config_text
from mcpbridge.core.secret import MASK, Mask, Secret
from mcpbridge.engine.events import WireEvent
from mcpbridge.errors import MalformedItem
from tests.wire.stack import sources

TOKEN = "canary+token/9876543210=="
KEY = "sk-canary-key-123456"
ONCE = Retries(attempts=1)
ALLOW = """
version: 1
defaults: {decision: deny, unknown_tool: deny}
rules: [{id: all, effect: allow, tools: ["*"]}]
"""
ran: list[str] = []


@tool
def act() -> str:
    """Do something."""
    ran.append("act")
    return "ok"


@tool
def keep(key: str) -> str:
    """Keep something."""
    ran.append(key)
    return "kept"


def message(text: str) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def response(*output: Any, **fields: Any) -> dict[str, Any]:
    return {"id": "resp_1", "status": "completed", "output": list(output), **fields}


CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "act", "arguments": "{}"}
ASKS = {
    "type": "mcp_approval_request",
    "id": "mcpr_1",
    "server_label": "files",
    "name": "pay",
    "arguments": "{}",
}


def completed(*output: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": response(*output)}


def events(*found: Any) -> bytes:
    texts = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in found]
    return b"".join(b"data: " + text + b"\n\n" for text in texts)


class Hostile:
    """A configuration against a server that answers exactly what it is told to."""

    def __init__(self, server: HTTPServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.env = {"KEY": KEY, "TOK": TOKEN}
        self.posts: list[bytes] = []
        self.header = "Bearer ${env:TOK}"
        self.model_extra = ""
        self.url = server.url_for("/v1")
        ran.clear()

    def answers(self, *bodies: Any) -> None:
        """One body for each request; the last one again and again."""

        def handler(request: Request) -> Response:
            self.posts.append(request.get_data())
            body = bodies[min(len(self.posts), len(bodies)) - 1]
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            kind = "text/event-stream" if data.startswith(b"data:") else "application/json"
            return Response(data, content_type=kind)

        self.server.expect_request("/v1/responses").respond_with_handler(handler)

    def bridge(self, *, retries: Retries = ONCE, **options: Any) -> Bridge:
        (self.folder / "policy.yaml").write_text(ALLOW)
        text = (
            f'model: {{name: m, endpoint: local, url: "{self.url}", api_key: "${{env:KEY}}"'
            f"{self.model_extra}}}\nservers:\n  - label: files\n    url: https://files.test/mcp\n"
            f'    headers: {{X-Api: "{self.header}"}}\npolicy: policy.yaml\n'
        )
        config = load_config_text(text, file="mcpbridge.yaml", directory=self.folder)
        return Bridge.from_yaml(
            config,
            tools=[act, keep],
            sources=sources(self.env),
            audit=MemoryAudit(),
            retries=retries,
            state_key=b"k" * 32,
            **options,
        )

    def talk(self, *, stream: bool = False, **options: Any) -> tuple[str, str]:
        """The final text, and the saved state."""

        async def whole() -> tuple[str, str]:
            async with self.bridge(**options) as bridge:
                result = await bridge.run("hi", stream=stream)
                return result.text, bridge.dumps(result.conversation)

        return asyncio.run(whole())


@pytest.fixture
def hostile(httpserver: HTTPServer, tmp_path: Path) -> Hostile:
    return Hostile(httpserver, tmp_path)


def escaped(text: str) -> bytes:
    return text.replace("+", "\\u002B").replace("=", "\\u003d").replace("/", "\\/").encode()


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


def shown(error: BaseException) -> str:
    """All that an error carries: its chain, its attributes, and the locals of our frames."""
    found: list[str] = []
    link: BaseException | None = error
    while link is not None:
        found += [str(link), repr(link.args), repr(vars(link))]
        found += [
            repr(frame.f_locals)
            for frame, _line in traceback.walk_tb(link.__traceback__)
            if "/mcpbridge/" in frame.f_code.co_filename.replace("\\", "/")
        ]
        link = link.__cause__ or link.__context__
    return "\n".join(found)


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


@contextmanager
def dripping(head: bytes, drop: bytes) -> Generator[str]:
    """A server that answers, and then sends the same few bytes for ever."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(65_536)
                connection.sendall(head)
                try:
                    while not stop.wait(0.05):
                        connection.sendall(drop)
                except OSError:
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        stop.set()
        thread.join(5)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_answer_that_never_ends_is_given_up(stream: bool, hostile: Hostile) -> None:
    kind = b"text/event-stream" if stream else b"application/json"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\n\r\n"
    with dripping(head, b": ping\n\n" if stream else b" ") as hostile.url:
        hostile.model_extra = ", timeout: 1s"
        with pytest.raises(ModelUnavailable, match="timed out"):
            hostile.talk(stream=stream)


def failing() -> str:
    raise RuntimeError(f"refresh failed for Bearer {TOKEN}")


async def failing_later() -> str:
    return failing()


@pytest.mark.parametrize("credential", [failing, failing_later])
def test_a_credential_callable_that_fails_is_named_and_not_quoted(
    credential: Callable[[], Any], hostile: Hostile
) -> None:
    async def whole() -> None:
        async with hostile.bridge() as bridge:
            headers = {"Authorization": credential}
            await bridge.register(ServerDeclaration(label="d", url="https://d.test/mcp", headers=headers))
            await bridge.run("hi")

    with pytest.raises(
        UsageError, match=r"d: headers\.Authorization: the callable raised RuntimeError"
    ) as caught:
        asyncio.run(whole())
    assert TOKEN not in shown(caught.value)
    assert hostile.posts == []


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        (failing, "raised RuntimeError"),
        (failing_later, "raised RuntimeError"),
        (lambda: 7, "returned int"),
        (lambda: "", "returned nothing"),
    ],
)
def test_a_token_provider_that_fails_is_a_typed_error(
    provider: Callable[[], Any], words: str, hostile: Hostile
) -> None:
    with pytest.raises(McpbridgeError, match=f"token_provider {words}") as caught:
        hostile.talk(token_provider=provider)
    assert TOKEN not in shown(caught.value)
    assert hostile.posts == []


def test_a_credential_that_cannot_be_a_header_is_in_no_frame(hostile: Hostile) -> None:
    hostile.env["TOK"] = f"{TOKEN}\n"

    with pytest.raises(McpbridgeError, match="line break") as caught:
        hostile.talk()
    assert TOKEN not in shown(caught.value).replace(repr(hostile.env), "")


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that anybody logs, at debug level."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    handler.addFilter(lambda record: record.name != "werkzeug")  # the test's own server
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def test_a_credential_in_the_query_is_sent_and_not_logged(hostile: Hostile, logged: io.StringIO) -> None:
    hostile.env["Q"] = "query canary&123456"
    hostile.model_extra = ', query: {api-version: preview, api-key: "${env:Q}"}'
    hostile.answers(response(message("hello")))

    assert hostile.talk()[0] == "hello"

    [(request, _response)] = hostile.server.log
    assert dict(request.args) == {"api-version": "preview", "api-key": "query canary&123456"}
    assert "HTTP Request: POST" in logged.getvalue()
    assert "canary" not in logged.getvalue()


@pytest.mark.parametrize("kind", ["text", "callable"])
def test_the_key_of_a_client_of_the_callers_is_masked(kind: str, hostile: Hostile) -> None:
    async def key() -> str:
        return "sk-own-canary-123"

    client = openai.AsyncOpenAI(
        base_url=hostile.url,
        api_key=key if kind == "callable" else "sk-own-canary-123",
        default_headers={"X-Gateway-Token": "gateway-canary-1"},
    )
    hostile.answers(response(message("you are sk-own-canary-123 gateway-canary-1")))

    text, state = hostile.talk(client=client)

    assert text == f"you are {MASK} {MASK}"
    assert "canary-1" not in state
    assert Secret("gateway-canary-1") in client_secrets(client)


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
