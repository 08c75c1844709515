"""What a verification found, for programs and for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from mcpbridge.audit.chain import GENESIS, Flaw
from mcpbridge.audit.counted import counted

UNFINISHED: Final = "unfinished last record (a crash, or a writer at work)"


class Status(StrEnum):
    """What a log is worth as evidence."""

    SEALED = "sealed"
    """Intact, and an anchor that the writing account cannot change vouches for every record."""
    UNSEALED = "unsealed"
    """Intact; no such anchor vouches for all of it."""
    TAMPERED = "tampered"
    UNUSABLE = "unusable"
    """There is nothing to check."""

    @property
    def exit_code(self) -> int:
        """For `mcpbridge audit verify`."""
        return _EXIT[self]


_EXIT: Final = {Status.SEALED: 0, Status.UNSEALED: 3, Status.TAMPERED: 1, Status.UNUSABLE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """What one anchor says about the log."""

    name: str
    lines: int
    """Lines from the first that it vouches for as they stand here; 0 when none."""
    outside: bool
    """Whether the account that writes the log cannot change it."""
    complete: bool
    """Whether it would have shown a later end of the log, had there been one."""
    detail: str
    """Why it is outside or not, when it saw the log, or what is wrong with it."""

    @property
    def seals(self) -> bool:
        return self.outside and self.complete and self.lines > 0

    def __str__(self) -> str:
        said = f"agrees on lines 1-{self.lines}" if self.lines else "says nothing about this log"
        return f"{self.name}: {said}{f'; {self.detail}' if self.detail else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """Records that no anchor outside the writing account vouches for."""

    records: int
    first_seq: int
    last_seq: int

    def __str__(self) -> str:
        return f"{counted(self.records, 'record')} unsealed, seq {self.first_seq}-{self.last_seq}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result; `str()` is for people."""

    path: Path
    status: Status
    records: int = 0
    """Without the log's own checkpoints."""
    lines: int = 0
    """With them: the `seq` of the last line."""
    first_seq: int = 1
    """More than 1 when retention removed what was before."""
    head: str = GENESIS
    """Hash of the last whole line: write it down elsewhere, and a cut tail shows later."""
    root: str = ""
    """Root of the Merkle tree over all lines, hex."""
    origin: str = ""
    """The log's own name, in all its checkpoints."""
    checkpoints: int = 0
    signed: int = 0
    """Lines that the last checkpoint covers whose signature holds."""
    signer: str = ""
    """Verifier key of that checkpoint; pin it with `--key`."""
    trusted: bool = False
    """Whether that key was pinned or remembered, or is vouched for by one that was."""
    signer_kept: bool = True
    """Whether that key is kept beside the log, in `keys/`."""
    unsealed: Unsealed | None = None
    copy_of: str = ""
    """Where the log stands that goes on from this one's last line: this is a copy (an archive, perhaps) that
    ends before what was seen there, and was not cut."""
    anchors: tuple[Testimony, ...] = ()
    warnings: tuple[str, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    """The first of what is wrong, by line."""
    flaw_count: int = 0
    unfinished: int = 0
    """Bytes after the last whole line: a writer was stopped, or is writing right now. No record is in them,
    and the next opening cuts them off and records that."""
    problem: str = ""
    """Why there is nothing to check."""

    @property
    def exit_code(self) -> int:
        return self.status.exit_code

    def __str__(self) -> str:
        if self.status is Status.UNUSABLE:
            return f"{self.path}: unusable: {self.problem}"
        return "\n".join([f"{self.path}: {self._verdict()}", *(f"  {line}" for line in self._details())])

    def _verdict(self) -> str:
        if self.status is Status.TAMPERED:
            return "tampered"
        if self.status is Status.SEALED:
            return f"sealed: {counted(self.records, 'record')}, head {self.head[:16]}"
        sealed = max((anchor.lines for anchor in self.anchors if anchor.seals), default=0)
        seen = (
            f"sealed up to seq {sealed}"
            if sealed
            else "no anchor outside the writing account says where it ends"
        )
        what = self.unsealed or "all of it sealed, but not the whole log"
        return f"the chain is intact, {what} ({seen}), head {self.head[:16]}"

    def _details(self) -> list[str]:
        if self.status is Status.TAMPERED:
            more = self.flaw_count - len(self.flaws)
            return [*map(str, self.flaws), *([f"and {more} more"] if more else []), *self.warnings]
        unfinished = [f"{UNFINISHED}: {counted(self.unfinished, 'byte')}"] if self.unfinished else []
        return [*self._signed(), *map(str, self.anchors), *unfinished, *self.warnings]

    def _signed(self) -> list[str]:
        if not self.signer and self.checkpoints:
            return ["signed with a key that is not known here: give it with --key"]
        if not self.signer:
            return ["no checkpoint: nothing is signed"]
        name, key_id, _ = self.signer.split("+", 2)
        return [f"signed up to seq {self.signed} by {name} ({key_id}), {self._trust()}"]

    def _trust(self) -> str:
        if self.trusted:
            return "a key you trust"
        if self.signer_kept:
            return "a key kept beside the log; pin yours with --key"
        return "a key that only the log's own record of a change of keys names; pin yours with --key"

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, as `mcpbridge audit verify --json` prints it."""
        return {
            "path": str(self.path),
            "status": self.status.value,
            "exit_code": self.exit_code,
            "records": self.records,
            "lines": self.lines,
            "first_seq": self.first_seq,
            "head": self.head,
            "root": self.root,
            "origin": self.origin,
            "checkpoints": self.checkpoints,
            "signed": self.signed,
            "signer": self.signer,
            "trusted": self.trusted,
            "signer_kept": self.signer_kept,
            "unsealed": None if self.unsealed is None else {
                "records": self.unsealed.records,
                "first_seq": self.unsealed.first_seq,
                "last_seq": self.unsealed.last_seq,
            },
            "copy_of": self.copy_of,
            "anchors": [
                {"name": each.name, "lines": each.lines, "outside": each.outside, "complete": each.complete,
                 "detail": each.detail}
                for each in self.anchors
            ],
            "warnings": list(self.warnings),
            "flaws": [
                {"file": flaw.file, "line": flaw.line, "kind": flaw.kind.value, "message": flaw.message}
                for flaw in self.flaws
            ],
            "flaw_count": self.flaw_count,
            "unfinished_bytes": self.unfinished,
            "problem": self.problem,
        }  # fmt: skip
