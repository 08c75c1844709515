"""Seals saved conversations: an edited dump could add the user's words, grants or approvals.

HMAC-SHA256 (RFC 2104) under the bridge's state key. It proves that the text was written by somebody who
holds the key, not that it is the latest state: copies are caught by the audit (AlreadyDecided).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.raw import mapping
from mcpbridge.core.state import dumps, loads
from mcpbridge.errors import StateRefused

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Seal:
    """Seals and opens saved conversations with one key."""

    key: bytes = field(repr=False)

    def dumps(self, conversation: Conversation) -> str:
        """The conversation as sealed JSON text."""
        text = dumps(conversation)
        sealed = {"mcpbridge_state": _FORMAT, "mac": self._mac(text), "conversation": text}
        return json.dumps(sealed, separators=(",", ":"))

    def loads(self, text: str) -> Conversation:
        """The conversation in sealed text. Raises StateRefused."""
        try:
            sealed = mapping(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise StateRefused("this is not a saved mcpbridge state") from error
        inner, mac = sealed.get("conversation"), sealed.get("mac")
        if sealed.get("mcpbridge_state") != _FORMAT or not isinstance(inner, str) or not isinstance(mac, str):
            raise StateRefused("this is not a saved mcpbridge state")
        if not hmac.compare_digest(mac.encode(), self._mac(inner).encode()):
            raise StateRefused(
                "the seal of the saved state does not hold: it was edited, or written under another key"
            )
        return loads(inner)

    def _mac(self, text: str) -> str:
        return hmac.new(self.key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def load_state_key(path: Path) -> bytes:
    """The key in `path`, made on first use (mode 0600). Two processes may race: the first one wins."""
    try:
        return _read(path) if path.exists() else _made(path)
    except OSError as error:
        raise StateRefused(
            f"the state key {path} cannot be used: {error.strerror or error}; saved conversations need it"
        ) from error


def _made(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails where the name exists, on every system; a rename would replace the winner's key.
        os.link(staged, path)
    except FileExistsError:
        pass
    finally:
        staged.unlink()
    return _read(path)


def _read(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != 32:
        raise StateRefused(f"the state key {path} is not 32 bytes; restore it, or remove it to start anew")
    return key
