"""What the openai client takes from the environment by itself, besides the key.

OPENAI_ORG_ID, OPENAI_PROJECT_ID and the lines of OPENAI_CUSTOM_HEADERS are meant for OpenAI. The client would
send them to any base URL.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import openai

_CUSTOM: Final = "OPENAI_CUSTOM_HEADERS"
_NAMES: Final = ("OpenAI-Organization", "OpenAI-Project")
_HOST: Final = "api.openai.com"
"""Regional addresses stand before it: `eu.api.openai.com`."""


def is_openai(base_url: str) -> bool:
    """Whether this is OpenAI itself, and nobody who reads along."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    return parts.scheme == "https" and (host == _HOST or host.endswith(f".{_HOST}"))


def kept_from(base_url: str, configured: Mapping[str, str]) -> dict[str, openai.Omit]:
    """Headers that the client must leave out there: all that it would add and nobody configured."""
    if is_openai(base_url):
        return {}
    names = [name for name in (*_NAMES, *_custom()) if name.lower() != "authorization"]
    return {name: openai.Omit() for name in names if name not in configured}


def sent_values(client: openai.AsyncOpenAI) -> Iterator[str]:
    """Of what the client sends, the values that the environment gave, and the organization's names."""
    ours = _custom()
    for name, value in client.default_headers.items():
        if isinstance(value, str) and (name in _NAMES or ours.get(name) == value):
            yield value


def _custom() -> dict[str, str]:
    """Read as the client reads them."""
    lines = [line.partition(":") for line in os.environ.get(_CUSTOM, "").split("\n")]
    return {name.strip(): value.strip() for name, colon, value in lines if colon}
