"""What a URL in a configuration must look like, and the part of it that names the server."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

_CREDENTIAL_NAME: Final = re.compile(
    r"^(key|auth)$|(api|access|secret)[-_]?key$|token$|secret$|password$", re.IGNORECASE
)
_PORTS: Final = {"http": 80, "https": 443}
PROXY: Final = re.compile(r"(https?|socks5h?)://")


def url_problem(url: str, *, allow_http: bool) -> str | None:
    """Why `url` is refused, or None. The sentence never repeats the URL: it may hold a credential."""
    if "${" in url:
        return (
            "a URL holds no ${…}: it names the server in rules and in the log; put credentials into headers"
        )
    if not url.isascii() or not url.isprintable() or " " in url:
        return "a URL holds no spaces, controls or characters outside ASCII; write it percent-encoded"
    parts = _split(url)
    if parts is None or parts.scheme not in _PORTS or not parts.hostname:
        return "write a whole URL that begins with https://"
    return _part_problem(parts) or _http_problem(parts, allow_http)


def _part_problem(parts: SplitResult) -> str | None:
    if "@" in parts.netloc:
        return "a URL holds no user or password; write headers: {Authorization: …}"
    if parts.fragment:
        return "remove the # and what follows it; it is never sent"
    if credential_in_query(parts.query):
        return "a URL holds no credential (its query names one); write headers: {Authorization: …}"
    return None


def _http_problem(parts: SplitResult, allow_http: bool) -> str | None:
    if parts.scheme == "https" or allow_http or is_loopback(parts.hostname or ""):
        return None
    return "http is readable on the way; write https://, or allow_http: true beside it"


def credential_in_query(query: str) -> bool:
    """Whether a query parameter is named like a credential."""
    return any(looks_like_credential_name(name) for name, _ in parse_qsl(query, keep_blank_values=True))


def looks_like_credential_name(name: str) -> bool:
    """`api_key`, `X-Auth-Token`, `client_secret` …"""
    return _CREDENTIAL_NAME.search(name) is not None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine for certain: `localhost`, 127.0.0.0/8, ::1."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def url_identity(url: str) -> str:
    """A URL that passed `url_problem`, without default port, the host in lower case.

    A query may choose a tenant, so it is part of the identity; it may also hold what nobody should read, so
    it is there as the beginning of its SHA-256.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    query = f"?sha256:{hashlib.sha256(parts.query.encode()).hexdigest()[:12]}" if parts.query else ""
    return f"{parts.scheme}://{shown}{port}{parts.path}{query}"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is no port number
    except ValueError:
        return None
    return parts
