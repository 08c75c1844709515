"""HTTP towards one MCP server: bounded in bytes, checked addresses, each failure told to its own request.

An exception in a POST would end the whole SDK client, with every call on it. So a request that fails is
answered here with a JSON-RPC error, and the reason is left with the caller's Sending.
"""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
from collections import deque
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx2

from mcpbridge.adapters.mcp_servers.bounded import Answer, Unasked
from mcpbridge.adapters.mcp_servers.failures import no_credential
from mcpbridge.adapters.mcp_servers.private_addresses import PrivateAddress, guard, may_be_private
from mcpbridge.adapters.mcp_servers.sending import FORGOTTEN, SENDING, Sending
from mcpbridge.adapters.mcp_servers.settings import HttpAddress
from mcpbridge.adapters.mcp_servers.wire import SENDING_OF, Noting
from mcpbridge.adapters.small_pools import SmallPools
from mcpbridge.config.urls import is_loopback
from mcpbridge.core.question import visible
from mcpbridge.errors import (
    AuthRefused,
    CallNotSent,
    McpbridgeError,
    OutcomeLost,
    RateLimited,
    ServerError,
    ServerUnavailable,
)

_KEPT_ALIVE: Final = 2.0
"""Seconds; less than servers keep idle connections (uvicorn: 5), so that none is used as it is closed."""
_ANSWERED: Final = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"no answer"}}'
_BEGINNING: Final = 300
_IS_CALL: Final = re.compile(rb'[^{]*\{[^{]*"method"\s*:\s*"(tools/call|resources/|prompts/)')
_REFUSED: Final = "it refused the credential (HTTP 401)"
_WANTED: Final = "it wants a credential (HTTP 401) and none is configured (headers, authorization or oauth)"
_STREAMS: Final = 20
"""Opened in a second. A server says how soon a stream that it has closed is opened again: maybe at once."""
_PLAIN: Final = {"Accept-Encoding": "identity"}
"""Asks for an answer that is as long as it looks."""


_E = TypeVar("_E", bound=ServerError)


