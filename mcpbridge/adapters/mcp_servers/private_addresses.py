"""No way into the private network through a server's name, a redirect or a document that points there.

Checked where a connection is made: the name is resolved once, every address it has is looked at, and the
connection goes to the very address that was looked at, so that a second answer of the DNS changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore2
import httpx2
from httpcore2._backends.anyio import AnyIOBackend

from mcpbridge.adapters.mcp_servers.wire import WireBackend
from mcpbridge.config.urls import is_loopback

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All that IANA has given out (RFC 4291, section 2.4). Python takes more for global: site-local fec0::/10,
the NAT64 prefix for local use 64:ff9b:1::/48, IPv4-compatible ::/96."""
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052, section 2.1."""
_OF_A_CLOUD: Final = frozenset({ipaddress.IPv4Address("168.63.129.16")})
"""Looks public, and is the platform's own inside Azure (its documentation: "What is IP address
168.63.129.16?")."""


class PrivateAddress(httpx2.ConnectError):
    """Nothing was sent: the host is, or resolves to, an address that is not public."""


def may_be_private(url_host: str, allowed: Iterable[str]) -> frozenset[str]:
    """The hosts that are exempt: those allowed by name, and a loopback host that the configuration names."""
    named = {host.lower().strip("[]") for host in allowed}
    if is_loopback(url_host):
        named |= {url_host, "localhost", "127.0.0.1", "::1"}
    return frozenset(named)


def is_private(address: Address) -> bool:
    """Whether an address is anything but a public one (RFC 6890), also where IPv6 wraps an IPv4 one."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _nat64(address)
        if inner is not None:
            return is_private(inner)
        return address not in _GLOBAL_UNICAST or not address.is_global
    return not address.is_global or address.is_multicast or address in _OF_A_CLOUD


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections to public addresses, and to the hosts that are exempt."""

    def __init__(self, exempt: frozenset[str], inner: httpcore2.AsyncNetworkBackend | None = None) -> None:
        self._exempt = exempt
        self._inner: httpcore2.AsyncNetworkBackend = inner or AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 # as the interface has it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        async def connect(where: str) -> httpcore2.AsyncNetworkStream:
            return await self._inner.connect_tcp(
                where, port, timeout=timeout, local_address=local_address, socket_options=socket_options
            )

        if host.lower().strip("[]") in self._exempt:
            return await connect(host)
        failure: Exception | None = None
        for address in await _public_addresses(host, port):
            try:
                return await connect(str(address))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _public_addresses(host: str, port: int) -> list[Address]:
    """In the order of the resolver. Raises PrivateAddress where one of them is not public."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore2.ConnectError(f"{host} is not known to the DNS") from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for address in addresses:
        if is_private(address):
            where = host if host == str(address) else f"{host} ({address})"
            entry = f'"{host}"' if ":" in host else host
            raise PrivateAddress(
                f"{where} is not a public address; if it is meant, write allow_private: [{entry}]"
            )
    return addresses


async def refuse_private(url: str, exempt: frozenset[str]) -> None:
    """Raises PrivateAddress for what a GuardedBackend would not connect to. A name that is not known here is
    nobody's private address."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host not in exempt:
        with suppress(httpcore2.ConnectError):
            await _public_addresses(host, parts.port or 443)


def guard(transport: httpx2.AsyncHTTPTransport, exempt: frozenset[str]) -> httpx2.AsyncHTTPTransport:
    """The same transport; each connection it opens is checked first."""
    # httpx2 takes no backend of its own, and its pool reads this attribute for each new connection.
    pool: Any = vars(transport)["_pool"]
    vars(pool)["_network_backend"] = GuardedBackend(exempt, WireBackend())
    return transport
