"""Model over AsyncOpenAI: stateless requests as pre-encoded bytes, retries by outcome, streaming.

The client's own retries are off: it repeats a request that carries an approval (WIRE §6). Redirects are
off: the body holds the servers' credentials, and a 307 would carry them to another host.

The client's timeout bounds more than each read: in a stream, the wait for the next event (comments are
none); three times the timeout, a whole answer, and a stream's headers.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

import httpx2
import openai
from tenacity import RetryCallState, Retrying, wait_random_exponential
from tenacity.wait import wait_base

from mcpbridge.adapters.bodies import Garbled, parse_object
from mcpbridge.adapters.clients import client_secrets
from mcpbridge.adapters.failures import Failure, classify
from mcpbridge.adapters.hosted_tools import ToolDeclarations
from mcpbridge.adapters.masking import StreamMask, masked_body
from mcpbridge.adapters.sse import EventData
from mcpbridge.adapters.turnstile import Turnstile
from mcpbridge.core.raw import mapping
from mcpbridge.core.request import Apart, ModelRequest
from mcpbridge.core.secret import Secret
from mcpbridge.errors import ModelError
from mcpbridge.ports import ModelNotice, ModelOutput, ModelResponse, StreamEvent

T = TypeVar("T")

_ENCRYPTED: Final = "reasoning.encrypted_content"
_TERMINAL: Final[Mapping[object, str]] = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}
"""The events that end a stream, each with the status that its response must have."""
_OPTIONS: Final[Any] = {"max_retries": 0, "follow_redirects": False}
MAX_ANSWER: Final = 64 * 2**20
"""Bytes of one answer, a stream's events together. Pictures in base64 take a few millions each."""
_WHOLE_ANSWER: Final = 3
"""Connecting, waiting for the first byte, and reading may take the timeout each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often, and how long between attempts; seconds."""

    attempts: int = 5
    wait: wait_base = field(default_factory=lambda: wait_random_exponential(multiplier=0.5, max=20))
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(kw_only=True)
class Learned:
    """What this endpoint and model turned out to be able to do; remembered for the bridge's life."""

    encrypted: bool = True
    """Whether encrypted reasoning is asked for; turned off where the service refuses it (WIRE §4.1)."""
    left_out: frozenset[str] = frozenset()
    """Optional servers whose tools could not be listed."""
    key: Secret | None = None
    """The client's key that the mask knows; a client of the caller's may change it for each request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesModel:
    """Answers requests through an AsyncOpenAI client, the caller's own or one made by `clients`."""

    client: openai.AsyncOpenAI
    tools: ToolDeclarations
    options: Mapping[str, Any]
    """Parameters of every request: `model`, `instructions`, `reasoning`, `text`, …"""
    stream: bool = False
    retries: Retries = Retries()
    optional_servers: frozenset[str] = frozenset()
    """Servers (`on_unavailable: continue`) to go on without when their tools cannot be listed."""
    runs_unasked: bool = False
    """Whether a request may execute something that never asks; then it is not repeated either."""
    learned: Learned = field(default_factory=Learned)
    turnstile: Turnstile = field(default_factory=Turnstile, repr=False)
    """Shared by the turns of a bridge. Passed before sending, and between an answer's headers and body: what
    follows is computing. An answer that was read is taken over at once, or a cancellation would lose it."""

    async def respond(self, request: ModelRequest) -> AsyncGenerator[ModelOutput, None]:
        """Send until there is an answer, or no attempt left. Raises ModelError."""
        state = RetryCallState(Retrying(), None, (), {})
        while True:
            try:
                async with aclosing(self._attempt(request)) as outputs:
                    async for output in outputs:
                        yield output
                return
            except openai.APIError as error:
                self._know_key()
                failure = classify(error, self.tools.mask.text)
            except Garbled as error:
                failure = Failure(kind="uncertain", message=str(error))
            notice, delay = self._next(failure, request, state)
            yield notice
            await self.retries.sleep(delay)

    def _next(
        self, failure: Failure, request: ModelRequest, state: RetryCallState
    ) -> tuple[ModelNotice, float]:
        """The notice of what is tried next and the seconds to wait, or the error that ends it."""
        may_execute = bool(request.live_approvals) or (self.runs_unasked and request.apart is None)
        if failure.refuses_include and self.learned.encrypted and (failure.checks_form or not may_execute):
            self.learned.encrypted = False
            fields = {"capability": _ENCRYPTED, "reason": failure.message}
            return ModelNotice(type="capability_fallback", fields=fields), 0.0
        lost = failure.server_label(self.optional_servers) if failure.status_code == 424 else None
        if lost is not None and not request.live_approvals:
            self.learned.left_out |= {lost}
            fields = {"capability": f"server {lost}", "reason": failure.message}
            return ModelNotice(type="capability_fallback", fields=fields), 0.0
        if state.attempt_number >= self.retries.attempts or not failure.repeatable(may_execute=may_execute):
            labels = frozenset(self.tools.servers)
            raise failure.error(may_execute=bool(may_execute), labels=labels) from None
        backoff = self.retries.wait(state)
        state.attempt_number += 1
        delay = failure.retry_after if failure.retry_after is not None else backoff
        retry: dict[str, Any] = {
            "attempt": state.attempt_number,
            "attempts": self.retries.attempts,
            "reason": failure.message,
            "wait_s": round(delay, 3),
        }
        return ModelNotice(type="retry", fields=retry), delay

    async def _body(self, request: ModelRequest) -> bytes:
        head = await self._head(request) if request.apart is None else _apart(self.options, request.apart)
        if self.stream:
            head["stream"] = True
        opening = json.dumps(head, ensure_ascii=True, separators=(",", ":")).encode()
        pieces = list(request.encoded_items)
        pieces[0] = opening[:-1] + b',"input":[' + pieces[0]
        pieces[-1] += b"]}"
        return b",".join(pieces)  # one join, so that a long history is copied once

    async def _head(self, request: ModelRequest) -> dict[str, Any]:
        head: dict[str, Any] = {**self.options, "store": False}
        if self.learned.encrypted:
            head["include"] = [_ENCRYPTED]
        tools = await self.tools.tools(without=self.learned.left_out, bridged=request.functions)
        return {**head, "tools": tools} if tools else head

    def _attempt(self, request: ModelRequest) -> AsyncGenerator[ModelOutput, None]:
        # The body holds credentials in clear: it stays out of the frames that our errors carry along.
        return self._streamed(request) if self.stream else self._whole(request)

    def _send(self, content: bytes) -> Awaitable[openai.AsyncStream[object]]:
        """Post, and come back with the headers: how much of an answer is read is for us to say."""
        return self.client.post(
            "/responses",
            content=content,
            cast_to=object,
            options=_OPTIONS,
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )

    async def _whole(self, request: ModelRequest) -> AsyncGenerator[ModelOutput, None]:
        await self.turnstile.through()
        content = await self._in_time(_read(self._send(await self._body(request)), self.turnstile))
        self._know_key()
        yield ModelResponse(body=self._masked_body(content))

    async def _streamed(self, request: ModelRequest) -> AsyncGenerator[ModelOutput, None]:
        """Items come from the completed response, never from `.added` (WIRE §4.5)."""
        await self.turnstile.through()
        stream = await self._in_time(self._send(await self._body(request)))
        self._know_key()
        deltas = StreamMask(self.tools.mask)
        done: list[object] = []
        # The client's own reader of events takes whatever `json` takes; its response gives the bytes.
        async with stream, aclosing(self._events(stream.response)) as events:
            await self.turnstile.through()
            async for data in events:
                event = parse_object(data, "an event of the stream")
                kind = event.get("type")
                if not isinstance(kind, str | None):
                    raise Garbled("an event of the stream has a type that is no text")
                if kind in _TERMINAL:
                    yield ModelResponse(body=self._completed(event, done, data))
                    return
                if kind == "error":
                    raise _stream_error(event, stream.response.request)
                if kind == "response.output_item.done":
                    done.append(event.get("item"))
                for masked in deltas.feed(event, data.decode()):
                    yield StreamEvent(event=masked)
        raise Garbled("the stream ended before the response was complete")

    async def _events(self, response: httpx2.Response) -> AsyncGenerator[bytes, None]:
        """The data of each event. The client's timeout bounds the wait for the next one."""
        reader, ready = EventData(), deque[bytes]()
        limit = _read_timeout(self.client)
        async with aclosing(_chunks(response)) as chunks:
            while await _filled(ready, reader, chunks, limit):
                data = ready.popleft()
                if data == b"[DONE]":
                    return
                yield data

    def _completed(self, event: Mapping[str, Any], done: list[object], data: bytes) -> Mapping[str, Any]:
        response = mapping(event.get("response"))
        if response.get("status") != _TERMINAL[event["type"]]:
            raise Garbled("the stream's last event and its response disagree about how it ended")
        output = response.get("output")
        if output is None and done:
            text = json.dumps(done)  # for the mask: what these items held is not in the last event
            return masked_body(self.tools.mask, {**response, "output": done}, text + data.decode())
        if done and (not isinstance(output, list) or _names(cast("list[object]", output)) != _names(done)):
            raise Garbled("the stream's last event and the items before it disagree")
        return masked_body(self.tools.mask, response, data.decode())

    def _masked_body(self, content: bytes) -> Mapping[str, Any]:
        return masked_body(self.tools.mask, parse_object(content, "the answer"), content.decode())

    async def _in_time(self, answer: Awaitable[T]) -> T:
        limit = _read_timeout(self.client)
        try:
            async with asyncio.timeout(limit and limit * _WHOLE_ANSWER):
                return await answer
        except TimeoutError:
            reason = _late(limit and limit * _WHOLE_ANSWER, "answer")
        except (httpx2.HTTPError, UnicodeError) as error:  # an encoding that the answer does not have
            reason = f"the answer cannot be read ({type(error).__name__})"
        raise Garbled(reason)

    def _know_key(self) -> None:
        """Tell the mask what a client of the caller's sends: it may change the key for each request."""
        key = Secret(self.client.api_key)
        if key != self.learned.key:
            self.tools.mask.add(client_secrets(self.client))
            self.learned.key = key


