"""A hosted server's `authorization` is the token that mcpbridge got: one token while it lasts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mcpbridge import Gate, MemoryAudit
from mcpbridge.config import load_config
from tests.oauth.authority import SECRET, Authority, running
from tests.wire.stack import sources


@pytest.mark.promise("oauth-hosted")
def test_the_provider_is_given_our_token_with_each_request(tmp_path: Path) -> None:
    authority = Authority()

    async def whole() -> None:
        async with running(authority) as url:
            (tmp_path / "policy.yaml").write_text("version: 1\ndefaults: {decision: deny}\n")
            oauth = (
                "{grant: client_credentials, client_id: keeper, client_secret: '${env:SHOP_SECRET}', "
                f"issuer: '{authority.origin}', scopes: [read]}}"
            )
            (tmp_path / "mcpbridge.yaml").write_text(
                "model: {name: m, endpoint: local}\n"
                f"servers:\n- {{label: shop, url: '{url}', authorization_in: field, oauth: {oauth}}}\n"
                "policy: policy.yaml\n"
            )
            config = load_config(tmp_path / "mcpbridge.yaml")
            async with Gate.from_yaml(
                config, audit=MemoryAudit(), sources=sources({"SHOP_SECRET": SECRET})
            ) as gate:
                sent = [(await gate.tools_async())[0]["authorization"] for _ in range(2)]
        assert sent == ["access-token-0"] * 2

    asyncio.run(whole())
    assert authority.seen["token client_credentials"] == 1
