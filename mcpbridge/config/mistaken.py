"""What people write for a server because other programs call it so → what to write here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, get_args

from mcpbridge.config.suggest import closest
from mcpbridge.core.offered import Offer

KEYS: Final[Mapping[str, str]] = {
    "args": "write arguments into command: [PROGRAM, ARGUMENT]",
    "name": "write label",
    "server_label": "write label",
    "server_url": "write url",
}
_HTTP: Final = frozenset({"http", "https", "streamable", "streamable_http", "streamableHttp"})
_DATE: Final = re.compile(r"20\d\d-\d\d-\d\d", re.ASCII)
_LAST_OLD: Final = "2025-11-25"
"""The last protocol with a handshake and a session."""


def transport_meant(word: str, *, command: bool) -> str:
    """Empty where nothing is known about the word."""
    if command:
        return "a command speaks over its standard input and output; remove transport"
    if word == "stdio":
        return "a url is reached over HTTP; remove transport, or write command in place of the url"
    return "write streamable-http, or leave it out" if word in _HTTP else ""


def protocol_meant(word: str) -> str:
    """Empty where it is no date of an older protocol."""
    old = _DATE.fullmatch(word) is not None and word <= _LAST_OLD
    return f"write legacy, which is every protocol up to {_LAST_OLD}" if old else ""


def offer_meant(written: object) -> str:
    """For one word that should be a list."""
    known = get_args(Offer)
    word = closest(written, known) if isinstance(written, str) else ""
    return f"write [{word or ', '.join(known)}]"
