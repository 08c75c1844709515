"""A small authorization server and a protected resource, written from the RFCs; imports nothing of ours.

RFC 9728 and 8414 (metadata), 7591 (registration), 6749 and 7636 (code with PKCE, refresh with rotation,
client credentials with a secret), 7523 (client credentials with a signed assertion).
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlencode

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

SECRET = "s3cret/with:colon"


@dataclass(kw_only=True)
class Authority:
    """Its state, and what was asked of it."""

    origin: str = ""
    key: Any = None
    """The public key of the client `signer`."""
    signer: str = "signer"
    behind: Starlette | None = None
    """An MCP server that whoever has a good token gets to; else the token is the answer."""
    seen: Counter[str] = field(default_factory=Counter[str])
    good: set[str] = field(default_factory=set[str])
    """Access tokens that hold."""
    scopes: dict[str, str] = field(default_factory=dict[str, str])
    refreshing: dict[str, str] = field(default_factory=dict[str, str])
    """Refresh token → scope; each works once."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    needs: str = "read"
    lifetime: int = 3600
    supported: list[str] = field(default_factory=list[str])
    """Scopes that the resource's metadata names."""
    asked: list[str | None] = field(default_factory=list["str | None"])
    """The scopes that clients with credentials have asked for; None: they named none."""
    resource: str | None = None
    """What the metadata says the resource is, where it lies."""
    issuer: str | None = None
    """Whom the resource names as its authorization server, where it is somebody else."""
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def issue(self, scope: str, *, refresh: bool) -> dict[str, Any]:
        number = next(self.numbers)
        token, again = f"access-token-{number}", f"refresh-token-{number}"
        self.good.add(token)
        self.scopes[token] = scope
        answer: dict[str, Any] = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "scope": scope,
        }
        if refresh:
            self.refreshing[again] = scope
            answer["refresh_token"] = again
        return answer

    async def protected(self, request: Request) -> Response:
        self.seen["resource"] += 1
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        metadata = f'resource_metadata="{self.origin}/.well-known/oauth-protected-resource/mcp"'
        if token not in self.good:
            return Response(status_code=401, headers={"WWW-Authenticate": f"Bearer {metadata}"})
        if self.needs not in self.scopes[token].split():
            challenge = f'Bearer error="insufficient_scope", scope="{self.needs}", {metadata}'
            return Response(status_code=403, headers={"WWW-Authenticate": challenge})
        # Starlette calls what a route returns, and an application is called like a response.
        return JSONResponse({"token": token}) if self.behind is None else cast("Response", self.behind)

    async def of_resource(self, _request: Request) -> Response:
        self.seen["resource metadata"] += 1
        servers = [self.issuer or self.origin]
        about: dict[str, Any] = {"resource": self.resource or f"{self.origin}/mcp"}
        more = {"scopes_supported": self.supported} if self.supported else {}
        return JSONResponse({**about, **more, "authorization_servers": servers})

    async def of_server(self, _request: Request) -> Response:
        self.seen["server metadata"] += 1
        return JSONResponse(
            {
                "issuer": self.origin,
                "authorization_endpoint": f"{self.origin}/authorize",
                "token_endpoint": f"{self.origin}/token",
                "registration_endpoint": f"{self.origin}/register",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "private_key_jwt"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def register(self, request: Request) -> Response:
        self.seen["register"] += 1
        return JSONResponse({**await request.json(), "client_id": "registered"}, status_code=201)

    async def authorize(self, request: Request) -> Response:
        self.seen["authorize"] += 1
        query = dict(request.query_params)
        code = f"code-{next(self.numbers)}"
        self.codes[code] = query
        back = {"code": code, "state": query["state"], "iss": self.origin}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(back)}", status_code=302)

    async def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self.seen[f"token {form['grant_type']}"] += 1
        match form["grant_type"]:
            case "authorization_code":
                asked = self.codes.pop(form["code"], None)
                digest = hashlib.sha256(form["code_verifier"].encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
                if asked is None or asked["code_challenge"] != challenge:
                    return _no("invalid_grant")
                return JSONResponse(self.issue(asked.get("scope", "read"), refresh=True))
            case "refresh_token":
                scope = self.refreshing.pop(form["refresh_token"], None)
                return (
                    _no("invalid_grant") if scope is None else JSONResponse(self.issue(scope, refresh=True))
                )
            case "client_credentials":
                if not self._is_client(request, form):
                    return _no("invalid_client", 401)
                self.asked.append(form.get("scope"))
                return JSONResponse(self.issue(form.get("scope", "read"), refresh=False))
            case _:
                return _no("unsupported_grant_type")

    def _is_client(self, request: Request, form: dict[str, str]) -> bool:
        if "client_assertion" in form:
            claims = jwt.decode(
                form["client_assertion"],
                self.key,
                algorithms=["ES256"],
                audience=self.origin,
                issuer=self.signer,
            )
            return bool(claims["sub"] == self.signer)
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind != "Basic":
            return False
        name, _, secret = base64.b64decode(value).decode().partition(":")
        return name == "keeper" and unquote(secret) == SECRET


def _no(error: str, status: int = 400) -> Response:
    return JSONResponse({"error": error}, status_code=status)


@asynccontextmanager
async def running(authority: Authority) -> AsyncGenerator[str, None]:
    """Serves the authority on the loopback interface; gives the URL of the protected resource."""
    import asyncio
    import socket

    routes = [
        Route("/mcp", authority.protected, methods=["GET", "POST", "DELETE"]),
        Route("/.well-known/oauth-protected-resource/mcp", authority.of_resource),
        Route("/.well-known/oauth-authorization-server", authority.of_server),
        Route("/register", authority.register, methods=["POST"]),
        Route("/authorize", authority.authorize),
        Route("/token", authority.token, methods=["POST"]),
    ]
    async with AsyncExitStack() as started:
        listening = started.enter_context(socket.socket())
        if authority.behind is not None:
            await started.enter_async_context(authority.behind.router.lifespan_context(authority.behind))
        listening.bind(("127.0.0.1", 0))
        authority.origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(Starlette(routes=routes), log_config=None, ws="none", lifespan="off")
        server = uvicorn.Server(config)
        listening.listen()
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"{authority.origin}/mcp"
        finally:
            server.should_exit = True
            await task
