"""Encrypted reasoning: AES-GCM under the service's key, bound to the account's key and the model.

What the ciphertext hides is the model's thought; only a service that can verify it lets the model see it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mcpbridge.service.errors import ApiError

_NONCE = 12
_PREFIX = "gAAAA"  # what the ciphertexts of the real service start with


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """Encrypts a thought and opens it again for the same account and model."""

    account: str = field(repr=False)
    key: bytes = field(default_factory=lambda: AESGCM.generate_key(bit_length=256), repr=False)
    random: Callable[[int], bytes] = secrets.token_bytes

    def seal(self, thought: str, *, item_id: str, model: str) -> str:
        nonce = self.random(_NONCE)
        clear = json.dumps({"id": item_id, "thought": thought}).encode()
        sealed = nonce + AESGCM(self.key).encrypt(nonce, clear, self._bound_to(model))
        return _PREFIX + base64.urlsafe_b64encode(sealed).decode()

    def unseal(self, ciphertext: str, *, item_id: str, model: str) -> str:
        """The thought, or ApiError `invalid_encrypted_content`."""
        try:
            if not ciphertext.startswith(_PREFIX):
                raise invalid_encrypted_content(item_id)
            raw = base64.b64decode(ciphertext[len(_PREFIX) :], altchars=b"-_", validate=True)
            clear = AESGCM(self.key).decrypt(raw[:_NONCE], raw[_NONCE:], self._bound_to(model))
        except (InvalidTag, binascii.Error, ValueError):
            raise invalid_encrypted_content(item_id) from None
        opened = json.loads(clear)
        if opened["id"] != item_id:
            raise invalid_encrypted_content(item_id)
        return str(opened["thought"])

    def _bound_to(self, model: str) -> bytes:
        return hashlib.sha256(self.account.encode()).digest() + model.encode()


def invalid_encrypted_content(item_id: str) -> ApiError:
    return ApiError(
        f"The encrypted content for item {item_id} could not be verified. "
        "Reason: Encrypted content could not be decrypted or parsed.",
        code="invalid_encrypted_content",
    )


def unfinished(ciphertext: str) -> str:
    """What a stream shows before the item is done: a beginning that will not verify."""
    return ciphertext[: len(ciphertext) // 2]
