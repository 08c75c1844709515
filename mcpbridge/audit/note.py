"""Signed notes (c2sp.org/signed-note) with Ed25519: a text that people can read, and signature lines. No I/O.

    <text, ends in a newline>

    — <key name> <base64 of key id and signature>

Keys are written as in Go's sumdb: `name+1a2b3c4d+AZ…` to verify, `PRIVATE+KEY+name+1a2b3c4d+AZ…` to sign.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519: Final = 0x01
"""Signature type of a plain signature over the text."""
COSIGNATURE: Final = 0x04
"""Signature type of a witness's time-stamped signature (c2sp.org/tlog-cosignature)."""
_PRIVATE: Final = "PRIVATE+KEY+"
_KEY_BYTES: Final = 32
_ID: Final = re.compile(r"[0-9a-f]{8}")
_MAX_SIGNATURES: Final = 64
"""More than that is no note of ours. The specification asks for at least 16."""
_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f]")


class NoteError(ValueError):
    """A note or a key that is not well formed, or a signature that does not hold."""


class Signature(NamedTuple):
    """One signature line, not checked."""

    name: str
    key_id: str
    """8 hex digits."""
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note taken apart. Nothing is checked but its form: see `verify`."""

    text: str
    """With its last newline."""
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """The public half of a key."""

    name: str
    public: bytes
    kind: int = ED25519

    @property
    def key_id(self) -> str:
        """First 4 bytes, in hex, of SHA-256(name, newline, kind, public key)."""
        return sha256(self.name.encode() + b"\n" + self._material).hexdigest()[:8]

    @property
    def _material(self) -> bytes:
        return bytes([self.kind]) + self.public

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id}+{base64.b64encode(self._material).decode()}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """From `name+id+base64`. Raises NoteError."""
        name, key_id, kind, public = _parse_key(text.strip(), "verifier key")
        if kind not in (ED25519, COSIGNATURE):
            raise NoteError(
                f"the key {name!r} is of type {kind}; only Ed25519 (1) and its cosignatures (4) are known"
            )
        key = cls(name=name, public=public, kind=kind)
        if key.key_id != key_id:
            raise NoteError(
                f"the key {name!r} does not have the id {key_id} that it is given: it was mistyped"
            )
        return key

    def holds(self, message: bytes, signature: bytes) -> bool:
        """Whether this key made the Ed25519 `signature` of `message`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """The private half. Never shown: `text()` is for the file or store that it is kept in."""

    name: str
    seed: bytes = field(repr=False)
    kind: int = ED25519

    @property
    def verifier(self) -> VerifierKey:
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return VerifierKey(name=self.name, public=public, kind=self.kind)

    def raw_signature(self, message: bytes) -> bytes:
        """Ed25519 (RFC 8032) of exactly these bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    def text(self) -> str:
        material = base64.b64encode(bytes([self.kind]) + self.seed).decode()
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id}+{material}"

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """From `PRIVATE+KEY+name+id+base64`. Raises NoteError, which never repeats the key."""
        stripped = text.strip()
        if not stripped.startswith(_PRIVATE):
            raise NoteError("a signing key begins with PRIVATE+KEY+")
        name, key_id, kind, seed = _parse_key(stripped.removeprefix(_PRIVATE), "signing key")
        if kind != ED25519:
            raise NoteError(f"the signing key {name!r} is of type {kind}; only Ed25519 (1) is known")
        key = cls(name=name, seed=seed)
        if key.verifier.key_id != key_id:
            raise NoteError(f"the signing key {name!r} does not have the id {key_id} that it is given")
        return key


def check_name(name: str) -> str:
    """`name`, when a key may have it. Raises NoteError."""
    if not name or "+" in name or any(character.isspace() for character in name) or _CONTROL.search(name):
        raise NoteError(f"{name!r} is no name for a key: it may hold neither spaces nor a plus sign")
    return name


def sign(text: str, *keys: SigningKey) -> str:
    """The signed note. `text` ends in a newline. Raises NoteError for a text that no note may have."""
    _check_text(text)
    lines = [signature_line(key.verifier, key.raw_signature(text.encode())) for key in keys]
    return f"{text}\n{''.join(lines)}"


def signature_line(key: VerifierKey, data: bytes) -> str:
    """What follows the blank line: with its newline."""
    return f"— {key.name} {base64.b64encode(bytes.fromhex(key.key_id) + data).decode()}\n"


def parse(note: str) -> Note:
    """Take a note apart. Raises NoteError when it has not the form of one."""
    text, blank, lines = note.rpartition("\n\n")
    text += "\n"
    _check_text(text)
    if not blank or not lines.endswith("\n"):
        raise NoteError("a signed note ends in signature lines after a blank line")
    return Note(text=text, signatures=tuple(signatures(lines)))


def signatures(lines: str) -> Iterator[Signature]:
    """The signature lines, each with its newline. Raises NoteError."""
    found = lines.split("\n")
    if found.pop() or not found or len(found) > _MAX_SIGNATURES:
        raise NoteError(f"a signed note has from 1 to {_MAX_SIGNATURES} signature lines")
    for line in found:
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        data = _decoded(encoded)
        if dash != "—" or data is None or len(data) < 5:
            raise NoteError("a signature line is a long dash, a key's name and base64")
        yield Signature(check_name(name), data[:4].hex(), data[4:])


def verify(note: Note, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Those of `keys` that signed the note. Raises NoteError when none did, or when one of their signatures
    does not hold. Signatures of other keys are ignored, as the specification asks. Plain signatures only:
    cosignatures are checked by `checkpoint.cosigned_at`."""
    known = {(key.name, key.key_id): key for key in keys if key.kind == ED25519}
    signed: list[VerifierKey] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None or key in signed:
            continue
        if not key.holds(note.text.encode(), signature.data):
            raise NoteError(f"the signature of {key.name} ({key.key_id}) does not hold")
        signed.append(key)
    if not signed:
        raise NoteError("no key that is known here signed it")
    return tuple(signed)


def _check_text(text: str) -> None:
    if not text.endswith("\n") or text == "\n" or _CONTROL.search(text):
        raise NoteError("the text of a note ends in a newline and has no control characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NoteError("the text of a note is UTF-8") from None


def _parse_key(text: str, what: str) -> tuple[str, str, int, bytes]:
    """Name, id, kind and the 32 bytes."""
    name, plus, rest = text.partition("+")
    key_id, second, encoded = rest.partition("+")
    material = _decoded(encoded)
    if (
        not plus
        or not second
        or _ID.fullmatch(key_id) is None
        or material is None
        or len(material) != _KEY_BYTES + 1
    ):
        raise NoteError(
            f"this is no {what}: one is written name+8 hex digits+base64 of {_KEY_BYTES + 1} bytes"
        )
    return check_name(name), key_id, material[0], material[1:]


def _decoded(text: str) -> bytes | None:
    """Standard base64 in its one canonical form; None for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None