def _apart(options: Mapping[str, Any], apart: Apart) -> dict[str, Any]:
    """What is sent for somebody else: the model, how much it thinks, and nothing else of the operator's."""
    head: dict[str, Any] = {name: options[name] for name in ("model", "reasoning") if name in options}
    if apart.instructions:
        head["instructions"] = apart.instructions
    return {**head, "max_output_tokens": apart.max_output_tokens, "store": False}


async def _read(sent: Awaitable[openai.AsyncStream[object]], turnstile: Turnstile) -> bytes:
    """The whole body of an answer."""
    stream = await sent
    async with stream, aclosing(_chunks(stream.response)) as chunks:
        await turnstile.through()
        return b"".join([chunk async for chunk in chunks])


async def _chunks(response: httpx2.Response) -> AsyncGenerator[bytes, None]:
    """The bytes of a response. Raises Garbled when they break off, or do not end."""
    size = 0
    try:
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > MAX_ANSWER:
                reason = f"the answer is longer than {MAX_ANSWER // 2**20} MiB"
                break
            yield chunk
        else:
            return
    except Exception as error:  # noqa: BLE001 # boundary: a client of the caller's may be made of other parts
        what = "timed out" if isinstance(error, httpx2.TimeoutException) else "broke off"
        reason = f"the request {what} ({type(error).__name__})"
    raise Garbled(reason)


