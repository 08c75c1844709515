"""Replacing a log's keys: written into the log, the new signing key vouched for by the old one.

mcpbridge key rotation
mcpbridge/6f1c…                 which log
mcpbridge/6f1c…+1a2b3c4d+AZ…    the key until now, or `lost`
mcpbridge/6f1c…+5e6f7a8b+AZ…    the key from now on

— signatures of both (of the new one alone when the old one is lost)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcpbridge.audit.note import Note, NoteError, SigningKey, VerifierKey, parse, sign, verify

_TITLE: Final = "mcpbridge key rotation"
_LOST: Final = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """A signed note that one key follows another."""

    origin: str
    old: VerifierKey | None
    """None when it is lost."""
    new: VerifierKey
    note: Note

    @property
    def lost(self) -> bool:
        return self.old is None

    @classmethod
    def parse(cls, text: str) -> Voucher:
        """From a signed note; nothing is checked but its form. Raises NoteError."""
        note = parse(text)
        lines = note.text.split("\n")
        if len(lines) != 5 or lines[0] != _TITLE:
            raise NoteError("this is no voucher for a key")
        old = None if lines[2] == _LOST else VerifierKey.parse(lines[2])
        return cls(origin=lines[1], old=old, new=VerifierKey.parse(lines[3]), note=note)

    def check(self, origin: str) -> None:
        """Raises NoteError unless it is about this log, and signed by all keys that it names."""
        if self.origin != origin:
            raise NoteError(f"it is about another log ({self.origin})")
        for key in (self.new, *([self.old] if self.old else [])):
            verify(self.note, [key])


def vouch(origin: str, old: SigningKey | None, new: SigningKey) -> str:
    """The signed note of a rotation; `old` is None when that key is lost."""
    before = str(old.verifier) if old else _LOST
    text = f"{_TITLE}\n{origin}\n{before}\n{new.verifier}\n"
    return sign(text, *([old] if old else []), new)
