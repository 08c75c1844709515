"""Looking for a secret however it may be written."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote


def written(secret: str) -> Iterator[str]:
    """As it is, and as servers, encoders and people who mean it otherwise write it."""
    yield from _plainly(secret)
    for before in (b"", b"x", b"xx"):
        yield base64.b64encode(before + secret.encode() + b"more").decode()
        yield base64.urlsafe_b64encode(before + secret.encode() + b"more").decode()


def searched(secret: str) -> Iterator[str]:
    """What must not be found: the same, but of Base64 only what the secret alone determines."""
    yield from _plainly(secret)
    yield from (text[4:-8] for text in written(secret) if text not in _plainly(secret))


def _plainly(secret: str) -> tuple[str, ...]:
    data = secret.encode()
    return (
        secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret),
        quote(secret, safe=""), data.hex(), data.hex().upper(), secret[::-1],
    )  # fmt: skip


def found(places: dict[str, str], *secrets: str) -> list[str]:
    """Where a secret is, in any of its spellings."""
    return [
        f"{place}: {text!r}"
        for place, content in places.items()
        for secret in secrets
        for text in searched(secret)
        if text in content
    ]
