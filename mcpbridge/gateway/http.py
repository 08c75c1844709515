"""The gateway over streamable HTTP: who calls is known before anything of the request is read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mcpbridge.gateway.desk import MOST_SESSIONS
from mcpbridge.gateway.serving import Gateway

_PATH: Final = "/mcp"
_SCHEME: Final = "bearer "


def application(gateway: Gateway) -> Starlette:
    """The ASGI application; the endpoint is `/mcp`. Tokens are checked here, host and origin by the SDK."""
    desks = {
        principal: desk.server().streamable_http_app(streamable_http_path=_PATH, max_sessions=MOST_SESSIONS)
        for principal, desk in gateway.desks.items()
    }

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None, None]:
        async with AsyncExitStack() as stack:
            for desk in desks.values():
                await stack.enter_async_context(desk.router.lifespan_context(desk))
            yield

    return Starlette(routes=[Route(_PATH, endpoint=_Door(gateway, desks))], lifespan=lifespan)


@dataclass(frozen=True)
class _Door:
    """Leads each caller to their own desk. Sessions of others do not exist there."""

    gateway: Gateway
    desks: Mapping[str, ASGIApp]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = self._principal(Headers(scope=scope))
        if principal is None:
            await _unauthorized()(scope, receive, send)
        else:
            await self.desks[principal](scope, receive, send)

    def _principal(self, headers: Headers) -> str | None:
        if not self.gateway.callers:
            return self.gateway.only.principal
        given = headers.getlist("authorization")
        if len(given) != 1 or not given[0].lower().startswith(_SCHEME):
            return None
        return self.gateway.principal(given[0][len(_SCHEME) :])


def _unauthorized() -> Response:
    """RFC 6750, section 3."""
    return JSONResponse(
        {"error": "invalid_token", "error_description": "send the token of this client as a bearer token"},
        status_code=401,
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )
