"""Checkpoints (c2sp.org/tlog-checkpoint): what a log's first `size` lines are, signed. No I/O.

mcpbridge/6f1c…            origin: which log
20852163                   size: lines covered
CsUYapGGPo4dkMgIAUqom/…    root of the RFC 6962 tree over their hashes

— mcpbridge/6f1c… Az3grl…
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from mcpbridge.audit.merkle import HASH_BYTES
from mcpbridge.audit.note import (
    COSIGNATURE,
    Note,
    NoteError,
    Signature,
    SigningKey,
    VerifierKey,
    parse,
    sign,
    verify,
)

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_STAMP_BYTES: Final = 8
_MAX_TIME: Final = 253_402_300_799  # the last second of the year 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree head."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()
    """Lines after the root: opaque, signed with the rest. We write none and rely on none."""

    def text(self) -> str:
        """The note's text."""
        root = base64.b64encode(self.root).decode()
        return "".join(f"{line}\n" for line in (self.origin, str(self.size), root, *self.extensions))

    def signed(self, *keys: SigningKey) -> str:
        """The signed note."""
        return sign(self.text(), *keys)

    @classmethod
    def of_text(cls, text: str) -> Checkpoint:
        """From a note's text. Raises NoteError where it is not exactly a checkpoint."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise NoteError("a checkpoint has at least three lines, none of them empty: origin, size, root")
        origin, size, root, *extensions = lines[:-1]
        if _SIZE.fullmatch(size) is None:
            raise NoteError(f"the size of a checkpoint is a plain decimal number, not {size!r}")
        return cls(origin=origin, size=int(size), root=_root(root), extensions=tuple(extensions))

    @classmethod
    def of_note(cls, note: str) -> tuple[Checkpoint, Note]:
        """The checkpoint of a signed note, and the note; no signature is checked. Raises NoteError."""
        parsed = parse(note)
        return cls.of_text(parsed.text), parsed


def verified(note: str, *keys: VerifierKey) -> Checkpoint:
    """The checkpoint of a note that one of `keys` signed. Raises NoteError."""
    checkpoint, parsed = Checkpoint.of_note(note)
    verify(parsed, keys)
    return checkpoint


def cosign(text: str, key: SigningKey, *, at: int) -> bytes:
    """What a witness signs, as the data of a signature line: POSIX time and signature."""
    return at.to_bytes(_STAMP_BYTES, "big") + key.raw_signature(_cosigned(text, at))


def cosigned_at(text: str, signature: Signature, key: VerifierKey) -> int:
    """POSIX time at which the witness with `key` says that it saw the checkpoint. Raises NoteError when the
    signature is another key's, or does not hold."""
    if key.kind != COSIGNATURE or (signature.name, signature.key_id) != (key.name, key.key_id):
        raise NoteError(f"this is no cosignature of {key.name}")
    at = int.from_bytes(signature.data[:_STAMP_BYTES], "big")
    if at > _MAX_TIME or not key.holds(_cosigned(text, at), signature.data[_STAMP_BYTES:]):
        raise NoteError(f"the cosignature of {key.name} does not hold")
    return at


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _root(text: str) -> bytes:
    try:
        root = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        root = b""
    if len(root) != HASH_BYTES or base64.b64encode(root).decode() != text:
        raise NoteError(f"the root of a checkpoint is base64 of {HASH_BYTES} bytes")
    return root
