"""The gateway over streamable HTTP: checks of host and origin (DNS rebinding), and of tokens where set."""

from __future__ import annotations

from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl
from starlette.applications import Starlette

from mcpbridge.gateway.serving import Gateway


def application(gateway: Gateway) -> Starlette:
    """The ASGI application; the endpoint is `/mcp`."""
    server = gateway.server()
    if not gateway.callers:
        return server.streamable_http_app()
    # The tokens are the gateway's own: there is no authorization server to name.
    auth = AuthSettings(issuer_url=AnyHttpUrl("https://mcpbridge.invalid"), resource_server_url=None)
    return server.streamable_http_app(auth=auth, token_verifier=gateway)
