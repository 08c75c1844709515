"""`mcpbridge servers login` and `logout`: a person lets mcpbridge use a server in their name, or ends that.

The authorization server sends the browser back to this machine (RFC 8252, section 7.3): to a page on
127.0.0.1 that is there only while the login is under way.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import webbrowser
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from mcpbridge.cli.exits import COMPLETED, FAILED
from mcpbridge.cli.parsing import DEFAULT_CONFIG, Commands, add_config
from mcpbridge.core.question import visible
from mcpbridge.errors import AuthRefused, UsageError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mcpbridge.adapters.oauth.providers import Person
    from mcpbridge.adapters.oauth.tokens import Tokens
    from mcpbridge.config import ServerDeclaration

_TIMEOUT: Final = 300.0
_CALLBACK: Final = "/callback"
_DONE: Final = "<p>mcpbridge has what it needs. You can close this page.</p>"
_NOT_OURS: Final = "<p>This is no answer to the login that is under way; it goes on.</p>"
_FAILED: Final = "<p>Nothing was allowed. The terminal says more; you can close this page.</p>"


def add(group: Commands) -> None:
    """Declare the commands."""
    from mcpbridge.cli.servers import seconds

    login = group.add_parser(
        "login",
        help="log in to a server, so that mcpbridge may use it in your name",
        description="Opens the page of the server's authorization server in your browser, and keeps the "
        "tokens it gives. They are for this server only, and go nowhere else.",
    )
    login.add_argument("label", metavar="LABEL", help="a server of the configuration with oauth:")
    add_config(login)
    login.add_argument("--scope", metavar="SCOPES", help="ask for these, separated by spaces")
    login.add_argument("--no-browser", action="store_true", help="only print the address")
    login.add_argument(
        "--timeout", metavar="TIME", type=seconds, default=_TIMEOUT, help="for you to answer (default: 5m)"
    )
    login.set_defaults(run=run_login)
    logout = group.add_parser(
        "logout",
        help="forget the tokens of a login",
        description="Forgets them here. It does not revoke them.",
    )
    logout.add_argument("label", metavar="LABEL", help="a server of the configuration with oauth:")
    add_config(logout)
    logout.set_defaults(run=run_logout)


def run_login(args: argparse.Namespace) -> int:
    """Let a person log in. Exit 0, or 1 when nothing came of it."""
    server = _server(args)
    tokens = _tokens(server, args.scope)
    try:
        asyncio.run(_log_in(server, tokens, browser=not args.no_browser, seconds=args.timeout))
    except AuthRefused as error:
        print(f"mcpbridge: {visible(str(error))}", file=sys.stderr)
        return FAILED
    assert tokens.store is not None
    print(f"Logged in to {server.label}; the tokens are kept in {tokens.store.place}.")
    return COMPLETED


def run_logout(args: argparse.Namespace) -> int:
    """Forget the tokens."""
    from mcpbridge.adapters.oauth.stores import TokensUnreadable

    server = _server(args)
    store = _tokens(server, None).store
    assert store is not None
    try:
        with store.lock(server.identity):  # a renewal under way would keep its tokens after us
            try:
                known = store.load(server.identity) is not None
            except TokensUnreadable:
                known = True
            store.save(server.identity, None)
    except TimeoutError:
        raise UsageError(f"the login of {server.label} is being renewed; try again") from None
    print(f"Logged out of {server.label}." if known else f"Nobody was logged in to {server.label}.")
    return COMPLETED


def _server(args: argparse.Namespace) -> ServerDeclaration:
    from mcpbridge.config import load_config

    servers = {server.label: server for server in load_config(args.config or DEFAULT_CONFIG).servers}
    server = servers.get(args.label)
    if server is None:
        raise UsageError(f"no server {args.label!r} is declared; there are: {', '.join(servers) or 'none'}")
    if server.oauth is None:
        raise UsageError(
            f"{server.origin}: the server {server.label!r} takes no login; write oauth: {{}} there"
        )
    if server.oauth.grant != "authorization_code":
        raise UsageError(
            f"{server.origin}: the server {server.label!r} needs no login of a person: with "
            f"grant: {server.oauth.grant} mcpbridge gets its tokens by itself, and nothing has to be written"
        )
    return server


def _tokens(server: ServerDeclaration, scope: str | None) -> Tokens:
    from mcpbridge.adapters.oauth.declared import tokens_of
    from mcpbridge.config import process_sources
    from mcpbridge.config.oauth import oauth_complaints
    from mcpbridge.core.secret import Mask

    assert server.oauth is not None
    asked = server.oauth if scope is None else replace(server.oauth, scopes=tuple(scope.split()))
    for path, problem in oauth_complaints(asked):
        raise UsageError(f"--scope {scope!r}: {path[-1]}: {problem}")
    return tokens_of(replace(server, oauth=asked), process_sources(), Mask())


async def _log_in(server: ServerDeclaration, tokens: Tokens, *, browser: bool, seconds: float) -> None:
    from starlette.applications import Starlette
    from starlette.routing import Route

    from mcpbridge.adapters.oauth.providers import Person
    from mcpbridge.service.loopback import serving

    assert server.oauth is not None
    assert server.url is not None
    back = _Back()
    app = Starlette(routes=[Route(_CALLBACK, back.answer)])
    try:
        async with serving(app, port=server.oauth.redirect_port) as here:
            person: Person = Person(
                redirect_uri=f"{here.origin}{_CALLBACK}", show=_shown(browser, back), come_back=back.result
            )
            async with asyncio.timeout(seconds):
                await tokens.log_in(await tokens.refusal(), person)
    except TimeoutError:
        raise AuthRefused(
            f"{server.label}: nobody came back from the authorization server in {seconds:g} s"
        ) from None
    except OSError as error:
        raise UsageError(
            f"port {server.oauth.redirect_port} cannot be used: {error.strerror or error}"
        ) from None


def _shown(browser: bool, back: _Back) -> Any:
    async def show(url: str) -> None:
        back.expect(url)
        print(
            f"Log in here, with the browser of this machine:\n\n  {visible(url, newlines=False)}\n",
            flush=True,
        )
        if browser:
            await asyncio.to_thread(webbrowser.open, url)

    return show


@dataclass(slots=True)
class _Back:
    """The page that the browser is sent back to. Any program and any web page can ask for it too: only who
    knows the state of the login is listened to, also about its failure (RFC 6749, section 4.1.2.1)."""

    state: bytes = b""
    found: asyncio.Future[dict[str, str]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def expect(self, url: str) -> None:
        """The answer to `url`, where the person is sent."""
        self.state = parse_qs(urlsplit(url).query).get("state", [""])[-1].encode()

    async def answer(self, request: Request) -> Response:
        from starlette.responses import HTMLResponse

        query = dict(request.query_params)
        if not self.state or not secrets.compare_digest(query.get("state", "").encode(), self.state):
            return HTMLResponse(_NOT_OURS, status_code=400)
        if not self.found.done() and ("code" in query or "error" in query):
            self.found.set_result(query)
        return HTMLResponse(_DONE if "code" in query else _FAILED)

    async def result(self) -> Any:
        from mcp.shared.auth import AuthorizationCodeResult

        query = await self.found
        if "code" not in query:
            said = query.get("error_description") or query.get("error", "nothing")
            raise AuthRefused(f"the authorization server says: {said}")
        return AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))
