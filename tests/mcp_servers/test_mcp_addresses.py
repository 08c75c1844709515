"""Remote servers lead nowhere private: not by name, not by redirect, not by a document."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

import httpcore2
import pytest

from mcpbridge.adapters.mcp_servers.private_addresses import (
    GuardedBackend,
    PrivateAddress,
    is_private,
    may_be_private,
)
from mcpbridge.adapters.mcp_servers.settings import HttpAddress
from mcpbridge.errors import ServerUnavailable
from tests.mcp_servers.scene import toolbox


@pytest.mark.promise("bridged-private")
@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.1.1", "172.16.0.1", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "2002:a00:1::", "64:ff9b::a00:1", "::",
        "fec0::2", "64:ff9b:1::a00:1", "::10.0.0.1", "::ffff:0:a00:1", "168.63.129.16",
        "::ffff:168.63.129.16",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_private_however_it_is_written(address: str) -> None:
    assert is_private(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_address_is_public(address: str) -> None:
    assert not is_private(ipaddress.ip_address(address))


@pytest.mark.promise("bridged-private")
@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("http://169.254.169.254/mcp", "169.254.169.254"),
        ("https://[fd00::1]/mcp", '"fd00::1"'),
        ("http://0x7f000001/mcp", "0x7f000001"),
        ("http://2130706433/mcp", "2130706433"),
    ],
)
def test_a_server_at_a_private_address_is_refused_before_anything_is_sent(url: str, entry: str) -> None:
    async def story() -> None:
        async with toolbox(HttpAddress(url=url)) as box:
            with pytest.raises(ServerUnavailable, match="is not a public address; if it is meant,") as caught:
                await box.tools()
        assert str(caught.value).endswith(f"write allow_private: [{entry}]")

    asyncio.run(story())


@pytest.mark.promise("bridged-private")
def test_a_name_is_refused_by_what_it_resolves_to_unless_it_is_allowed() -> None:
    """`localhost` stands for any name whose owner points it at us."""

    async def story() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        with listening:
            with pytest.raises(PrivateAddress, match=r"localhost \("):
                await GuardedBackend(frozenset()).connect_tcp("localhost", port)
            stream = await GuardedBackend(frozenset({"localhost"})).connect_tcp("localhost", port)
            await stream.aclose()

    asyncio.run(story())


def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    """A second answer of the DNS, which an attacker gives after the check, is never asked for."""
    asked: list[str] = []

    class Inner(httpcore2.AsyncNetworkBackend):
        async def connect_tcp(self, host: str, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
            asked.append(host)
            raise httpcore2.ConnectError

    async def story() -> None:
        backend = GuardedBackend(frozenset(), inner=Inner())
        with pytest.raises(httpcore2.ConnectError):
            await backend.connect_tcp("1.1.1.1", 443)

    asyncio.run(story())
    assert [str(ipaddress.ip_address(host)) for host in asked] == ["1.1.1.1"]


def test_hosts_that_may_be_private_are_those_allowed_and_a_loopback_host_that_is_configured() -> None:
    assert may_be_private("mcp.example", ["Internal.Example"]) == {"internal.example"}
    assert may_be_private("127.0.0.1", []) == {"127.0.0.1", "localhost", "::1"}
    assert may_be_private("mcp.example", []) == frozenset()
