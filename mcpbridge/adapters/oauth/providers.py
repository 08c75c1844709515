"""The SDK's OAuth providers, with a memory: what a provider learned is handed to the next one.

Imports the SDK: used where a token is needed first.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.auth.utils import issuers_match, union_scopes
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
    ProtectedResourceMetadata,
)
from pydantic import AnyUrl

from mcpbridge.adapters.oauth.kept import Kept
from mcpbridge.adapters.oauth.scopes import not_named, of_program
from mcpbridge.config.oauth import OAuth

NAME = "mcpbridge"
_PKCE: Final = "S256"
_BEARER: Final = re.compile(r"[\x21-\x7e]+")
"""What a header can carry (RFC 6750, section 2.1, is narrower)."""
OURS: ContextVar[bool] = ContextVar("an OAuth flow of ours", default=False)
"""Set while a flow runs whose failure is told by the error that it ends with."""


class _ToldElsewhere(logging.Filter):
    """The SDK logs each failure with its traceback, in which answers of authorization servers stand."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not OURS.get()


logging.getLogger("mcp.client.auth.oauth2").addFilter(_ToldElsewhere())


class NotDone(Exception):
    """A flow ends without a token. The message says why, and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The credentials of `oauth:`, resolved."""

    oauth: OAuth
    url: str
    """The MCP server's."""
    secret: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """How a person is brought to the authorization server, and comes back."""

    redirect_uri: str
    show: Callable[[str], Awaitable[None]]
    come_back: Callable[[], Awaitable[AuthorizationCodeResult]]


