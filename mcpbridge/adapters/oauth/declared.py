"""The tokens of a declared server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mcpbridge.adapters.mcp_servers.private_addresses import may_be_private
from mcpbridge.adapters.oauth.stores import token_store
from mcpbridge.adapters.oauth.tokens import Tokens
from mcpbridge.config import SecretSources, ServerDeclaration
from mcpbridge.config.template import SecretTemplate
from mcpbridge.config.values import HeaderValue
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.errors import UsageError

if TYPE_CHECKING:
    from mcpbridge.adapters.oauth.providers import Client


def tokens_of(server: ServerDeclaration, sources: SecretSources, mask: Mask) -> Tokens:
    """For a server with `oauth:` and a `url`. Looks up nothing yet, but for which store there is."""
    oauth = server.oauth
    assert oauth is not None
    assert server.url is not None
    person = oauth.grant == "authorization_code"
    return Tokens(
        label=server.label,
        identity=server.identity,
        client=_client(server, sources),
        store=token_store(oauth.store, environment=sources.env) if person else None,
        exempt=may_be_private(urlsplit(server.url).hostname or "", server.connection.allow_private),
        tell=mask.add,
    )


def with_token(server: ServerDeclaration, sources: SecretSources, mask: Mask) -> ServerDeclaration:
    """The same server for the provider to connect to: it is given our token with each request."""
    if server.oauth is None:
        return server
    return replace(server, oauth=None, authorization=tokens_of(server, sources, mask).certain)


def _client(server: ServerDeclaration, sources: SecretSources) -> Callable[[], Client]:
    def client() -> Client:
        from mcpbridge.adapters.oauth.providers import Client

        assert server.oauth is not None
        assert server.url is not None
        return Client(
            oauth=server.oauth,
            url=server.url,
            secret=_text(server.oauth.client_secret, sources),
            private_key=_text(server.oauth.private_key, sources),
        )

    return client


def _text(value: HeaderValue | None, sources: SecretSources) -> str | None:
    match value:
        case None:
            return None
        case str():
            return value
        case Secret():
            return value.reveal()
        case SecretTemplate():
            return value.resolve(sources).reveal()
        case _:
            made = value()
            if isinstance(made, Secret):
                return made.reveal()
            if isinstance(made, str):
                return made
            raise UsageError("a client_secret or private_key from a callable must be text or a Secret")
