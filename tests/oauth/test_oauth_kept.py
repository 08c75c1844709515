"""What is kept of logins: replaced where it does not open, forgotten for good, not lost to a renewal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mcpbridge.adapters.oauth.kept import Kept
from mcpbridge.adapters.oauth.stores import FileStore, TokensUnreadable
from mcpbridge.config.oauth import OAuth
from tests.mcp_servers.scene import until
from tests.oauth.authority import Authority
from tests.oauth.scene import against, ask, person, refusal, tokens
from tests.oauth.test_oauth_login import configured, mcpbridge


def damaged(store: FileStore, url: str) -> None:
    store.save(url, Kept(access_token="canary-token"))
    for path in store.folder.glob("*.tokens"):
        path.write_bytes(b"not what was written")


def test_tokens_that_do_not_open_are_replaced_by_another_login(tmp_path: Path) -> None:
    async def body(authority: Authority, url: str) -> None:
        store = FileStore(folder=tmp_path, environment={})
        damaged(store, url)
        with pytest.raises(TokensUnreadable, match="log in anew"):
            await ask(url, tokens(url, OAuth(), store))
        await tokens(url, OAuth(), store).log_in(refusal(url), person())
        assert (await ask(url, tokens(url, OAuth(), store))).status_code == 200

    against(Authority(), body)


def test_tokens_that_do_not_open_are_forgotten_at_a_logout(tmp_path: Path) -> None:
    async def whole() -> None:
        url = "https://shop.example.com/mcp"
        configured(tmp_path, url)
        store = FileStore(folder=tmp_path / "mcpbridge" / "tokens", environment={})
        damaged(store, url)
        process = await mcpbridge(tmp_path, "logout", "shop")
        assert await process.communicate() == (b"Logged out of shop.\n", b"")
        assert store.load(url) is None

    asyncio.run(whole())


@pytest.mark.promise("oauth-renewal")
def test_a_logout_and_a_login_wait_for_a_renewal_that_is_under_way(tmp_path: Path) -> None:
    """Else the renewal would keep its tokens after them: logged in again, or with the rights of before."""

    async def body(authority: Authority, url: str) -> None:
        configured(tmp_path, url)
        store = FileStore(folder=tmp_path / "mcpbridge" / "tokens", environment={})
        old = Kept(access_token="of-before")
        store.save(url, old)
        with store.lock(url):
            login = asyncio.create_task(tokens(url, OAuth(), store).log_in(refusal(url), person()))
            logout = await mcpbridge(tmp_path, "logout", "shop")
            ended = asyncio.create_task(logout.wait())
            await until(lambda: bool(authority.good))
            done, _ = await asyncio.wait({login, ended}, timeout=0.5)
            assert (done, store.load(url)) == (set(), old)
        await asyncio.wait({login, ended})

    against(Authority(), body)


def test_scopes_that_are_none_are_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    async def whole() -> None:
        configured(tmp_path, "https://shop.example.com/mcp")
        process = await mcpbridge(tmp_path, "login", "shop", "--scope", 'read "all"')
        _, err = await process.communicate()
        assert process.returncode == 2
        assert b"a scope is visible ASCII without spaces, quotes and backslashes" in err

    asyncio.run(whole())
