"""Sending requests to the endpoint: each counted, each bounded, no secret in what comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import openai

from mcpbridge.adapters.answer_size import TooMuch
from mcpbridge.adapters.bodies import Garbled, parse_object
from mcpbridge.adapters.failures import Failure, classify
from mcpbridge.adapters.sse import EventData
from mcpbridge.core.raw import mapping
from mcpbridge.core.secret import Mask
from mcpbridge.doctor.answer import Answer

_OPTIONS: Final[Any] = {"max_retries": 0, "follow_redirects": False}
_LONGEST_WAIT: Final = 30.0
"""Seconds that a 429 may make us wait, once a request."""
_LONGEST: Final = 160
"""Characters of a foreign sentence."""
_ENDS: Final = ("response.completed", "response.incomplete", "response.failed")


class SpentUp(Exception):
    """The limit of requests is reached."""


@dataclass(slots=True, kw_only=True)
class Cost:
    """What the examination has used so far."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(slots=True, kw_only=True)
class Asker:
    """Sends requests through an openai client whose retries are off."""

    client: openai.AsyncOpenAI
    mask: Mask
    timeout: float
    """Seconds for one answer, whole."""
    limit: int
    """How many requests may be sent."""
    tokens: Callable[[], tuple[str, ...]] = field(default=lambda: (), repr=False)
    """Those of the throw-away server, to see whether they come back."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    cost: Cost = field(default_factory=Cost)

    async def get(self, path: str) -> Answer:
        """A GET. Raises SpentUp."""
        return await self._once("GET", path, b"")

    async def delete(self, path: str) -> Answer:
        """A DELETE. Raises SpentUp."""
        return await self._once("DELETE", path, b"")

    async def post(self, body: Mapping[str, Any]) -> Answer:
        """POST /responses, once more when the endpoint asks for patience (429). Raises SpentUp."""
        data = json.dumps(body).encode()
        answer = await self._once("POST", "/responses", data)
        if answer.status == 429 and answer.code != "insufficient_quota":
            await self.sleep(min(answer.retry_after or 1.0, _LONGEST_WAIT))
            answer = await self._once("POST", "/responses", data)
        return answer

    async def _once(self, method: str, path: str, data: bytes) -> Answer:
        if self.cost.requests >= self.limit:
            raise SpentUp
        self.cost.requests += 1
        try:
            async with asyncio.timeout(self.timeout):
                response = await self._send(method, path, data)
        except openai.APIError as error:
            return self._refused(error)
        except TooMuch as error:
            return Answer(problem=str(error))
        except TimeoutError:
            return Answer(problem=f"no answer within {self.timeout:g} s")
        answer = self._read(response)
        sent, made = answer.tokens
        self.cost.input_tokens += sent
        self.cost.output_tokens += made
        return answer

    async def _send(self, method: str, path: str, data: bytes) -> httpx2.Response:
        if method == "GET":
            return await self.client.get(path, cast_to=httpx2.Response, options=_OPTIONS)
        if method == "DELETE":
            return await self.client.delete(path, cast_to=httpx2.Response, options=_OPTIONS)
        return await self.client.post(path, content=data, cast_to=httpx2.Response, options=_OPTIONS)

    def _refused(self, error: openai.APIError) -> Answer:
        failure = classify(error, self.mask.text)
        status = error.status_code if isinstance(error, openai.APIStatusError) else 0
        text = error.response.text if isinstance(error, openai.APIStatusError) else ""
        return Answer(
            status=status,
            problem=_sentence(failure, status) + self._leads_to(error),
            code=failure.code or "",
            param=failure.param or "",
            retry_after=failure.retry_after,
            echoes=self._echoed(text),
        )

    def _leads_to(self, error: openai.APIError) -> str:
        """Where a redirect leads; it is not followed."""
        if not isinstance(error, openai.APIStatusError) or not 300 <= error.status_code < 400:
            return ""
        return (
            f" (a redirect to {self.mask.text(error.response.headers.get('location', 'nowhere'))[:_LONGEST]})"
        )

    def _read(self, response: httpx2.Response) -> Answer:
        data, status = response.content, response.status_code
        echoes = self._echoed(data.decode(errors="replace"))
        try:
            if "text/event-stream" in response.headers.get("content-type", ""):
                return self._read_events(data, status, echoes)
            body = self.mask.value(parse_object(data, "the answer"))
        except Garbled as error:
            return Answer(status=status, problem=str(error), echoes=echoes)
        problem = "" if _is_known(body) else "the answer is not a response object"
        return Answer(status=status, body=body, problem=problem, echoes=echoes)

    def _read_events(self, data: bytes, status: int, echoes: bool) -> Answer:
        chunks = [chunk for chunk in EventData().feed(data) if chunk != b"[DONE]"]
        events = [self.mask.value(parse_object(chunk, "an event of the stream")) for chunk in chunks]
        last = [mapping(event.get("response")) for event in events if event.get("type") in _ENDS]
        problem = "" if last else "the stream ended before the response was complete"
        body: Mapping[str, Any] = last[-1] if last else dict[str, Any]()
        return Answer(status=status, body=body, problem=problem, events=events, echoes=echoes)

    def _echoed(self, text: str) -> bool:
        return any(token in text for token in self.tokens())


def _is_known(body: Mapping[str, Any]) -> bool:
    """A response object, a list (models), or what a DELETE answers."""
    return isinstance(body.get("output"), list) or "data" in body or "deleted" in body


def _sentence(failure: Failure, status: int) -> str:
    message = " ".join(failure.message.split())
    if status and ("<html" in message.lower() or "<!doctype" in message.lower()):
        message = f"HTTP {status}: a page of HTML"
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
