"""Encrypted reasoning: AES-GCM under the service's key, bound to the account's key, the model's family and
the prefix it was thought after.

Another account or another family of models cannot open a ciphertext: the request is refused with
`invalid_encrypted_content`. After another prefix it opens, but the model is not shown the thought, and
`response.input_transformations` says so.

The prefix is what the caller has said: the messages of the roles user, system and developer before the
reasoning, in their order and normalised, and nothing else. It leaves out what the service itself produced,
because the same conversation reaches it in several lawful forms: an mcp_call may be replayed natively or as
function_call and function_call_output, finished reasoning may be dropped, tool lists pinned or left out, and
a stored chain holds all of them. It leaves out `instructions` too, which are given anew with each request.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mcpbridge.service.errors import ApiError
from mcpbridge.service.wire import Item, is_list, is_object

_NONCE = 12
_PREFIX = "gAAAA"  # what the ciphertexts of the real service start with
_CALLER = frozenset({"user", "system", "developer"})
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")  # gpt-x-2026-01-31 is a snapshot of the family gpt-x


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a ciphertext is bound to besides its account. Empty strings bind to nothing."""

    family: str = ""
    prefix: str = ""

    @classmethod
    def to(cls, model: str, prefix: str) -> Binding:
        return cls(family=_SNAPSHOT.sub("", model), prefix=prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A thought, and whether it follows the prefix it was thought after."""

    thought: str = field(repr=False)
    in_place: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """Encrypts a thought and opens it again for the same account and model family."""

    account: str = field(repr=False)
    key: bytes = field(default_factory=lambda: AESGCM.generate_key(bit_length=256), repr=False)
    random: Callable[[int], bytes] = secrets.token_bytes

    def seal(self, thought: str, *, item_id: str, binding: Binding) -> str:
        nonce = self.random(_NONCE)
        clear = json.dumps({"id": item_id, "prefix": binding.prefix, "thought": thought}).encode()
        sealed = nonce + AESGCM(self.key).encrypt(nonce, clear, self._bound_to(binding.family))
        return _PREFIX + base64.urlsafe_b64encode(sealed).decode()

    def unseal(self, ciphertext: str, *, item_id: str, binding: Binding) -> Opened:
        """Raises ApiError `invalid_encrypted_content`."""
        try:
            if not ciphertext.startswith(_PREFIX):
                raise invalid_encrypted_content(item_id)
            raw = base64.b64decode(ciphertext[len(_PREFIX) :], altchars=b"-_", validate=True)
            clear = AESGCM(self.key).decrypt(raw[:_NONCE], raw[_NONCE:], self._bound_to(binding.family))
        except (InvalidTag, binascii.Error, ValueError):
            raise invalid_encrypted_content(item_id) from None
        opened = json.loads(clear)
        if opened["id"] != item_id:
            raise invalid_encrypted_content(item_id)
        return Opened(thought=str(opened["thought"]), in_place=opened["prefix"] == binding.prefix)

    def _bound_to(self, family: str) -> bytes:
        return hashlib.sha256(self.account.encode()).digest() + family.encode()


def prefixes(items: Sequence[Item]) -> list[str]:
    """For each item the digest of what the caller had said before it, and one more for after the last.

    One pass: each message is hashed once, however much reasoning follows it.
    """
    said = hashlib.sha256()
    digests: list[str] = [said.hexdigest()]
    for item in items:
        if item.get("type", "message") == "message" and item.get("role") in _CALLER:
            said.update(_normalised(item))
            digests.append(said.hexdigest())
        else:
            digests.append(digests[-1])
    return digests


def _normalised(message: Item) -> bytes:
    """The role and the content parts, whatever shorthand they came in: a string is one text part, and a part
    that says nothing but its default says nothing."""
    content: object = message.get("content")
    parts = content if is_list(content) else [{"type": "input_text", "text": content}]
    stated = [_stated(part) for part in parts]
    text = json.dumps([message["role"], stated], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _stated(part: object) -> object:
    if not is_object(part):
        return part
    return {name: value for name, value in part.items() if value is not None and (name, value) != _AUTO}


_AUTO = ("detail", "auto")


def invalid_encrypted_content(item_id: str) -> ApiError:
    return ApiError(
        f"The encrypted content for item {item_id} could not be verified. "
        "Reason: Encrypted content could not be decrypted or parsed.",
        code="invalid_encrypted_content",
    )


def unfinished(ciphertext: str) -> str:
    """What a stream shows before the item is done: a beginning that will not verify."""
    return ciphertext[: len(ciphertext) // 2]
