"""Model over AsyncOpenAI: stateless requests as pre-encoded bytes, retries by outcome, streaming.

The client's own retries are off: it repeats a request that carries an approval (WIRE §6). Redirects are
off: the body holds the servers' credentials, and a 307 would carry them to another host.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httpx2
import openai
from tenacity import RetryCallState, Retrying, wait_random_exponential
from tenacity.wait import wait_base

from mcpbridge.adapters.failures import Failure, classify
from mcpbridge.adapters.hosted_tools import ToolDeclarations
from mcpbridge.adapters.masking import StreamMask
from mcpbridge.core.raw import mapping
from mcpbridge.core.request import ModelRequest
from mcpbridge.errors import ModelError
from mcpbridge.ports import ModelNotice, ModelOutput, ModelResponse, StreamEvent

_ENCRYPTED: Final = "reasoning.encrypted_content"
_TERMINAL: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
_OPTIONS: Final[Any] = {"max_retries": 0, "follow_redirects": False}
_STREAM_OPTIONS: Final[Any] = {**_OPTIONS, "stream_mode": "events"}


class _Garbled(Exception):
    """The answer is not the JSON it should be."""


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
                failure = classify(error)
            except _Garbled as error:
                failure = Failure(kind="uncertain", message=str(error))
            notice, delay = self._next(failure, request, state)
            yield notice
            await self.retries.sleep(delay)

    def _next(
        self, failure: Failure, request: ModelRequest, state: RetryCallState
    ) -> tuple[ModelNotice, float]:
        """The notice of what is tried next and the seconds to wait, or the error that ends it."""
        mask = self.tools.mask.text
        if failure.refuses_include and self.learned.encrypted:
            self.learned.encrypted = False
            fields = {"capability": _ENCRYPTED, "reason": mask(failure.message)}
            return ModelNotice(type="capability_fallback", fields=fields), 0.0
        lost = failure.server_label(self.optional_servers) if failure.status_code == 424 else None
        if lost is not None and not request.live_approvals:
            self.learned.left_out |= {lost}
            fields = {"capability": f"server {lost}", "reason": mask(failure.message)}
            return ModelNotice(type="capability_fallback", fields=fields), 0.0
        may_execute = bool(request.live_approvals) or self.runs_unasked
        if state.attempt_number >= self.retries.attempts or not failure.repeatable(may_execute=may_execute):
            labels = frozenset(self.tools.servers)
            raise _masked(failure, mask).error(may_execute=bool(may_execute), labels=labels) from None
        backoff = self.retries.wait(state)
        state.attempt_number += 1
        delay = failure.retry_after if failure.retry_after is not None else backoff
        retry: dict[str, Any] = {
            "attempt": state.attempt_number,
            "attempts": self.retries.attempts,
            "reason": mask(failure.message),
            "wait_s": round(delay, 3),
        }
        return ModelNotice(type="retry", fields=retry), delay

    async def _body(self, request: ModelRequest) -> bytes:
        head: dict[str, Any] = {**self.options, "store": False}
        if self.learned.encrypted:
            head["include"] = [_ENCRYPTED]
        tools = await self.tools.tools(without=self.learned.left_out)
        if tools:
            head["tools"] = tools
        if self.stream:
            head["stream"] = True
        opening = json.dumps(head, ensure_ascii=True, separators=(",", ":")).encode()
        pieces = list(request.encoded_items)
        pieces[0] = opening[:-1] + b',"input":[' + pieces[0]
        pieces[-1] += b"]}"
        return b",".join(pieces)  # one join, so that a long history is copied once

    def _attempt(self, request: ModelRequest) -> AsyncGenerator[ModelOutput, None]:
        # The body holds credentials in clear: it stays out of the frames that our errors carry along.
        return self._streamed(request) if self.stream else self._whole(request)

    async def _whole(self, request: ModelRequest) -> AsyncGenerator[ModelOutput, None]:
        response = await self.client.post(
            "/responses", content=await self._body(request), cast_to=httpx2.Response, options=_OPTIONS
        )
        yield ModelResponse(body=self._masked_body(response.content))

    async def _streamed(self, request: ModelRequest) -> AsyncGenerator[ModelOutput, None]:
        """Items come from the completed response, never from `.added` (WIRE §4.5)."""
        stream = await self.client.post(
            "/responses",
            content=await self._body(request),
            cast_to=object,
            options=_STREAM_OPTIONS,
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        deltas = StreamMask(self.tools.mask)
        done: list[object] = []
        async with stream:
            async for raw in stream:
                event = mapping(raw)
                kind = event.get("type")
                if kind in _TERMINAL:
                    yield ModelResponse(body=self._completed(event, done))
                    return
                if kind == "error":
                    raise _stream_error(event, stream.response.request)
                if kind == "response.output_item.done":
                    done.append(event.get("item"))
                for masked in deltas.feed(event):
                    yield StreamEvent(event=masked)
        raise _Garbled("the stream ended before the response was complete")

    def _completed(self, event: Mapping[str, Any], done: list[object]) -> Mapping[str, Any]:
        response = mapping(event.get("response"))
        if not response.get("output") and done:
            response = {**response, "output": done}
        return cast("Mapping[str, Any]", self.tools.mask.value(response))

    def _masked_body(self, content: bytes) -> Mapping[str, Any]:
        try:
            text = content.decode()
            body = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise _Garbled(f"the answer is not JSON ({type(error).__name__})") from None
        if not isinstance(body, dict):
            raise _Garbled("the answer is not a JSON object")
        found = cast("Mapping[str, Any]", body)
        mask = self.tools.mask
        return cast("Mapping[str, Any]", mask.value(found)) if mask.found_in(text) else found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _masked(failure: Failure, mask: Callable[[str], str]) -> Failure:
    return Failure(
        kind=failure.kind,
        message=mask(failure.message),
        status_code=failure.status_code,
        code=failure.code,
        param=failure.param,
    )


def _stream_error(event: Mapping[str, Any], request: httpx2.Request) -> openai.APIError:
    body = mapping(event.get("error")) or event
    message = body.get("message")
    return openai.APIError(message if isinstance(message, str) else "no message", request, body=dict(body))


__all__ = ["ModelError", "ResponsesModel", "Retries"]