class ServerClient(httpx2.AsyncClient):
    """A client for one server, used by the SDK's transports unchanged."""

    def __init__(self, label: str, address: HttpAddress, auth: httpx2.Auth | None, *, timeout: float) -> None:
        host = urlsplit(address.url).hostname or ""
        remote = not is_loopback(host)
        self._label = label
        self._credential = auth is not None
        self._sse = address.transport == "sse"
        self._streams: deque[float] = deque(maxlen=_STREAMS)
        exempt = may_be_private(host, address.private_hosts)

        def pool() -> httpx2.AsyncBaseTransport:
            limits = httpx2.Limits(keepalive_expiry=_KEPT_ALIVE, max_connections=None)
            return guard(httpx2.AsyncHTTPTransport(verify=_tls(), trust_env=remote, limits=limits), exempt)

        super().__init__(
            transport=Noting(SmallPools(pool)),
            auth=auth,
            headers=_PLAIN,
            # Only the way there: how long an answer may take is for the caller's own clock.
            timeout=httpx2.Timeout(timeout, read=None),
            trust_env=remote,
        )

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        sending = SENDING.get() or Sending()
        if sending.tool and not _IS_CALL.match(request.content[:_BEGINNING]):
            sending = Sending(limit=sending.limit)  # what belongs to a call, such as a person's answer
        if request.method != "POST":
            return await self._opened(request, sending, options)
        request.extensions = {**request.extensions, SENDING_OF: sending}
        try:
            response = await super().send(request, **options)
        except Exception as error:  # noqa: BLE001 # boundary: network, TLS, server, credential; told by name
            return self._ended(request, sending, self._failure(error, sending))
        sending.status = response.status_code
        response.stream = Answer(response, sending, self._label)
        refusal = await self._refusal(response, sending)
        if refusal is None:
            return response
        await response.aclose()
        return self._ended(request, sending, refusal)

    async def _opened(
        self, request: httpx2.Request, sending: Sending, options: dict[str, Any]
    ) -> httpx2.Response:
        """A stream of the server's own messages, or a goodbye: the SDK can do without either."""
        await self._paced()
        response = await super().send(request, **options)
        response.stream = Unasked(response)
        if self._sse:  # this stream is the connection
            sending.status = response.status_code
            refusal = await self._refusal(response, sending) or self._not_opened(response)
            if refusal is not None:
                sending.fail(refusal)
        return response

    def _not_opened(self, response: httpx2.Response) -> ServerError | None:
        status, kind = response.status_code, response.headers.get("content-type", "")
        if 300 <= status < 400:
            place = visible(response.headers.get("location", "nowhere"), newlines=False)[:_BEGINNING]
            said = f"it redirects to another place ({place}; HTTP {status}); nothing was sent there"
            return self._error(ServerUnavailable, said, status)
        if status == 403:
            said = "it does not permit this credential to connect (HTTP 403)"
            return self._error(AuthRefused, said, status)
        if status >= 400:
            said = f"it has no stream of events at this URL (HTTP {status}); is it a streamable HTTP server?"
            return self._error(ServerUnavailable, said, status)
        if not kind.lower().startswith("text/event-stream"):
            shown = visible(kind, newlines=False)[:60] or "no content type"
            said = f"it answers with {shown} where a stream of events is due"
            return self._error(ServerUnavailable, said, status)
        return None

    async def _paced(self) -> None:
        clock = asyncio.get_running_loop().time
        if len(self._streams) == _STREAMS:
            await asyncio.sleep(max(0.0, self._streams[0] + 1.0 - clock()))
        self._streams.append(clock())

    def _ended(self, request: httpx2.Request, sending: Sending, failure: ServerError) -> httpx2.Response:
        """Tell the caller, and answer the SDK so that nothing but this request ends."""
        sending.fail(failure)
        if self._sse:
            return httpx2.Response(202, request=request)
        headers = {"content-type": "application/json"}
        return httpx2.Response(500, headers=headers, content=_ANSWERED, request=request)

    def _failure(self, error: Exception, sending: Sending) -> ServerError:
        label = self._label
        if isinstance(error, McpbridgeError):
            return no_credential(label, error)
        if isinstance(error, PrivateAddress):
            return ServerUnavailable(f"{label}: {error}", server_label=label)
        sending.session_lost = True
        kind = type(error).__name__
        if sending.begun:
            said = (
                f"{label}: the connection was lost before it answered ({kind}); {sending.tool} may have run"
            )
            return OutcomeLost(said, server_label=label)
        return ServerUnavailable(f"{label}: it cannot be reached ({kind}: {error})", server_label=label)

    async def _refusal(self, response: httpx2.Response, sending: Sending) -> ServerError | None:
        """What a status means that no JSON-RPC error explains."""
        status = response.status_code
        if status == 401:
            said = _REFUSED if self._credential else _WANTED
            return self._error(AuthRefused, f"{said}; nothing was done", status)
        if status == 429:
            limited = self._error(RateLimited, "it wants fewer requests (HTTP 429); nothing was done", status)
            limited.retry_after = _seconds(response.headers)
            return limited
        if not sending.tool:
            if status in FORGOTTEN and _forgotten(response, await _words(response)):
                sending.session_lost = True
            return None
        if status < 400:
            return self._no_result(response, sending) if status < 300 else None
        return self._failed(response, await _words(response), sending)

    def _no_result(self, response: httpx2.Response, sending: Sending) -> ServerError | None:
        if self._sse or _an_answer(response):
            return None
        said = f"it answered with no result; {sending.tool} may have run"
        return self._error(OutcomeLost, said, response.status_code)

    def _failed(self, response: httpx2.Response, words: bytes, sending: Sending) -> ServerError | None:
        status, tool = response.status_code, sending.tool
        if _forgotten(response, words):
            sending.session_lost = True
            return self._error(CallNotSent, "it has forgotten the session; nothing was done", status)
        if b'"jsonrpc"' in words and not self._sse:
            return None
        if status == 403:
            return self._error(AuthRefused, f"it does not permit {tool} (HTTP 403)", status)
        if status < 500:
            return self._error(
                CallNotSent, f"it refused the request (HTTP {status}); nothing was done", status
            )
        return self._error(OutcomeLost, f"it failed (HTTP {status}); {tool} may have run", status)

    def _error(self, kind: type[_E], said: str, status: int) -> _E:
        return kind(f"{self._label}: {said}", server_label=self._label, status_code=status)


def _an_answer(response: httpx2.Response) -> bool:
    kind = response.headers.get("content-type", "").lower()
    return response.status_code != 202 and kind.startswith(("application/json", "text/event-stream"))


async def _words(response: httpx2.Response) -> bytes:
    """The body of a refusal; nothing where it cannot be read."""
    try:
        return await response.aread()
    except (httpx2.StreamError, httpx2.TransportError):
        return b""


def _forgotten(response: httpx2.Response, words: bytes) -> bool:
    """Whether a session id is not known any more: 404 (specification), or 400 with words about it."""
    if "mcp-session-id" not in response.request.headers:
        return False
    return response.status_code == 404 or (response.status_code == 400 and b"session" in words.lower())


def _seconds(headers: httpx2.Headers) -> float | None:
    value = headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdecimal() and len(value) < 8 else None


@functools.cache
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context()
