"""How mcpbridge itself gets a token for a server (`oauth:`): as a program, or after a person logged in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from mcpbridge.config.urls import is_loopback
from mcpbridge.config.values import HeaderValue, wrapped

GrantType = Literal["authorization_code", "client_credentials"]
KeyAlgorithm = Literal["ES256", "ES384", "RS256", "PS256", "EdDSA"]
TokenStore = Literal["auto", "keyring", "file"]

_PORTS: Final = 65_536
_WHOM: Final = "the authorization server's URL; else the MCP server could name whom your secret is sent to"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OAuth:
    """OAuth 2.1 for one server (MCP specification 2026-07-28, Authorization)."""

    grant: GrantType = "authorization_code"
    client_id: str | None = None
    """Without one, mcpbridge registers itself where the authorization server lets it (RFC 7591)."""
    client_secret: HeaderValue | None = None
    private_key: HeaderValue | None = None
    """PEM, for `client_credentials`: the client signs an assertion (RFC 7523) instead of sending a secret."""
    algorithm: KeyAlgorithm = "ES256"
    scopes: tuple[str, ...] = ()
    """What is asked for. Empty leaves it to what the server names where a person sees it, and else to the
    authorization server."""
    step_up: tuple[str, ...] = ()
    """For `client_credentials`: what is asked for too when the server refuses a request for want of rights.
    What it names beside these and `scopes` is never asked for."""
    issuer: str | None = None
    """The authorization server; tokens are asked of no other. Required for `client_credentials`: there a
    server could otherwise name whom our secret is sent to."""
    redirect_port: int = 0
    """Of 127.0.0.1, for a `client_id` whose redirect address is registered with its port. 0 is any."""
    store: TokenStore = "auto"
    """Where tokens of a login are kept. auto: the system's keyring where it works, else an encrypted file."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "scopes", tuple(self.scopes))
        object.__setattr__(self, "step_up", tuple(self.step_up))
        for name in ("client_secret", "private_key"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, wrapped(value))

    def __repr__(self) -> str:
        return f"OAuth(grant={self.grant!r}, client_id={self.client_id!r}, issuer={self.issuer!r})"


def oauth_complaints(oauth: OAuth) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What cannot be used of it; paths are keys below `oauth`."""
    yield from _about_scopes("scopes", oauth.scopes)
    yield from _about_scopes("step_up", oauth.step_up)
    if oauth.issuer is not None:
        problem = _issuer_problem(oauth.issuer)
        if problem:
            yield ("issuer",), problem
    if not 0 <= oauth.redirect_port < _PORTS:
        yield ("redirect_port",), "a port is a number from 0 (any) to 65535"
    yield from _about_client(oauth) if oauth.grant == "client_credentials" else _about_person(oauth)


def _about_client(oauth: OAuth) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if not oauth.client_id:
        yield ("client_id",), "client_credentials needs the client_id that you registered"
    if oauth.issuer is None:
        yield ("issuer",), f"client_credentials needs issuer: {_WHOM}"
    if (oauth.client_secret is None) == (oauth.private_key is None):
        yield ("client_secret",), "write client_secret or private_key, one of them"
    if oauth.redirect_port:
        yield ("redirect_port",), "nobody is redirected with client_credentials; remove it"


def _about_person(oauth: OAuth) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if oauth.private_key is not None:
        yield ("private_key",), "a private key is for grant: client_credentials"
    if oauth.step_up:
        yield ("step_up",), "a person who logs in sees what is asked for; step_up is for client_credentials"
    if oauth.client_secret is not None and not oauth.client_id:
        yield ("client_secret",), "a client_secret belongs to a client_id; write that too"
    if oauth.client_secret is not None and oauth.issuer is None:
        yield ("issuer",), f"a client_secret needs issuer: {_WHOM}"


def _about_scopes(key: str, scopes: tuple[str, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for index, scope in enumerate(scopes):
        if not scope or any(not "!" <= character <= "~" or character in '"\\' for character in scope):
            yield (key, index), "a scope is visible ASCII without spaces, quotes and backslashes"


def _issuer_problem(issuer: str) -> str | None:
    parts = urlsplit(issuer)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "an issuer is an https URL"
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return "an issuer is an https URL; http only on this machine"
    if parts.query or parts.fragment or parts.username is not None:
        return "an issuer has no query, fragment or user"
    return None
