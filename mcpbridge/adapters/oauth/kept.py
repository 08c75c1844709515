"""What is kept of a login: tokens, their expiry, and the client and authorization server they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcpbridge.core.raw import mapping

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One server's tokens. Whatever is secret in it has no repr."""

    access_token: str = field(default="", repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    scope: str | None = None
    expires_at: float | None = None
    """POSIX time; None where the authorization server did not say."""
    client: Mapping[str, Any] | None = field(default=None, repr=False)
    """RFC 7591 client information: how we are known to the authorization server."""
    metadata: Mapping[str, Any] | None = None
    """RFC 8414 authorization server metadata: where tokens are renewed."""
    resource: Mapping[str, Any] | None = None
    """RFC 9728 protected resource metadata."""
    authorization_server: str | None = None

    def dumps(self, identity: str) -> str:
        """As text. `identity` is the server that the tokens are for."""
        parts = {name: getattr(self, name) for name in _PARTS}
        return json.dumps({"format": _FORMAT, "server": identity, **parts}, separators=(",", ":"))

    @classmethod
    def loads(cls, text: str, identity: str) -> Kept | None:
        """From text; None where it is not ours, or another server's."""
        try:
            found = mapping(json.loads(text))
        except (ValueError, RecursionError):
            return None
        if found.get("format") != _FORMAT or found.get("server") != identity:
            return None
        parts: dict[str, Any] = {name: found[name] for name in _PARTS if name in found}
        return cls(**parts)


_PARTS = tuple(Kept.__dataclass_fields__)
