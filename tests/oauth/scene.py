"""Tokens for a test's server, and a person who logs in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx2
from mcp.shared.auth import AuthorizationCodeResult

from mcpbridge.adapters.mcp_servers.private_addresses import may_be_private
from mcpbridge.adapters.oauth.providers import Client, Person
from mcpbridge.adapters.oauth.stores import FileStore
from mcpbridge.adapters.oauth.tokens import OAuthAuth, Tokens
from mcpbridge.config.oauth import OAuth
from mcpbridge.core.secret import Secret
from tests.oauth.authority import SECRET, Authority, running

A = TypeVar("A", bound=Authority)
REDIRECT = "http://127.0.0.1:9/callback"


def against(authority: A, body: Callable[[A, str], Awaitable[None]]) -> A:
    """Run `body` with the authority and the URL of its resource."""

    async def whole() -> None:
        async with running(authority) as url:
            await body(authority, url)

    asyncio.run(whole())
    return authority


def tokens(url: str, oauth: OAuth, store: FileStore | None = None, **options: Any) -> Tokens:
    secret = None if oauth.client_secret is None else SECRET
    key = oauth.private_key.reveal() if isinstance(oauth.private_key, Secret) else None
    return Tokens(
        label="shop",
        identity=url,
        client=lambda: Client(oauth=oauth, url=url, secret=secret, private_key=key),
        store=store,
        exempt=may_be_private("127.0.0.1", ()),
        **options,
    )


def keeper(issuer: str, **options: Any) -> OAuth:
    return OAuth(
        grant="client_credentials", client_id="keeper", client_secret=SECRET, issuer=issuer, **options
    )


def person(shown: list[str] | None = None) -> Person:
    """Somebody whose browser follows the authorization server's redirect, and says what it was given."""
    given: list[dict[str, str]] = []

    async def show(url: str) -> None:
        if shown is not None:
            shown.append(url)
        async with httpx2.AsyncClient() as browser:
            answer = await browser.get(url)
        given.append(dict(httpx2.URL(answer.headers["location"]).params))

    async def come_back() -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate(given[0])

    return Person(redirect_uri=REDIRECT, show=show, come_back=come_back)


async def ask(url: str, held: Tokens) -> httpx2.Response:
    async with httpx2.AsyncClient(auth=OAuthAuth(held)) as client:
        return await client.post(url)


def refusal(url: str, status: int = 401, challenge: str = "Bearer") -> httpx2.Response:
    headers = {"WWW-Authenticate": challenge}
    return httpx2.Response(status, headers=headers, request=httpx2.Request("POST", url))
