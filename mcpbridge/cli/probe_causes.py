"""Why a server could not be probed, as one sentence: the real cause, dug out of what the SDK reports."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import urlsplit

import httpx2
from mcp.shared.exceptions import MCPError
from mcp_types import PARSE_ERROR

_MCP_TYPES: Final = ("application/json", "text/event-stream")
_LONGEST: Final = 300
"""Characters of a foreign message."""
_HINTS: Final = {
    403: "the credential is understood and not allowed in here",
    404: "there is nothing at this path; compare the URL with the server's documentation",
    405: "this path takes no MCP requests (POST); compare the URL with the server's documentation",
    429: "too many requests; try again later",
}


@dataclass(slots=True)
class Seen:
    """The last that was seen of a server on the wire."""

    status: int = 0
    content_type: str = ""
    is_rpc: bool = False
    """The body is an answer of the protocol, whatever the status."""
    failure: httpx2.TransportError | None = None

    async def response(self, response: httpx2.Response) -> None:
        """A response hook. A server may refuse GET and DELETE, so only POST counts."""
        if response.request.method != "POST":
            return
        self.status, self.failure = response.status_code, None
        self.content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        self.is_rpc = response.status_code >= 400 and b'"jsonrpc"' in await response.aread()


def cause(error: BaseException | None, seen: Seen, *, url: str, timeout: float, credential: bool) -> str:
    """The sentence. `error` is None when time was up; `credential` says whether one was sent."""
    network = _network(seen.failure or error, url) if error is not None else ""
    if network:
        return network
    if seen.status >= 300 and not seen.is_rpc:
        return _http(seen.status, credential)
    if error is None or any(isinstance(one, TimeoutError | httpx2.TimeoutException) for one in _all(error)):
        return f"no answer within {timeout:g} s"
    if seen.status and seen.content_type not in _MCP_TYPES:
        kind = seen.content_type or "no content type"
        return f"this is no MCP server: it answers with HTTP {seen.status} and {kind}"
    return _protocol(error)


def _http(status: int, credential: bool) -> str:
    try:
        phrase = f" {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = ""
    match status:
        case 401 if credential:
            hint = "the credential that is declared is not accepted"
        case 401:
            hint = "it wants a credential and none is declared"
        case _ if status < 400:
            hint = "it redirects to another address; declare that one"
        case _ if status >= 500:
            hint = "the server failed"
        case _:
            hint = _HINTS.get(status, "the server refuses the request")
    return f"HTTP {status}{phrase}: {hint}"


def _network(error: BaseException | None, url: str) -> str:
    """What the operating system, or TLS, says; empty when it was not the network."""
    parts = urlsplit(url)
    for one in _all(error):
        match one:
            case socket.gaierror():
                return f"the name {parts.hostname} cannot be resolved (DNS)"
            case ConnectionRefusedError():
                return f"nothing listens at {parts.netloc} (connection refused)"
            case ssl.SSLCertVerificationError():
                return f"its TLS certificate is not accepted: {one.verify_message}"
            case ssl.SSLError():
                return f"TLS failed: {one.reason or one}; does it speak https at all?"
            case httpx2.ProxyError():
                return f"the proxy of the environment refuses: {one}"
            case _:
                pass
    return _closed(error)


def _closed(error: BaseException | None) -> str:
    for one in _all(error):
        if isinstance(one, httpx2.RemoteProtocolError | httpx2.ReadError | ConnectionResetError):
            return "the connection was closed before an answer came"
        if isinstance(one, httpx2.ConnectError):
            return f"no connection: {one}"
    return ""


def _protocol(error: BaseException) -> str:
    for one in _all(error):
        if isinstance(one, MCPError):
            if one.code == PARSE_ERROR:  # the SDK's own, with pages of validation in its message
                return "this is no MCP server: its answer is no JSON-RPC message"
            return f"it answers with the MCP error {one.code}: {_clipped(one.message)}"
    leaf = next(one for one in _all(error) if not _members(one))
    return f"it does not keep to the MCP protocol ({type(leaf).__name__}: {_clipped(str(leaf))})"


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _all(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what it was raised from, and what groups hold, outermost first; each once."""
    waiting, known = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in known:
            continue
        known.add(id(one))
        yield one
        waiting += [*_members(one), one.__cause__, one.__context__]


def _members(error: BaseException) -> tuple[BaseException, ...]:
    if not isinstance(error, BaseExceptionGroup):
        return ()
    return cast("BaseExceptionGroup[BaseException]", error).exceptions
