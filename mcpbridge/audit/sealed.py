"""Arguments that only a reviewer can read, and that can be made unreadable without breaking the chain.

Each sealed record has an age key of its own. The line holds the arguments, encrypted to that key; the key is
kept outside, in `sealed/<SHA-256 of the file>.age`, encrypted to the reviewers. Whoever destroys that file
has destroyed the arguments in every copy of the log, and no line has changed. Both are plain age files: the
`age` program opens them too (https://age-encryption.org/v1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple, cast

from mcpbridge.audit.blobs import KEY_FOLDER, KEY_SUFFIX, Blob, read_blob
from mcpbridge.errors import UsageError

_EXTRA: Final = "the audit level sealed needs age: pip install 'mcpbridge[sealed]'"
_SSH: Final = ("ssh-ed25519 ", "ssh-rsa ")


class Sealing(NamedTuple):
    """What is sealed of one record: the line's member, and the key file to store before the line."""

    member: dict[str, str]
    key: Blob


class Sealer:
    """Encrypts to reviewers. Raises UsageError for a recipient that is none, or where age is missing."""

    __slots__ = ("_age", "_recipients")

    def __init__(self, recipients: Iterable[str]) -> None:
        self._age = _age()
        self._recipients = [_recipient(self._age, text) for text in recipients]
        if not self._recipients:
            raise UsageError(
                "the audit level sealed encrypts to reviewers and none is named; write audit: {recipients: "
                "[age1…]} (`age-keygen` makes a key, the public one goes here)"
            )

    def seal(self, secret: dict[str, Any]) -> Sealing:
        """Encrypt what the line may not show. `secret` is plain JSON."""
        key = self._age.x25519.Identity.generate()
        text = json.dumps(secret, ensure_ascii=False, separators=(",", ":")).encode()
        data: bytes = self._age.encrypt(text, [key.to_public()])
        wrapped: bytes = self._age.encrypt(f"{key}\n".encode(), self._recipients)
        name = hashlib.sha256(wrapped).hexdigest()
        member = {"key": name, "data": base64.b64encode(data).decode()}
        return Sealing(member, Blob(name, wrapped, suffix=KEY_SUFFIX))


class Opener:
    """Opens what was sealed to one of these identities."""

    __slots__ = ("_age", "_folder", "_identities")

    def __init__(self, directory: Path, identities: Sequence[Path]) -> None:
        """`identities` are files as `age-keygen` writes them, or SSH private keys without a passphrase."""
        self._age = _age()
        self._folder = directory / KEY_FOLDER
        self._identities = [one for path in identities for one in _identities(self._age, path)]

    def open(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record with what was sealed in it; as it is, with `unreadable` saying why, where that fails."""
        sealed = record.get("sealed")
        if not isinstance(sealed, dict):
            return record
        member = cast("dict[str, Any]", sealed)
        try:
            opened = self._opened(str(member.get("key", "")), str(member.get("data", "")))
        except _Closed as why:
            return {**record, "unreadable": str(why)}
        return {name: value for name, value in record.items() if name != "sealed"} | opened

    def _opened(self, name: str, data: str) -> dict[str, Any]:
        wrapped = read_blob(self._folder, name + KEY_SUFFIX)
        if wrapped is None:
            raise _Closed("its key is gone: it was erased, or sealed/ is incomplete")
        if hashlib.sha256(wrapped).hexdigest() != name:
            raise _Closed("its key file was altered")
        try:
            key = self._age.decrypt(wrapped, self._identities).decode().strip()
            text = self._age.decrypt(
                base64.b64decode(data, validate=True), [self._age.x25519.Identity.from_str(key)]
            )
            found: Any = json.loads(text)
        except self._age.DecryptError:
            raise _Closed("it is not sealed to this identity, or was altered") from None
        except (binascii.Error, ValueError, self._age.IdentityError):
            raise _Closed("what is sealed in it cannot be read") from None
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


class _Closed(Exception):
    """Why a record stays sealed; a sentence."""


def sealed_key(record: dict[str, Any]) -> str | None:
    """The name of the key of a sealed record."""
    sealed = record.get("sealed")
    name = cast("dict[str, Any]", sealed).get("key") if isinstance(sealed, dict) else None
    return name if isinstance(name, str) else None


def key_path(directory: Path, name: str) -> Path:
    """Where the key of a sealed record is."""
    return directory / KEY_FOLDER / (name + KEY_SUFFIX)


def check_recipient(text: str) -> str | None:
    """What is wrong with a recipient; None where age takes it, or where age is not here to ask."""
    try:
        age = _age()
    except UsageError:
        known = text.startswith(("age1", *_SSH))
        return None if known else "write a public key: age1… or ssh-ed25519 …"
    try:
        _recipient(age, text)
    except UsageError as error:
        return str(error).removeprefix("recipients: ")
    return None


def _age() -> ModuleType:
    try:
        return importlib.import_module("pyrage")
    except ImportError:
        raise UsageError(_EXTRA) from None


def _recipient(age: ModuleType, text: str) -> Any:
    if text.upper().startswith("AGE-SECRET-KEY-") or "PRIVATE KEY" in text:
        raise UsageError(
            "recipients: a private key stands here; write the public one (age1…), and make a new pair"
        )
    kind = age.ssh if text.startswith(_SSH) else age.x25519
    try:
        return kind.Recipient.from_str(text)
    except age.RecipientError:
        # Not repeated: it may be anything that was pasted here.
        raise UsageError(
            "recipients: this is no public key that age knows; write age1…, ssh-ed25519 … or ssh-rsa …"
        ) from None


def _identities(age: ModuleType, path: Path) -> list[Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"--identity {path}: {error.strerror or error}") from error
    try:
        if b"PRIVATE KEY" in data:
            return [age.ssh.Identity.from_buffer(data)]
        lines = [line.strip() for line in data.decode().splitlines()]
        found = [age.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (age.IdentityError, UnicodeDecodeError):
        found = []
    if not found:
        raise UsageError(
            f"--identity {path}: no identity that age knows; write a file of `age-keygen`, or an SSH key "
            "without a passphrase"
        )
    return found