async def _filled(
    ready: deque[bytes], reader: EventData, chunks: AsyncGenerator[bytes, None], limit: float | None
) -> bool:
    """Read until an event is ready; False at the end of the stream."""
    if ready:
        return True
    try:
        async with asyncio.timeout(limit):
            async for chunk in chunks:
                ready.extend(reader.feed(chunk))
                if ready:
                    return True
            return False
    except TimeoutError:
        pass
    raise Garbled(_late(limit, "event"))


def _late(limit: float | None, what: str) -> str:
    return f"the request timed out (no {what} in {limit or 0:g} s)"


def _read_timeout(client: openai.AsyncOpenAI) -> float | None:
    timeout = client.timeout
    return timeout.read if isinstance(timeout, httpx2.Timeout) else timeout


_NAMING: Final = ("type", "id", "call_id", "server_label", "name", "arguments", "approval_request_id")
"""What an effect depends on. Other fields may differ: ciphertext does (WIRE §4.5)."""


def _names(items: list[object]) -> list[list[object]]:
    return [[mapping(item).get(key) for key in _NAMING] for item in items]


def _stream_error(event: Mapping[str, Any], request: httpx2.Request) -> openai.APIError:
    body = mapping(event.get("error")) or event
    message = body.get("message")
    return openai.APIError(message if isinstance(message, str) else "no message", request, body=dict(body))


__all__ = ["ModelError", "ResponsesModel", "Retries"]
