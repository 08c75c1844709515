"""The service without a service: answers in process, so that no server's CPU is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import httpx2
import openai


class Canned(httpx2.AsyncBaseTransport):
    """Gives prepared bodies, one per request, whatever is asked."""

    def __init__(self) -> None:
        self.sent: list[bytes] | None = None
        """Set to a list to keep what was sent; off while measuring."""
        self._bodies: Iterator[bytes] = iter(())

    def play(self, bodies: Sequence[bytes]) -> None:
        self._bodies = iter(bodies)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = next(self._bodies)
        if self.sent is not None:
            self.sent.append(request.content)
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=body)


def make_client(transport: Canned) -> openai.AsyncOpenAI:
    """A client as anybody would make it, over `transport`."""
    return openai.AsyncOpenAI(
        api_key="sk-benchmark-key-0001",
        base_url="https://api.example.com/v1",
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(transport=transport),
    )
