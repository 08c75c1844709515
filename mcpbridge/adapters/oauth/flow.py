"""One run of an SDK provider: we send its requests, within bounds, and tell a failure without secrets.

Imports the SDK: used where a token is needed first.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx2
from mcp.client.auth import OAuthFlowError, OAuthRegistrationError, OAuthTokenError
from pydantic import ValidationError

from mcpbridge.adapters.answer_size import PLAIN, TooMuch
from mcpbridge.adapters.mcp_servers.private_addresses import PrivateAddress
from mcpbridge.adapters.oauth.providers import NotDone
from mcpbridge.config.urls import is_loopback
from mcpbridge.core.question import visible
from mcpbridge.core.raw import mapping
from mcpbridge.errors import McpbridgeError

_BUDGET: Final = 60.0
"""Seconds that all answers of one flow may take together; a person's time is not counted."""
_SHOWN: Final = 300
"""Characters of an authorization server's own words."""


@dataclass(kw_only=True)
class Flow:
    """Answers a provider's requests until it would send the request to the MCP server itself."""

    server: str
    """The MCP server's URL."""
    http: httpx2.AsyncClient
    budget: float = _BUDGET
    _last: httpx2.Response | None = field(default=None, init=False, repr=False)

    async def run(
        self,
        steps: AsyncGenerator[httpx2.Request, httpx2.Response],
        request: httpx2.Request,
        refusal: httpx2.Response | None,
    ) -> None:
        """With a `refusal`, `request` was refused once. Raises NotDone, and what `told` knows."""
        outgoing = await anext(steps)
        while True:
            if outgoing is not request:
                self._last = answer = await self._answer(outgoing)
            elif refusal is not None:
                answer, refusal = refusal, None
            else:
                return
            outgoing = await steps.asend(answer)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        encrypted(str(request.url), self.server)
        request.headers.update(PLAIN)
        clock = asyncio.get_running_loop().time
        began = clock()
        async with asyncio.timeout(self.budget):
            answer = await self.http.send(request)
        self.budget -= clock() - began
        return answer

    @contextmanager
    def told(self) -> Generator[None, None, None]:
        """Raises NotDone for whatever an authorization server provokes: its answers hold secrets."""
        try:
            yield
        except McpbridgeError:
            raise
        except NotDone as error:
            raise NotDone(_short(str(error))) from None
        except (httpx2.HTTPError, TooMuch, TimeoutError) as error:
            why = str(error) if isinstance(error, PrivateAddress | TooMuch) else type(error).__name__
            raise NotDone(f"its authorization server cannot be reached: {_short(why)}") from None
        except Exception as error:  # noqa: BLE001 # boundary: whatever an answer provokes in the SDK; see _why
            raise NotDone(f"it gave no token: {self._why(error)}") from None

    def _why(self, error: Exception) -> str:
        """The SDK quotes whole answers. Of those, only what the server says about its refusal is told."""
        if isinstance(error, OAuthTokenError | OAuthRegistrationError | ValidationError):
            return self._refusal()
        if isinstance(error, OAuthFlowError):
            return _short(str(error))
        return f"what it says cannot be used ({type(error).__name__})"

    def _refusal(self) -> str:
        if self._last is None:
            return "what is known of it cannot be used"
        status = self._last.status_code
        if status < 400:
            return f"its answer cannot be used (HTTP {status})"
        found: Mapping[str, object] = {}
        with suppress(ValueError, RecursionError, httpx2.StreamError):
            found = mapping(json.loads(self._last.content))
        words = [found.get("error"), found.get("error_description")]  # RFC 6749, section 5.2
        said = ": ".join(word for word in words if isinstance(word, str))
        return f"HTTP {status}{_short(f', {said}') if said else ''}"


def encrypted(url: str, server: str) -> None:
    """Raises NotDone where a code, a token or a secret would be readable on the way."""
    parts = urlsplit(url)
    if parts.scheme != "http" or is_loopback(parts.hostname or "") or urlsplit(server).scheme == "http":
        return
    raise NotDone(
        f"its authorization server is to be reached at http://{parts.netloc}, which is readable on the way"
    )


def _short(text: str) -> str:
    """On one line, without anything that moves a cursor."""
    shown = visible(" ".join(text.split()), newlines=False)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
