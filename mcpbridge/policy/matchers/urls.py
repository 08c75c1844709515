"""`https_host`, `host`, `scheme`: who a URL leads to.

Two parsers read every URL: ada (the WHATWG's algorithm, as browsers) and urllib (RFC 3986, as most
servers in Python). Where they differ, and where a third could (user names, back-slashes, white space,
percent-encoded or non-ASCII hosts, numbers that are addresses), the answer is undecided.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlsplit

from mcpbridge.policy.matchers.values import TEXT, BadOperand, show, texts
from mcpbridge.policy.model import Facts, Matcher, Truth

_MAX: Final = 8192
_SHAPE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\]+)([^\\]*)")
_NO_AUTHORITY: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?!/)[^\\]+")
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]")
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)")
"""A host whose last label is a number is an IPv4 address to a browser (URL Standard, "ends in a number")."""
_INSIDE: Final = (
    *(".localhost", ".localdomain", ".local", ".internal", ".intranet", ".private", ".lan", ".home", ".corp"),
    *(".home.arpa", ".svc"),
)
"""Names that only resolve inside (RFC 6761, 6762 with appendix G, 8375; ICANN's "internal"; Kubernetes)."""
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_SPECIAL: Final = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "3fff::/20", "5f00::/16"))
)
"""Of IANA's special-purpose registries and RFC 3879, what some Python versions call global; a cloud's
metadata service answers at 192.0.0.192."""
_KEYS: Final = ("hosts", "private", "ports")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What both parsers agree on."""

    scheme: str
    host: str
    """In lower case; IPv6 without brackets."""
    port: int | None
    """None where the scheme has no default and none is given."""

    @property
    def private(self) -> bool:
        return is_private(self.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The operand of `host` and `https_host`."""

    hosts: tuple[str, ...]
    private: bool
    ports: frozenset[int]

    def names(self, host: str) -> bool:
        return any(
            host.endswith(one[1:]) and len(host) > len(one) - 1
            if one.startswith("*.")
            else one in ("*", host)
            for one in self.hosts
        )


def read_url(value: str) -> Address | None:
    """The URL as two parsers see it; None where there is any doubt."""
    found = _SHAPE.fullmatch(value)
    if found is None or len(value) > _MAX or _UNSAFE.search(value):
        return None
    written, authority, rest = found[1].lower(), found[2], found[3]
    if "@" in authority or "@" in re.split("/", rest, maxsplit=1)[0]:
        return None  # user names, and what some parsers take for one: `https://a.example?@b.example`
    try:
        browser = _browser(value)
        server = urlsplit(value)
        port = server.port
        host = _canonical(server.hostname or "")
    except ValueError:
        return None
    default = _DEFAULT_PORTS.get(written)
    seen = Address(scheme=server.scheme, host=host, port=port or default)
    agreed = browser == (seen.scheme, seen.host, None if seen.port == default else seen.port)
    return seen if agreed and seen.scheme == written and port != 0 and _agreed_text(authority) else None


def _browser(value: str) -> tuple[str, str, int | None]:
    import ada_url  # 15 ms, and only policies on URLs need it

    parsed = ada_url.parse_url(value, attributes=("protocol", "hostname", "port"))
    port = str(parsed.get("port") or "")
    host = str(parsed.get("hostname") or "").removeprefix("[").removesuffix("]")
    return str(parsed.get("protocol")).removesuffix(":"), host.lower(), int(port) if port else None


