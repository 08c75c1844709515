"""Where a server's redirect points: told, never followed to another place, and only recommended where one
may have meant it."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from mcpbridge.adapters.mcp_servers.private_addresses import is_private
from mcpbridge.config.urls import is_loopback

_PLACE: Final = re.compile(r"Redirect to (\S+) not followed")
"""How the SDK (2.3.0) words it; its own advice is to declare whatever the server points to."""


def place_of(message: str) -> str:
    """The address in the SDK's words; empty where there is none."""
    found = _PLACE.match(message)
    return "" if found is None else found[1]


def declared_instead(place: str) -> str:
    """What to write, to be put behind the reason; nothing for an address of this machine or of a private
    network, which a server has no business to point to."""
    try:
        parts = urlsplit(place)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if not host or is_loopback(host) or _literal_private(host):
        return ""
    what = "that URL" if parts.scheme == "https" else "its https URL"
    return f"; if that is the server you mean, declare {what}"


def _literal_private(host: str) -> bool:
    try:
        return is_private(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return False
