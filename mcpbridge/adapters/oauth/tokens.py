"""One server's tokens: got when first needed, renewed before they end and when refused, by one at a time.

Whoever needs a token waits for one renewal at most, and holds nothing while a call is under way.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import httpx2

from mcpbridge.adapters.answer_size import PLAIN, AnswerSize, TooMuch
from mcpbridge.adapters.mcp_servers.auth import SingleFlight
from mcpbridge.adapters.mcp_servers.private_addresses import guard, refuse_private
from mcpbridge.adapters.mcp_servers.settings import Headers
from mcpbridge.adapters.oauth.kept import Kept
from mcpbridge.adapters.oauth.scopes import wanted
from mcpbridge.adapters.oauth.stores import Store, TokensUnreadable
from mcpbridge.core.secret import Secret
from mcpbridge.errors import AuthRefused

if TYPE_CHECKING:
    from mcpbridge.adapters.oauth.providers import Client, Person

_EARLY: Final = 30.0
"""Seconds before its end that a token is renewed, so that it does not end on the way."""
_ENDED: Final = 1.0
"""POSIX time of the end of a token that is to be renewed."""
_MAX_ANSWER: Final = 1 << 20
"""Bytes of a document or a token response."""
_TIMEOUT: Final = 30.0
_REFUSALS: Final = 2
"""Of one request that are answered with a new token: one for want of a token, one for more scopes."""
_PROTOCOL: Final = "mcp-protocol-version"
_STEP_UP: Final = re.compile(r'error="?insufficient_scope\b')
_MAX_SCOPES: Final = 300
"""Characters of scopes that a server may put into a command for a person to run."""


@dataclass(kw_only=True)
class Tokens:
    """The tokens that are for one server."""

    label: str
    identity: str
    """The server's, which the tokens are bound to."""
    client: Callable[[], Client]
    """The credentials of `oauth:`, resolved anew. May block."""
    store: Store | None
    """None keeps them in memory: whoever has client credentials can always ask again."""
    exempt: frozenset[str] = frozenset()
    """Hosts that may be private (see private_addresses)."""
    tell: Callable[[Iterable[Secret]], None] = field(default=lambda _: None, repr=False)
    """Told of each token, for the mask."""
    _kept: Kept | None = field(default=None, init=False, repr=False)
    _flight: SingleFlight[Kept] = field(default_factory=SingleFlight[Kept], init=False, repr=False)

    async def token(self) -> Secret | None:
        """The access token as it is now; None where the server has to ask for one first. Raises AuthRefused
        where a person has to log in."""
        kept = self._kept if self._kept is not None else await self._flight.do(self._loaded)
        if kept.access_token and (kept.expires_at is None or time.time() < kept.expires_at - _EARLY):
            return Secret(kept.access_token)
        if kept.refresh_token is not None:
            kept = await self._flight.do(self._refreshed)
            return Secret(kept.access_token)
        if self.store is not None:
            raise self._log_in("the login has expired" if kept.access_token else "nobody has logged in yet")
        self._kept = replace(kept, access_token="")
        return None

    async def certain(self) -> Secret:
        """The access token, asked for without waiting for a refusal: somebody else sends the request."""
        found = await self.token()
        if found is None:
            unasked = httpx2.Response(401, request=httpx2.Request("POST", "https://unasked.invalid"))
            found = Secret((await self._flight.do(lambda: self._asked(unasked))).access_token)
        return found

    async def refused(self, response: httpx2.Response, used: Secret | None) -> Secret | None:
        """A new token after the server refused `used`; None where another would not help."""
        step_up = response.status_code == 403
        if step_up and not _STEP_UP.search(response.headers.get("www-authenticate", "")):
            return None
        if self._kept is not None and self._kept.access_token and Secret(self._kept.access_token) != used:
            return Secret(self._kept.access_token)  # somebody else renewed it meanwhile
        if self.store is None:
            kept = await self._flight.do(lambda: self._asked(response))
        elif step_up:
            raise self._log_in("more rights are needed", self._more(response))
        elif self._kept is not None and self._kept.refresh_token is not None:
            kept = await self._flight.do(self._refreshed)
        else:
            raise self._log_in("the server refused the token")
        return Secret(kept.access_token)

    async def refusal(self) -> httpx2.Response:
        """How the server refuses somebody without a token: it says where its authorization server is."""
        url = (await asyncio.to_thread(self.client)).url
        async with self._http() as http:
            request = http.build_request("GET", url, headers={"Accept": "text/event-stream", **PLAIN})
            try:
                response = await http.send(request, stream=True)
                await response.aclose()  # unread: it may never end
            except (httpx2.HTTPError, TooMuch):
                return httpx2.Response(401, request=request)
        return response if response.status_code == 401 else httpx2.Response(401, request=request)

    async def log_in(self, response: httpx2.Response, person: Person) -> Kept:
        """Let a person log in, whatever was there before; keeps the tokens."""
        assert self.store is not None, "a login is for people"
        client = await asyncio.to_thread(self._known_client, person)
        known = Kept(client=client)
        if response.status_code == 403 and self._kept is not None:
            # More rights are added to those that were given (SEP-2350). The old tokens are only looked at:
            # renewing them here would end them if nobody comes back.
            known = replace(self._kept, client=client, refresh_token=None, expires_at=None)
        kept = await self._flow(response, known, person)
        async with self._alone():  # a renewal under way would be kept in place of this
            return await self._keep(kept)

    async def _loaded(self) -> Kept:
        found = None if self.store is None else await asyncio.to_thread(self.store.load, self.identity)
        self._take(found or Kept())
        assert self._kept is not None
        return self._kept

    async def _asked(self, response: httpx2.Response) -> Kept:
        return await self._keep(await self._flow(response, self._kept or Kept(), None))

    async def _refreshed(self) -> Kept:
        """By one process at a time: a refresh token that was used before may end the login."""
        assert self.store is not None
        async with self._alone():
            before = self._kept
            now = await asyncio.to_thread(self.store.load, self.identity) or Kept()
            self._take(now)
            if now.access_token and before is not None and now.access_token != before.access_token:
                return now  # another process did it
            if now.refresh_token is None:
                raise self._log_in("somebody logged out")
            renewed = await self._flow(None, replace(now, expires_at=_ENDED), None)
            if renewed.expires_at == _ENDED:
                raise self._log_in("the authorization server did not renew the login")
            return await self._keep(renewed)

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None, None]:
        assert self.store is not None
        lock = self.store.lock(self.identity)
        try:
            await asyncio.to_thread(lock.__enter__)
        except TimeoutError:
            raise self._refused("another process has been renewing its login for too long") from None
        try:
            yield
        finally:
            await asyncio.to_thread(lock.__exit__, None, None, None)

    async def _keep(self, kept: Kept) -> Kept:
        if self.store is None:
            kept = replace(kept, refresh_token=None)  # whoever can always ask again renews nothing
        else:
            await asyncio.to_thread(self.store.save, self.identity, kept)
        self._take(kept)
        return kept

    def _take(self, kept: Kept) -> None:
        self._kept = kept
        found = (kept.access_token, kept.refresh_token, (kept.client or {}).get("client_secret"))
        self.tell([Secret(value) for value in found if value])

    def _known_client(self, person: Person) -> dict[str, Any] | None:
        """The client that an earlier login registered, if it may be sent back to where we listen now."""
        assert self.store is not None
        try:
            kept = self._kept or self.store.load(self.identity)
        except TokensUnreadable:
            kept = None
        client = dict(kept.client) if kept is not None and kept.client is not None else None
        return (
            client if client is not None and person.redirect_uri in client.get("redirect_uris", ()) else None
        )

    async def _flow(self, refusal: httpx2.Response | None, kept: Kept, person: Person | None) -> Kept:
        """Run the SDK's flow up to the point where the request itself would be sent; what is known then."""
        from mcpbridge.adapters.oauth import flow, providers

        client = await asyncio.to_thread(self.client)
        self.tell([Secret(value) for value in (client.secret, client.private_key) if value])
        memory = providers.Memory(kept)
        request = httpx2.Request("POST", client.url, headers=_version(refusal))
        told = providers.OURS.set(True)
        try:
            async with self._http() as http:
                run = flow.Flow(server=client.url, http=http)
                with run.told():
                    shown = None if person is None else self._checked(person, client.url)
                    provider = providers.provider_of(client, memory, shown, refusal)
                    providers.recall(provider, memory.kept)
                    async with aclosing(provider.async_auth_flow(request)) as steps:
                        await run.run(steps, request, refusal)
        except providers.NotDone as error:
            raise self._refused(str(error)) from None
        finally:
            providers.OURS.reset(told)
        return providers.learned(provider, memory)

    def _checked(self, person: Person, server: str) -> Person:
        """A browser is sent nowhere that we would not go ourselves."""
        from mcpbridge.adapters.oauth.flow import encrypted

        async def show(url: str) -> None:
            encrypted(url, server)
            await refuse_private(url, self.exempt)
            await person.show(url)

        return replace(person, show=show)

    def _http(self) -> httpx2.AsyncClient:
        transport = guard(httpx2.AsyncHTTPTransport(), self.exempt)
        hooks: dict[str, list[Callable[..., Any]]] = {"response": [AnswerSize(_MAX_ANSWER)]}
        return httpx2.AsyncClient(transport=transport, timeout=_TIMEOUT, trust_env=False, event_hooks=hooks)

    def _more(self, response: httpx2.Response) -> str:
        """The option that asks for what was given and what is wanted. A server chooses these words."""
        more = wanted(response)
        given = (self._kept.scope if self._kept is not None else None) or ""
        scopes = " ".join(dict.fromkeys([*given.split(), *more]))
        return f" --scope {shlex.quote(scopes)}" if more and len(scopes) <= _MAX_SCOPES else ""

    def _refused(self, why: str) -> AuthRefused:
        return AuthRefused(f"{self.label}: {why}; nothing was done", server_label=self.label)

    def _log_in(self, why: str, more: str = "") -> AuthRefused:
        return self._refused(f"{why}; run: mcpbridge servers login {self.label}{more}")


class OAuthAuth(httpx2.Auth):
    """Puts the token into each request; after a refusal once more, with a new one. Holds no lock."""

    def __init__(self, tokens: Tokens, headers: Headers | None = None) -> None:
        """`headers` are sent too: what else the server wants."""
        self._tokens, self._headers = tokens, headers

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        if self._headers is not None:
            for name, value in (await self._headers()).items():
                request.headers[name] = value.reveal()
        used = await self._tokens.token()
        for _ in range(_REFUSALS):
            _set(request, used)
            response = yield request
            if response.status_code not in (401, 403):
                return
            used = await self._tokens.refused(response, used)
            if used is None:
                return
        _set(request, used)
        yield request


def _set(request: httpx2.Request, token: Secret | None) -> None:
    if token is not None:
        request.headers["Authorization"] = f"Bearer {token.reveal()}"


def _version(refusal: httpx2.Response | None) -> dict[str, str]:
    """Newer protocols name the resource in a token request (RFC 8707)."""
    sent = httpx2.Headers() if refusal is None else refusal.request.headers
    return {_PROTOCOL: sent[_PROTOCOL]} if _PROTOCOL in sent else {}