def _agreed_text(authority: str) -> bool:
    """No empty port (`a.example:`), nothing that is not a host and a port."""
    return bool(re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?", authority))


def _canonical(host: str) -> str:
    """Raises ValueError for what is neither a plain name nor a plain address."""
    if ":" in host:
        return ipaddress.IPv6Address(host).compressed
    if _NUMERIC.fullmatch(host):
        return str(ipaddress.IPv4Address(host))
    if not _NAME.fullmatch(host) or len(host) > 253:
        raise ValueError(host)
    return host.lower()


def is_private(host: str) -> bool:
    """Whether a host is not on the public internet, as far as its name tells."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or f".{host}".endswith(_INSIDE)
    if address.is_multicast or address.is_reserved or not address.is_global:
        return True
    if any(address in network for network in _SPECIAL):
        return True
    return isinstance(address, ipaddress.IPv6Address) and _embeds_ipv4(address)


def _embeds_ipv4(address: ipaddress.IPv6Address) -> bool:
    """Mapped, 6to4, Teredo and NAT64 addresses lead to an IPv4 address that may be anybody's."""
    return bool(address.ipv4_mapped or address.sixtofour or address.teredo or address in _NAT64)


def https_host(operand: object) -> Matcher:
    wanted = _read_hosts(operand)
    ports = wanted.ports or frozenset({443})

    def holds(url: Address) -> Truth:
        if url.scheme != "https" or not wanted.names(url.host):
            return False
        return None if url.port not in ports else _reachable(url, wanted)

    return _on_url("https_host", operand, f"is an https URL on {_list(wanted)}", holds)


def host(operand: object) -> Matcher:
    wanted = _read_hosts(operand)

    def holds(url: Address) -> Truth:
        if not wanted.names(url.host):
            return False
        return None if wanted.ports and url.port not in wanted.ports else _reachable(url, wanted)

    return _on_url("host", operand, f"is a URL on {_list(wanted)}", holds)


def scheme(operand: object) -> Matcher:
    wanted = frozenset(texts(operand, "https"))
    for one in wanted:
        if not re.fullmatch(r"[a-z][a-z0-9+.-]*", one):
            raise BadOperand(f"takes schemes in lower case and without `:`, such as https, not {show(one)}")

    def decide(value: object, facts: Facts) -> Truth:
        if type(value) is not str or _UNSAFE.search(value) or len(value) > _MAX:
            return None
        found = _SHAPE.fullmatch(value) or _NO_AUTHORITY.fullmatch(value)
        return found[1].lower() in wanted if found else None

    text = f"is a URL with the scheme {show(operand)}"
    return Matcher(name="scheme", operand=operand, text=text, kinds=TEXT, decide=decide)


def _on_url(name: str, operand: object, text: str, holds: Callable[[Address], Truth]) -> Matcher:
    def decide(value: object, facts: Facts) -> Truth:
        url = read_url(value) if type(value) is str else None
        return None if url is None else holds(url)

    return Matcher(name=name, operand=operand, text=text, kinds=TEXT, decide=decide)


def _reachable(url: Address, wanted: Hosts) -> Truth:
    return True if wanted.private or not url.private else None


def _list(wanted: Hosts) -> str:
    ports = f" (ports {', '.join(map(str, sorted(wanted.ports)))})" if wanted.ports else ""
    return show(list(wanted.hosts)) + ports + (" (private addresses too)" if wanted.private else "")


def _read_hosts(operand: object) -> Hosts:
    mapping = cast("dict[str, object]", operand) if isinstance(operand, dict) else {"hosts": operand}
    unknown = [key for key in mapping if key not in _KEYS]
    if unknown or "hosts" not in mapping:
        raise BadOperand("takes hosts, or {hosts: [api.example.com], private: allow, ports: [8443]}")
    if mapping.get("private", "allow") != "allow":
        raise BadOperand("takes `private: allow` or no `private` at all")
    private = "private" in mapping
    hosts = tuple(_read_host(one, private=private) for one in texts(mapping["hosts"], "api.example.com"))
    return Hosts(hosts=hosts, private=private, ports=_read_ports(mapping))


def _read_ports(mapping: dict[str, object]) -> frozenset[int]:
    if "ports" not in mapping:
        return frozenset()
    ports = mapping["ports"]
    items = cast("list[object]", ports) if isinstance(ports, list) else [ports]
    found = [item for item in items if type(item) is int and 0 < item < 65536]
    if not found or len(found) < len(items):
        raise BadOperand("takes `ports` from 1 to 65535, such as [443, 8443]")
    return frozenset(found)


def _read_host(text: str, *, private: bool) -> str:
    bare = text.removeprefix("*.")
    if text == "*":
        return text
    try:
        name = _canonical(bare)
    except ValueError:
        name = ""
    if not name or name != bare:
        advice = "a name in lower case (a non-ASCII one as xn--…), *.example.com, or a plain IP address"
        raise BadOperand(f"takes {advice}, not {show(text)}")
    if is_private(f"x.{name}" if bare != text else name) and not private:
        raise BadOperand(f"names {text}, which is not public; write {{hosts: [{text}], private: allow}}")
    return text
