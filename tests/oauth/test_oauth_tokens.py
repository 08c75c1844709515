"""Tokens of one server: got, renewed by one at a time, kept over a restart, never sent anywhere else."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mcp.shared.auth import AuthorizationCodeResult

from mcpbridge.adapters.oauth.kept import Kept
from mcpbridge.adapters.oauth.providers import Person
from mcpbridge.adapters.oauth.stores import KEY_VARIABLE, FileStore
from mcpbridge.adapters.oauth.tokens import OAuthAuth, Tokens
from mcpbridge.config.oauth import OAuth
from mcpbridge.core.secret import Mask
from mcpbridge.errors import AuthRefused, UsageError
from tests.oauth.authority import SECRET, Authority, running
from tests.oauth.scene import REDIRECT, tokens

Body = Callable[[Authority, str], Awaitable[None]]


def against(body: Body, **state: Any) -> Authority:
    authority = Authority(**state)

    async def whole() -> None:
        async with running(authority) as url:
            await body(authority, url)

    asyncio.run(whole())
    return authority


def keeper(authority: Authority, **more: Any) -> OAuth:
    return OAuth(
        grant="client_credentials", client_id="keeper", client_secret=SECRET, issuer=authority.origin, **more
    )


def refusal(url: str, scope: str = "") -> httpx2.Response:
    """For want of rights, of these scopes."""
    challenge = 'Bearer error="insufficient_scope"' + (f', scope="{scope}"' if scope else "")
    request = httpx2.Request("POST", url)
    return httpx2.Response(403, request=request, headers={"WWW-Authenticate": challenge})


def person() -> Person:
    """Somebody whose browser follows the authorization server's redirect, and says what it was given."""
    given: list[dict[str, str]] = []

    async def show(url: str) -> None:
        async with httpx2.AsyncClient() as browser:
            answer = await browser.get(url)
        given.append(dict(httpx2.URL(answer.headers["location"]).params))

    async def come_back() -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate(given[0])

    return Person(redirect_uri=REDIRECT, show=show, come_back=come_back)


async def ask(url: str, held: Tokens) -> httpx2.Response:
    async with httpx2.AsyncClient(auth=OAuthAuth(held)) as client:
        return await client.post(url)


async def log_in(url: str, held: Tokens) -> Kept:
    return await held.log_in(httpx2.Response(401, request=httpx2.Request("POST", url)), person())


