"""Who may ask: one client per API key. Nothing of one client is visible to another."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mcpbridge.service.errors import ApiError
from mcpbridge.service.items.reasoning import Sealer

_SHOWN = 8  # digits of a key's hash in the access log: enough to tell clients apart, useless to guess with


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The holder of one key."""

    key: str = field(repr=False)
    sealer: Sealer = field(repr=False)
    """Encrypts this client's reasoning: another key's ciphertext does not verify."""

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.key.encode()).hexdigest()[:_SHOWN]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """All who may ask."""

    clients: tuple[Client, ...]

    @classmethod
    def of(cls, keys: Sequence[str], encryption_key: bytes | None) -> Clients:
        """Raises ValueError when a key is missing, empty or given twice."""
        if not keys or not all(keys) or len({*keys}) != len(keys):
            raise ValueError("the API keys of the service must be at least one, none empty, each given once")
        secret = encryption_key or AESGCM.generate_key(bit_length=256)
        return cls(clients=tuple(Client(key=key, sealer=Sealer(account=key, key=secret)) for key in keys))

    @property
    def first_key(self) -> str:
        return self.clients[0].key

    def authenticate(self, authorization: str) -> Client:
        """The client of an Authorization header. Raises ApiError 401."""
        if not authorization:
            message = "You didn't provide an API key. Send it as a bearer token in the Authorization header."
            raise ApiError(message, status=401)
        found: Client | None = None
        for client in self.clients:  # all of them, always: the time taken tells nothing
            if hmac.compare_digest(authorization.encode(), f"Bearer {client.key}".encode()):
                found = client
        if found is None:
            raise ApiError("Incorrect API key provided.", status=401, code="invalid_api_key")
        return found
