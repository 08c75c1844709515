"""Who may sign a log's checkpoints: the first key, and each one that the key before it vouched for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from mcpbridge.audit.counted import counted
from mcpbridge.audit.keys.rotation import Voucher
from mcpbridge.audit.note import Note, NoteError, VerifierKey, verify

_OURS = "mcpbridge/"
"""Keys that the log itself makes are named after it."""


class _Held(NamedTuple):
    """The last checkpoint of a run under one key. Its signature covers all that the others covered, so it
    is the only one that has to be checked: checking one takes as long as reading a hundred lines."""

    key: VerifierKey
    note: Note
    size: int
    where: int


class Signers:
    """Follows the keys through one log."""

    def __init__(
        self, known: Iterable[VerifierKey], trusted: Iterable[VerifierKey], *, missing: str = ""
    ) -> None:
        """`known`: kept beside the log; they tell which key signed. `trusted`: pinned or remembered.
        `missing`: what of `keys/` is not there."""
        known = tuple(known)
        self._missing, self._kept = missing, frozenset(known)
        self._trusted = set(trusted)
        self._known = {_name(key): key for key in (*known, *self._trusted)}
        self._held: _Held | None = None
        self._announced: dict[VerifierKey, bool] = {}
        """Keys that a rotation made the next one; whether the key before vouched for it."""
        self.signed = 0
        """Lines that the last checkpoint covers whose signature holds."""
        self.signer: VerifierKey | None = None
        self.warnings: list[str] = []
        self.strangers = False
        """Whether a checkpoint was signed with a key that is not known."""

    @property
    def trusted(self) -> bool:
        return self.signer is not None and self.signer in self._trusted

    @property
    def kept(self) -> bool:
        """Whether the key that signed is kept beside the log; else a record of a change of keys names it, or
        whoever verifies."""
        return self.signer in self._kept

    @property
    def pinned(self) -> bool:
        """Whether the verifier knows a key of this log from elsewhere."""
        return bool(self._trusted)

    @property
    def known(self) -> tuple[VerifierKey, ...]:
        return tuple(self._known.values())

    def checkpoint(self, note: Note, *, origin: str, size: int, where: int) -> str:
        """A checkpoint in the log; what is wrong with who signed it, or ""."""
        key = next(
            (self._known[name] for name in map(_signature, note.signatures) if name in self._known), None
        )
        if key is None:
            return self._stranger(note)
        if key.name.startswith(_OURS) and key.name != origin:
            return f"this checkpoint is signed with the key of another log ({key.name})"
        problem = self._change(key) if self._held and self._held.key != key else ""
        self._held = _Held(key, note, size, where)
        return problem

    def _stranger(self, note: Note) -> str:
        """Whose key is not known: no evidence of anything, unless a known key had signed before."""
        self.signer = None
        names = ", ".join(sorted({f"{name} ({key_id})" for name, key_id in map(_signature, note.signatures)}))
        if self._held is not None:
            return f"this checkpoint is signed by {names}, for whom the key before it did not vouch"
        warning = f"{self._lacks(names)}: what it signed is not checked; {self._restore()}"
        if warning not in self.warnings:
            self.warnings.append(warning)
        self.strangers = True
        return ""

    def _lacks(self, names: str) -> str:
        if self._missing:
            return f"{self._missing} is missing, and with it the key {names}"
        return f"keys/verifier.keys lacks the key {names}"

    def _restore(self) -> str:
        rest = " (verifier.keys to check signatures, the others to go on writing)"
        what = f"keys/{rest}" if self._missing == "keys/" else "keys/verifier.keys"
        return f"restore {what} from a backup, or give that key with --key VKEY"

    def _change(self, key: VerifierKey) -> str:
        assert self._held is not None
        if before := self.settle():
            return before
        if key not in self._announced:
            return (
                f"this checkpoint is signed with the key {key.key_id}, which the key before it "
                f"({self._held.key.key_id}) did not vouch for"
            )
        if self._announced.pop(key) and self._held.key in self._trusted:
            self._trusted.add(key)
        return ""

    def settle(self) -> str:
        """Check the signature held last; what is wrong with it, or ""."""
        if self._held is None:
            return ""
        try:
            verify(self._held.note, [self._held.key])
        except NoteError as error:
            return f"the checkpoint of the first {counted(self._held.size, 'line')}: {error}"
        self.signed, self.signer = self._held.size, self._held.key
        return ""

    def rotation(self, record: dict[str, Any], *, origin: str) -> str:
        """A record that replaces the signing key; what is wrong with it, or ""."""
        if record.get("kind") != "signing":
            return ""
        try:
            voucher = Voucher.parse(str(record.get("voucher")))
            voucher.check(origin)
        except NoteError as error:
            return f"this change of keys cannot be followed: {error}"
        if voucher.lost:
            self.warnings.append(
                f"record {record.get('seq')} replaced the signing key without the old one's word, as lost: "
                f"ask who did that, and compare the new key ({voucher.new.key_id})"
            )
        elif self._held is not None and voucher.old != self._held.key:
            return "this change of keys does not come from the key in use"
        self._known[_name(voucher.new)] = voucher.new
        self._announced = {voucher.new: not voucher.lost}
        return ""


def _name(key: VerifierKey) -> tuple[str, str]:
    return key.name, key.key_id


def _signature(signature: Any) -> tuple[str, str]:
    return signature.name, signature.key_id