@pytest.mark.promise("oauth-renewal")
def test_many_calls_that_are_refused_at_once_ask_for_one_new_token() -> None:
    async def body(authority: Authority, url: str) -> None:
        held = tokens(url, keeper(authority))
        assert (await ask(url, held)).status_code == 200
        authority.good.clear()
        async with httpx2.AsyncClient(auth=OAuthAuth(held)) as client:
            answers = await asyncio.gather(*(client.post(url) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}

    authority = against(body)
    assert authority.seen["token client_credentials"] == 2


def test_a_client_proves_itself_with_a_signed_assertion_instead_of_a_secret() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    async def body(authority: Authority, url: str) -> None:
        oauth = OAuth(
            grant="client_credentials", client_id="signer", private_key=pem, issuer=authority.origin
        )
        assert (await ask(url, tokens(url, oauth))).json() == {"token": "access-token-0"}

    against(body, key=key.public_key())


def test_a_request_for_more_rights_is_answered_with_a_token_that_has_the_old_ones_too() -> None:
    async def body(authority: Authority, url: str) -> None:
        held = tokens(url, keeper(authority, step_up=("write", "print")))
        await ask(url, held)
        authority.needs = "write"
        assert (await ask(url, held)).status_code == 200
        assert authority.asked == [None, "read write"]

    against(body, needs="read")


@pytest.mark.promise("oauth-named-scopes")
@pytest.mark.parametrize("scopes", [(), ("read",)])
def test_a_server_cannot_make_us_ask_for_a_scope_that_nobody_named(scopes: tuple[str, ...]) -> None:
    async def body(authority: Authority, url: str) -> None:
        held = tokens(url, keeper(authority, scopes=scopes, step_up=("write",)))
        await ask(url, held)
        authority.needs = "admin"
        with pytest.raises(AuthRefused) as error:
            await ask(url, held)
        assert str(error.value) == (
            "shop: the server asks for the scope admin, which its oauth: does not name; if it may have that, "
            "write step_up: [write, admin] there; nothing was done"
        )
        assert authority.asked == [" ".join(scopes) or None]
        authority.needs = "read"
        assert (await ask(url, held)).status_code == 200

    against(body, supported=["read", "write", "admin"])


@pytest.mark.promise("oauth-named-scopes")
def test_without_scopes_a_program_asks_for_none_whatever_the_server_names() -> None:
    async def body(authority: Authority, url: str) -> None:
        assert (await ask(url, tokens(url, keeper(authority)))).status_code == 200

    assert against(body, supported=["read", "admin"]).asked == [None]


def test_a_server_that_wants_more_rights_without_naming_them_gets_those_that_may_be_added() -> None:
    async def body(authority: Authority, url: str) -> None:
        held = tokens(url, keeper(authority, scopes=("read",), step_up=("write",)))
        await held.token()
        unnamed = refusal(url)
        assert await held.refused(unnamed, None) is not None
        assert authority.asked == ["read write"]
        never = tokens(url, keeper(authority, scopes=("read",)))
        with pytest.raises(AuthRefused, match=r"without naming them; .* write step_up: \[SCOPE\] there"):
            await never.refused(unnamed, None)

    against(body)


@pytest.mark.promise("oauth-named-scopes")
def test_scopes_in_a_refusal_are_shown_so_that_they_can_be_written_and_not_without_end() -> None:
    async def body(authority: Authority, url: str) -> None:
        held = tokens(url, keeper(authority))
        for wanted, said in (
            ("a,b *c", 'write step_up: ["a,b", "*c"] there'),
            (" ".join(f"s{number}" for number in range(500)), "asks for the scopes s0, s1, s2 and 497 more"),
            ("x" * 5_000, f"asks for the scope {'x' * 60}…, which"),
        ):
            with pytest.raises(AuthRefused) as error:
                await held.refused(refusal(url, wanted), None)
            assert said in str(error.value)
            assert "step_up" in str(error.value)
        assert authority.asked == []

    against(body)


@pytest.mark.promise("oauth-bound")
def test_a_server_that_names_another_authorization_server_is_given_nothing() -> None:
    async def body(authority: Authority, url: str) -> None:
        other = Authority()
        async with running(other):
            authority.issuer = other.origin
            with pytest.raises(AuthRefused, match="shop: it gave no token"):
                await ask(url, tokens(url, keeper(authority)))
            assert not [name for name in other.seen if name.startswith("token")]

    assert not against(body).good


def test_a_server_whose_metadata_is_about_another_resource_is_given_nothing() -> None:
    async def body(authority: Authority, url: str) -> None:
        with pytest.raises(AuthRefused, match="does not match"):
            await ask(url, tokens(url, keeper(authority)))

    assert not against(body, resource="https://bank.example.com/mcp").good


def test_an_authorization_server_on_a_private_address_is_not_asked() -> None:
    async def body(authority: Authority, url: str) -> None:
        held = tokens(url, keeper(authority))
        held.exempt = frozenset()
        authority.good.clear()
        with pytest.raises(AuthRefused, match="is not a public address"):
            await ask(url, held)

    assert "token client_credentials" not in against(body).seen


def test_without_a_login_the_call_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    async def body(_authority: Authority, url: str) -> None:
        store = FileStore(folder=tmp_path, environment={})
        with pytest.raises(AuthRefused, match=r"nobody has logged in yet.*mcpbridge servers login shop"):
            await ask(url, tokens(url, OAuth(), store))

    assert "resource" not in against(body).seen


@pytest.mark.promise("oauth-restart")
def test_a_login_outlives_the_process_and_is_renewed_at_the_authorization_server(tmp_path: Path) -> None:
    async def body(authority: Authority, url: str) -> None:
        store = FileStore(folder=tmp_path, environment={})
        await log_in(url, tokens(url, OAuth(scopes=("read",)), store))
        assert (await ask(url, tokens(url, OAuth(), store))).json() == {"token": "access-token-1"}
        authority.good.clear()
        assert (await ask(url, tokens(url, OAuth(), store))).json() == {"token": "access-token-2"}

    seen = against(body).seen
    assert (seen["register"], seen["authorize"], seen["token refresh_token"]) == (1, 1, 1)


def test_a_token_that_is_about_to_end_is_renewed_before_it_is_sent(tmp_path: Path) -> None:
    async def body(authority: Authority, url: str) -> None:
        store = FileStore(folder=tmp_path, environment={})
        held = tokens(url, OAuth(), store)
        await log_in(url, held)
        authority.lifetime = 3600
        assert (await ask(url, held)).status_code == 200
        assert authority.seen["resource"] == 1

    against(body, lifetime=5)


def test_two_processes_renew_a_login_once(tmp_path: Path) -> None:
    async def body(authority: Authority, url: str) -> None:
        store = FileStore(folder=tmp_path, environment={})
        await log_in(url, tokens(url, OAuth(), store))
        one, two = tokens(url, OAuth(), store), tokens(url, OAuth(), store)
        await asyncio.gather(one.token(), two.token())
        authority.good.clear()
        answers = await asyncio.gather(ask(url, one), ask(url, two))
        assert [answer.status_code for answer in answers] == [200, 200]

    assert against(body).seen["token refresh_token"] == 1


def test_a_login_that_cannot_be_renewed_says_so_and_is_kept(tmp_path: Path) -> None:
    async def body(authority: Authority, url: str) -> None:
        store = FileStore(folder=tmp_path, environment={})
        kept = await log_in(url, tokens(url, OAuth(), store))
        authority.good.clear()
        authority.refreshing.clear()
        with pytest.raises(AuthRefused, match=r"did not renew the login.*servers login shop"):
            await ask(url, tokens(url, OAuth(), store))
        assert store.load(url) == kept

    against(body)


def test_more_rights_for_a_person_are_asked_of_the_person(tmp_path: Path) -> None:
    async def body(authority: Authority, url: str) -> None:
        held = tokens(url, OAuth(), FileStore(folder=tmp_path, environment={}))
        await log_in(url, held)
        authority.needs = "write"
        with pytest.raises(AuthRefused, match="servers login shop --scope 'read write';"):
            await ask(url, held)

    against(body)


def test_every_token_and_secret_is_told_to_the_mask(tmp_path: Path) -> None:
    mask = Mask()

    async def body(authority: Authority, url: str) -> None:
        store = FileStore(folder=tmp_path, environment={})
        await log_in(url, tokens(url, OAuth(), store, tell=mask.add))
        await ask(url, tokens(url, keeper(authority), tell=mask.add))

    against(body)
    told = mask.text(f"access-token-1 refresh-token-1 access-token-2 {SECRET}")
    assert "token-" not in told
    assert SECRET not in told


@pytest.mark.promise("oauth-bound")
def test_a_file_of_tokens_opens_for_its_server_and_with_its_key_only(tmp_path: Path) -> None:
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    store = FileStore(folder=tmp_path, environment={KEY_VARIABLE: key})
    store.save("https://a.example.com/mcp", Kept(access_token="canary-token"))
    files = list(tmp_path.glob("*.tokens"))
    assert b"canary-token" not in files[0].read_bytes()
    assert files[0].stat().st_mode & 0o077 == 0
    other = FileStore(folder=tmp_path, environment={KEY_VARIABLE: base64.b64encode(b"k" * 32).decode()})
    with pytest.raises(UsageError, match=f"{KEY_VARIABLE}.*log in anew"):
        other.load("https://a.example.com/mcp")
    store.save("https://b.example.com/mcp", Kept(access_token="other-token"))
    of_b = next(file for file in tmp_path.glob("*.tokens") if file != files[0])
    files[0].replace(of_b)
    with pytest.raises(UsageError, match="do not open"):
        store.load("https://b.example.com/mcp")


def test_a_key_that_is_none_is_refused_with_what_to_write(tmp_path: Path) -> None:
    store = FileStore(folder=tmp_path, environment={KEY_VARIABLE: "short"})
    with pytest.raises(UsageError, match="32 random bytes in base64"):
        store.save("https://a.example.com/mcp", Kept(access_token="t"))
