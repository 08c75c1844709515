"""`mcpbridge servers login`: a browser goes to the authorization server and comes back."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import pytest

from mcpbridge.adapters.oauth.kept import Kept
from mcpbridge.adapters.oauth.stores import FileStore
from tests.oauth.authority import Authority, running

Body = Callable[[Authority, str], Awaitable[None]]


def against(body: Body, authority: Authority | None = None) -> Authority:
    found = authority or Authority()

    async def whole() -> None:
        async with running(found) as url:
            await body(found, url)

    asyncio.run(whole())
    return found


def configured(folder: Path, url: str, oauth: str = "{store: file}") -> Path:
    (folder / "policy.yaml").write_text("version: 1\ndefaults: {decision: deny}\n")
    path = folder / "mcpbridge.yaml"
    path.write_text(
        "model: {name: m, endpoint: local}\n"
        f"servers:\n- {{label: shop, via: bridge, url: '{url}', oauth: {oauth}}}\n"
        "policy: policy.yaml\n"
    )
    return path


async def mcpbridge(folder: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mcpbridge",
        "servers",
        *words,
        "-c",
        str(folder / "mcpbridge.yaml"),
        env={**os.environ, "XDG_STATE_HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def address(process: asyncio.subprocess.Process) -> str:
    """The address that a person is told to open."""
    assert process.stdout is not None
    async for line in process.stdout:
        if line.strip().startswith(b"http"):
            return line.decode().strip()
    assert process.stderr is not None
    raise AssertionError((await process.stderr.read()).decode())


def kept(folder: Path, url: str) -> Kept | None:
    return FileStore(folder=folder / "mcpbridge" / "tokens", environment={}).load(url)


@pytest.mark.promise("oauth-login")
def test_a_login_keeps_the_tokens_and_a_logout_forgets_them(tmp_path: Path) -> None:
    async def body(authority: Authority, url: str) -> None:
        configured(tmp_path, url)
        process = await mcpbridge(tmp_path, "login", "shop", "--no-browser", "--scope", "read write")
        async with httpx2.AsyncClient(follow_redirects=True) as browser:
            page = await browser.get(await address(process))
        assert "You can close this page" in page.text
        out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert b"Logged in to shop; the tokens are kept in an encrypted file" in out
        found = kept(tmp_path, url)
        assert found is not None
        assert authority.scopes[found.access_token] == "read write"
        assert found.access_token not in out.decode()
        process = await mcpbridge(tmp_path, "logout", "shop")
        out, _ = await process.communicate()
        assert (process.returncode, out) == (0, b"Logged out of shop.\n")
        assert kept(tmp_path, url) is None

    against(body)


def test_a_login_that_the_person_refuses_ends_with_what_was_said(tmp_path: Path) -> None:
    async def body(_authority: Authority, url: str) -> None:
        configured(tmp_path, url)
        process = await mcpbridge(tmp_path, "login", "shop", "--no-browser")
        sent = httpx2.URL(await address(process)).params
        async with httpx2.AsyncClient() as browser:
            said = {"error": "access_denied", "state": sent["state"]}
            page = await browser.get(sent["redirect_uri"], params=said)
        assert "Nothing was allowed" in page.text
        _, err = await process.communicate()
        assert process.returncode == 1
        assert err == b"mcpbridge: the authorization server says: access_denied\n"
        assert kept(tmp_path, url) is None

    against(body)


def test_whoever_does_not_know_the_state_is_not_listened_to(tmp_path: Path) -> None:
    """Any page in the browser, and any program of this machine, can ask for the address."""

    async def body(authority: Authority, url: str) -> None:
        configured(tmp_path, url)
        process = await mcpbridge(tmp_path, "login", "shop", "--no-browser")
        sent = await address(process)
        back = httpx2.URL(sent).params["redirect_uri"]
        async with httpx2.AsyncClient(follow_redirects=True) as browser:
            for query in ({"code": "stolen", "state": "guessed"}, {"code": "c"}, {"error": "run this: curl"}):
                page = await browser.get(back, params=query)
                assert (page.status_code, "no answer to the login" in page.text) == (400, True)
            await browser.get(sent)
        out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert b"Logged in to shop" in out
        assert len(authority.good) == 1

    against(body)


def test_nobody_who_comes_back_in_time_is_said(tmp_path: Path) -> None:
    async def body(_authority: Authority, url: str) -> None:
        configured(tmp_path, url)
        process = await mcpbridge(tmp_path, "login", "shop", "--no-browser", "--timeout", "200ms")
        _, err = await process.communicate()
        assert process.returncode == 1
        assert b"nobody came back from the authorization server in 0.2 s" in err

    against(body)


def test_a_server_without_oauth_takes_no_login(tmp_path: Path) -> None:
    async def whole() -> None:
        path = configured(tmp_path, "https://shop.example.com/mcp")
        path.write_text(path.read_text().replace(", oauth: {store: file}", ""))
        process = await mcpbridge(tmp_path, "login", "shop")
        _, err = await process.communicate()
        assert process.returncode == 2
        assert f"{path}:3: the server 'shop' takes no login; write oauth: {{}} there" in err.decode()
        process = await mcpbridge(tmp_path, "login", "shopp")
        _, err = await process.communicate()
        assert b"no server 'shopp' is declared; there are: shop" in err

    asyncio.run(whole())


@pytest.mark.parametrize("command", ["login", "logout"])
def test_a_server_where_mcpbridge_logs_in_by_itself_is_left_as_it_is_declared(
    command: str, tmp_path: Path
) -> None:
    own = (
        "{store: file, grant: client_credentials, client_id: keeper, client_secret: '${env:S}', "
        "issuer: 'https://login.example'}"
    )

    async def whole() -> None:
        path = configured(tmp_path, "https://shop.example.com/mcp")
        path.write_text(path.read_text().replace("{store: file}", own))
        process = await mcpbridge(tmp_path, command, "shop")
        _, err = await process.communicate()
        assert process.returncode == 2
        assert "'shop' needs no login of a person: with grant: client_credentials" in err.decode()
        assert "oauth: {}" not in err.decode()

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("oauth", "said"),
    [
        ("{grant: client_credentials}", "client_credentials needs the client_id"),
        (
            "{grant: client_credentials, client_id: a, client_secret: '${env:S}'}",
            "oauth.issuer: client_credentials needs issuer",
        ),
        ("{client_secret: plain}", "a credential does not stand in a file"),
        ("{issuer: 'http://auth.example.com'}", "an issuer is an https URL"),
        ("{scopes: ['a b']}", "a scope is visible ASCII"),
        ("{step_up: [write]}", "oauth.step_up: a person who logs in sees what is asked for"),
        (
            "{grant: client_credentials, client_id: a, client_secret: '${env:S}', "
            "issuer: 'https://auth.example.com', step_up: ['a b']}",
            "a scope is visible ASCII",
        ),
        ("{grant: implicit}", "authorization_code"),
        ("{clientid: a}", "client_id"),
    ],
)
def test_what_cannot_be_used_of_oauth_is_said_with_its_line(tmp_path: Path, oauth: str, said: str) -> None:
    async def whole() -> None:
        path = configured(tmp_path, "https://shop.example.com/mcp", oauth)
        process = await mcpbridge(tmp_path, "login", "shop")
        _, err = await process.communicate()
        assert process.returncode == 2
        assert f"{path}:3" in err.decode()
        assert said in err.decode()

    asyncio.run(whole())
