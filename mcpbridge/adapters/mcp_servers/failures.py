"""What went wrong, out of the SDK's groups and codes, as one error that names the server."""

from __future__ import annotations

from typing import Final, cast

import httpx2
from mcp import MCPError
from mcp_types import CONNECTION_CLOSED, HEADER_MISMATCH, PARSE_ERROR

from mcpbridge.adapters.mcp_servers.garbled import UNREADABLE
from mcpbridge.adapters.mcp_servers.redirects import declared_instead, place_of
from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.core.question import visible
from mcpbridge.errors import (
    AuthRefused,
    CallNotSent,
    CallTimedOut,
    McpbridgeError,
    MissingSecret,
    OutcomeLost,
    ServerError,
    ServerUnavailable,
    ToolsChanged,
)

_SHOWN: Final = 300
"""Characters of a server's own words in an error."""


_SEE_OTHER: Final = 303
"""What was asked for was done, and is described elsewhere (RFC 9110, section 15.4.4)."""
_CLOSED: Final = ("Connection closed", "SSE stream ")
"""How the SDK (2.3.0) words the end of a connection. Servers use its code, -32000, for their own errors."""


def root(error: BaseException) -> BaseException:
    """The first real failure inside nested groups."""
    while isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
        error = next((one for one in inner if isinstance(one, Exception)), inner[0])
    return error


def said(text: str) -> str:
    """A server's words, short and without anything that moves a cursor."""
    shown = visible(text, newlines=False)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def not_connected(
    label: str, error: BaseException, sending: Sending, last_words: str, conduct: str = ""
) -> ServerError:
    """Why a server could not be connected to, or its tools not be listed: nothing was called. `conduct`: what
    its program did, or what to write instead, to be put behind the reason."""
    inner = root(error)
    refusal = _refusal(label, inner, sending)
    if refusal is not None:
        return refusal
    if sending.too_large:
        reason = "its answer is too large"
    elif sending.failure is not None:
        reason = "the connection was lost before it answered"
    elif isinstance(inner, TimeoutError):
        reason = "it did not answer in time (connect_timeout)"
    elif isinstance(inner, MCPError) and place_of(inner.message):
        reason = _redirected(inner.message)
    elif isinstance(inner, MCPError):
        status = f"HTTP {sending.status}: " if sending.status and sending.status >= 300 else ""
        reason = status + said(inner.message)
    elif isinstance(inner, OSError | httpx2.HTTPError):
        reason = f"it cannot be started or reached ({said(str(inner)) or type(inner).__name__})"
    else:
        reason = f"it does not speak the protocol ({type(inner).__name__}: {said(str(inner))})"
    words = f"; it said: {last_words}" if last_words else ""
    return ServerUnavailable(
        f"{label}: {reason}{conduct}{words}", server_label=label, status_code=sending.status
    )


def _redirected(message: str) -> str:
    place = place_of(message)
    told = said(place or message)
    return f"it redirects to another place ({told}); nothing was sent there{declared_instead(place)}"


def _refusal(label: str, inner: BaseException, sending: Sending) -> ServerError | None:
    """What is the matter of a credential, or was told by the layer below."""
    if isinstance(sending.failure, CallNotSent):
        return sending.failure
    if isinstance(inner, MissingSecret):
        return no_credential(label, inner)
    if sending.status == 403:
        return AuthRefused(
            f"{label}: it does not permit this credential to connect (HTTP 403)",
            server_label=label,
            status_code=403,
        )
    return None


def no_credential(label: str, error: McpbridgeError) -> AuthRefused:
    """Nothing was sent; the cause says whether the configuration is to blame."""
    why = str(error).removeprefix(f"{label}: ")
    refused = AuthRefused(f"{label}: no credential: {why}", server_label=label)
    refused.__cause__ = error
    return refused


def lost_in_call(label: str, tool: str, sending: Sending, last_words: str = "") -> ServerError:
    """The connection ended before the answer came."""
    words = f"; it said: {last_words}" if last_words else ""
    if not sending.begun:
        return CallNotSent(
            f"{label}: the connection was lost before {tool} was called; nothing was done{words}",
            server_label=label,
        )
    return OutcomeLost(
        f"{label}: the connection was lost while {tool} ran; it may have been carried out{words}",
        server_label=label,
    )


def timed_out(label: str, tool: str, seconds: float, sending: Sending) -> ServerError:
    if not sending.begun:
        return ServerUnavailable(
            f"{label}: it could not be reached within {seconds:g} s; {tool} was not called",
            server_label=label,
        )
    return CallTimedOut(
        f"{label}: {tool} gave no answer within {seconds:g} s; it was told to stop, and may have run",
        server_label=label,
    )


def refused(label: str, tool: str, error: MCPError, sending: Sending, last_words: str) -> ServerError | None:
    """What a JSON-RPC error means for a call, where it is not the tool's own answer."""
    if error.code == CONNECTION_CLOSED and error.message.startswith(_CLOSED):
        return lost_in_call(label, tool, sending, last_words)
    if error.code == PARSE_ERROR:  # what came was no JSON-RPC; the SDK's own word for it
        return OutcomeLost(f"{label}: its answer cannot be read; {tool} may have run", server_label=label)
    if error.code == UNREADABLE:
        return OutcomeLost(f"{label}: {said(error.message)}; {tool} may have run", server_label=label)
    if error.code == HEADER_MISMATCH:
        return ToolsChanged(
            f"{label}: the definition of {tool} has changed since it was listed; nothing was done",
            server_label=label,
        )
    if sending.status == _SEE_OTHER:
        return OutcomeLost(
            f"{label}: it answers with another page (HTTP 303), which says that {tool} may have run",
            server_label=label,
            status_code=sending.status,
        )
    if sending.status is not None and 300 <= sending.status < 400:
        return ServerUnavailable(
            f"{label}: {_redirected(error.message)}",
            server_label=label,
            status_code=sending.status,
        )
    return None