class Memory:
    """The SDK's TokenStorage, for one run of a flow: `kept` is what is known afterwards."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept

    async def get_tokens(self) -> OAuthToken | None:
        if not self.kept.access_token and not self.kept.refresh_token:
            return None
        return OAuthToken(
            access_token=self.kept.access_token,
            refresh_token=self.kept.refresh_token,
            scope=self.kept.scope,
        )

    async def set_tokens(self, tokens: OAuthToken) -> None:
        if not _BEARER.fullmatch(tokens.access_token):
            raise NotDone("it gave no token: it is one that no header can carry")
        self.kept = replace(
            self.kept,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            scope=tokens.scope,
            expires_at=None if tokens.expires_in is None else time.time() + tokens.expires_in,
        )

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        if self.kept.client is None:
            return None
        return OAuthClientInformationFull.model_validate(self.kept.client)

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.kept = replace(self.kept, client=_plain(client_info))


def recall(provider: OAuthClientProvider, kept: Kept) -> None:
    """Give a new provider what an earlier one learned. Without it (mcp 2.3.0, `OAuthClientProvider`) it
    takes every loaded token for valid, and asks the MCP server itself for a new one."""
    context = provider.context
    context.token_expiry_time = kept.expires_at
    if kept.metadata is not None:
        context.oauth_metadata = OAuthMetadata.model_validate(kept.metadata)
    if kept.resource is not None:
        context.protected_resource_metadata = ProtectedResourceMetadata.model_validate(kept.resource)
    context.auth_server_url = kept.authorization_server


def learned(provider: OAuthClientProvider, memory: Memory) -> Kept:
    """What is known after a flow."""
    context = provider.context
    return replace(
        memory.kept,
        metadata=None if context.oauth_metadata is None else _plain(context.oauth_metadata),
        resource=None
        if context.protected_resource_metadata is None
        else _plain(context.protected_resource_metadata),
        authorization_server=context.auth_server_url,
    )


def provider_of(
    client: Client, memory: Memory, person: Person | None, refusal: httpx2.Response | None
) -> OAuthClientProvider:
    """A provider for one flow, which begins with the server's `refusal` where there was one. Raises NotDone
    where a program is to ask for what nobody named."""
    oauth = client.oauth
    if oauth.grant == "client_credentials":
        problem = not_named(oauth, refusal)
        if problem:
            raise NotDone(problem)
        return _for_program(client, memory, of_program(oauth, memory.kept.scope, refusal))
    provider = _ForPeople(client, memory, person, " ".join(oauth.scopes) or None)
    provider.configured = " ".join(oauth.scopes)
    provider.more = refusal is not None and refusal.status_code == 403
    return provider


def _for_program(client: Client, memory: Memory, scope: str | None) -> OAuthClientProvider:
    oauth = client.oauth
    given: dict[str, Any] = {
        "server_url": client.url,
        "storage": memory,
        "client_id": oauth.client_id or "",
        "scope": scope,
        "issuer": oauth.issuer,
    }
    if client.private_key is None:
        provider: _Programs = _WithSecret(client_secret=client.secret or "", **given)
        provider.asked = scope
        return provider
    signing = SignedJWTParameters(
        issuer=oauth.client_id or "",
        subject=oauth.client_id or "",
        signing_key=client.private_key,
        signing_algorithm=oauth.algorithm,
    )
    provider = _WithKey(assertion_provider=_signed(signing), **given)
    provider.asked = scope
    return provider


def _signed(signing: SignedJWTParameters) -> Callable[[str], Awaitable[str]]:
    sign = signing.create_assertion_provider()

    async def assertion(audience: str) -> str:
        try:
            return await sign(audience)
        except Exception:  # noqa: BLE001 # boundary: jwt and cryptography, whose errors may quote the key
            raise NotDone(
                f"oauth.private_key cannot sign with {signing.signing_algorithm}; write the PEM of such a key"
            ) from None

    return assertion


class _Programs(OAuthClientProvider):
    """Asks for these scopes. The SDK asks for all that the server names instead."""

    asked: str | None = None

    async def _perform_authorization(self) -> httpx2.Request:
        self.context.client_metadata.scope = self.asked
        return await super()._perform_authorization()


class _WithSecret(_Programs, ClientCredentialsOAuthProvider):
    """Client credentials; the client sends its secret."""


class _WithKey(_Programs, PrivateKeyJWTOAuthProvider):
    """Client credentials; the client signs an assertion."""


class _ForPeople(OAuthClientProvider):
    """Authorization code with PKCE. Asks only the authorization server that was configured, where one was,
    and for the scopes that were configured; without any, for what the server names: a person sees it."""

    configured: str = ""
    more: bool = False
    """Whether those that the server names are asked for too."""

    def __init__(self, client: Client, memory: Memory, person: Person | None, scope: str | None) -> None:
        oauth = client.oauth
        self._issuer = oauth.issuer
        redirect = [AnyUrl(person.redirect_uri)] if person is not None else None
        metadata = OAuthClientMetadata(
            client_name=NAME,
            redirect_uris=cast("Any", redirect),
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            token_endpoint_auth_method="client_secret_basic" if client.secret else "none",
            scope=scope,
        )
        super().__init__(
            client.url,
            metadata,
            memory,
            person.show if person is not None else None,
            person.come_back if person is not None else None,
        )
        if oauth.client_id is not None:
            known = OAuthClientInformationFull(
                client_id=oauth.client_id,
                client_secret=client.secret,
                redirect_uris=cast("Any", redirect),
                token_endpoint_auth_method="client_secret_basic" if client.secret else "none",
            )
            memory.kept = replace(memory.kept, client=_plain(known))

    def _select_authorization_server(self, advertised: list[str]) -> str:
        if self._issuer is None:
            return advertised[0]
        for server in advertised:
            if issuers_match(server, self._issuer):
                return server
        raise NotDone(
            f"the server names {', '.join(advertised)} as its authorization server, and oauth.issuer is "
            f"{self._issuer}; nothing was sent there"
        )

    async def _perform_authorization(self) -> httpx2.Request:
        self._of_issuer(f"no metadata of the configured issuer {self._issuer} was found")
        found = self.context.oauth_metadata
        if found is not None and _PKCE not in (found.code_challenge_methods_supported or ()):
            raise NotDone(  # MCP specification, Authorization Code Protection: "MUST refuse to proceed"
                f"the metadata of {found.issuer} does not name {_PKCE} in "
                "code_challenge_methods_supported, so a stolen code might be used; nobody was sent there"
            )
        metadata = self.context.client_metadata
        if self.configured:
            metadata.scope = union_scopes(self.configured, metadata.scope) if self.more else self.configured
        return await super()._perform_authorization()

    async def _refresh_token(self) -> httpx2.Request:
        self._of_issuer(f"the login is not from the configured issuer {self._issuer}, so log in anew")
        return await super()._refresh_token()

    def _of_issuer(self, otherwise: str) -> None:
        """A refresh token and a client secret are for the configured issuer alone."""
        found = self.context.oauth_metadata
        if self._issuer is not None and (found is None or not issuers_match(str(found.issuer), self._issuer)):
            raise NotDone(f"{otherwise}; nothing was sent elsewhere")


def _plain(model: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", model.model_dump(mode="json", exclude_none=True, by_alias=True))


__all__ = [
    "OURS",
    "Client",
    "Memory",
    "NotDone",
    "Person",
    "learned",
    "provider_of",
    "recall",
]
