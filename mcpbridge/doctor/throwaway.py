"""The throw-away MCP server: two harmless tools, a token of its own, and a record of what it was asked.

What it saw is the evidence; what an endpoint says about its own calls is not.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mcpbridge.core.secret import Mask, Secret
from mcpbridge.doctor import words
from mcpbridge.doctor.names import READ, WRITE
from mcpbridge.errors import UsageError
from mcpbridge.service.loopback import LoopbackServer

__all__ = ["READ", "WRITE", "Ran", "Throwaway", "running"]

PATH: Final = "/mcp"
_MOST: Final = 64
"""Requests at once; an endpoint needs two or three."""
_GRACE: Final = 1.0
"""Seconds for open requests when it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One execution of a tool: what it was given, and the code that only its result holds."""

    tool: str
    text: str
    code: str
    token: str = field(default="", repr=False)
    """The one that admitted it: it tells which request it belongs to."""


@dataclass(slots=True, kw_only=True)
class Throwaway:
    """The running server: where it is, whom it admits, and what it has seen, in order."""

    url: str
    """Where the endpoint reaches it."""
    listens_at: str
    """The same by its address here."""
    code: Callable[[], str]
    mask: Mask = field(repr=False)
    """Is told every token, so that none is shown where it comes back."""
    token: Callable[[], str] = field(default=lambda: secrets.token_urlsafe(24), repr=False)
    ran: list[Ran] = field(default_factory=list[Ran])
    visits: list[str] = field(default_factory=list[str], repr=False)
    """The Authorization header of each request; empty where there was none."""
    _issued: list[str] = field(default_factory=list[str], repr=False)
    _more: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Set when something runs."""

    def issue(self) -> str:
        """A new token that is admitted from now on."""
        self._issued.append(self.token())
        self.mask.add([Secret(self._issued[-1])])
        return self._issued[-1]

    @property
    def issued(self) -> tuple[str, ...]:
        return tuple(self._issued)

    def visited_with(self, token: str) -> bool:
        """Whether a request brought this token, as a Bearer token."""
        return any(hmac.compare_digest(seen, f"Bearer {token}") for seen in self.visits if seen.isascii())

    def admits(self, header: str) -> bool:
        self.visits.append(header)
        given = header.encode()
        return any([hmac.compare_digest(given, f"Bearer {token}".encode()) for token in self._issued])

    def run(self, tool: str, text: str, header: str = "") -> str:
        """What both tools do: nothing but to be counted."""
        token = header.removeprefix("Bearer ")
        self.ran.append(Ran(tool=tool, text=text, code=self.code(), token=token))
        self._more.set()
        return words.result(self.ran[-1].code)

    async def until(self, seen: Callable[[list[Ran]], bool], seconds: float) -> bool:
        """Wait until `seen` is content with what has run, but not longer than this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not seen(self.ran):
                    self._more.clear()
                    await self._more.wait()
        return seen(self.ran)


@asynccontextmanager
async def running(
    *, code: Callable[[], str], mask: Mask, host: str = "127.0.0.1", port: int = 0, public_url: str = ""
) -> AsyncGenerator[Throwaway, None]:
    """The server, from the moment it listens. `public_url` is where others reach it, if not at `host`.

    Raises UsageError where it cannot listen.
    """
    listening = _listening(host, port)
    here = f"http://{host}:{listening.getsockname()[1]}{PATH}"
    throwaway = Throwaway(url=public_url or here, listens_at=here, code=code, mask=mask)
    app = _admitting(throwaway, public=bool(public_url))
    server = LoopbackServer(app, port=port, signals=False, grace=_GRACE, most=_MOST)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        yield throwaway
    finally:
        ready.cancel()
        server.stop()
        await asyncio.wait({task})
        listening.close()


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        why = error.strerror or type(error).__name__
    raise UsageError(f"the throw-away server cannot listen on {host}:{port}: {why}; name another --mcp-bind")


def _admitting(throwaway: Throwaway, *, public: bool) -> ASGIApp:
    from mcp.server.transport_security import TransportSecuritySettings

    from mcpbridge.doctor.probes import probes

    # Behind a tunnel the Host header is the tunnel's; the token is what protects.
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False) if public else None
    app = probes(throwaway.run).streamable_http_app(transport_security=security)

    async def admit(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers: dict[bytes, bytes] = dict(scope["headers"])
            if not throwaway.admits(headers.get(b"authorization", b"").decode("latin-1")):
                refusal = JSONResponse({"error": "invalid_token"}, status_code=401)
                await refusal(scope, receive, send)
                return
        await app(scope, receive, send)

    return admit
