"""The declared anchors of a log, as sources of claims: what they keep is read where they keep it."""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mcpbridge.audit.anchors import Anchor, FileAnchor, TimestampAnchor, WitnessAnchor
from mcpbridge.audit.anchors.anchor import ANCHORS, AnchorFailed, read_anchor_line
from mcpbridge.audit.anchors.timestamp import STAMPS
from mcpbridge.audit.anchors.witness import kept_path
from mcpbridge.audit.checkpoint import Checkpoint, cosigned_at, verified
from mcpbridge.audit.counted import counted
from mcpbridge.audit.note import NoteError, VerifierKey, parse
from mcpbridge.audit.verifying.claims import LATEST, Claim
from mcpbridge.audit.verifying.outside import Account, standing
from mcpbridge.audit.verifying.result import Testimony
from mcpbridge.errors import UsageError

_LONGEST: Final = 1 << 20
"""Bytes of a line that are looked at."""
_NOT_READ: Final = "nothing is read back from it; give the file that its lines are kept in with --anchor FILE"


@dataclass(slots=True)
class Kept:
    """What one anchor keeps. Held against the log while that is read; then it testifies."""

    name: str
    origin: str
    known: Callable[[], Sequence[VerifierKey]]
    """Keys that the log was signed with so far."""
    lines: int = 0
    problem: str = ""
    first: frozenset[tuple[str, str]] = frozenset()
    """Names and ids of the keys that signed the first claim about this log there."""
    late: int = 0
    """Claims that were not compared: they came long after those about more lines."""

    @property
    def of_checkpoints(self) -> bool:
        return True

    def claims(self) -> Iterator[Claim]:
        yield from ()

    def holds(self, claim: Claim, /) -> bool:
        """Signed with a key of the log: somebody else's text in the same place is no evidence against it.

        Nobody knew the log's name before its first claim was there. So whoever signed that did sign this log,
        and if the log does not know his key any more, it is not the log that was seen.
        """
        known = self.known()
        try:
            verified(claim.evidence, *known)
        except NoteError:
            strangers = self.first - {(key.name, key.key_id) for key in known}
            return bool(strangers & _signers(claim.evidence))
        return True

    def agreed(self, claim: Claim, /) -> None:
        self.lines = claim.size

    def testimony(self) -> Testimony:
        return Testimony(name=self.name, lines=self.lines, outside=False, complete=False, detail=self.problem)


def _signers(note: str) -> frozenset[tuple[str, str]]:
    return frozenset((each.name, each.key_id) for each in parse(note).signatures)


@dataclass(slots=True)
class KeptFile(Kept):
    """Lines in a file: of a file anchor, or what a log daemon kept of those sent to it."""

    path: Path = Path()
    writer: Account | None = None
    vouched: bool = False
    """Whether whoever verifies says that it is outside."""
    borne_out: deque[Claim] = field(default_factory=lambda: deque[Claim](maxlen=LATEST))
    """The last claims that the log bears out. Their signatures are checked at the end, newest first: to check
    one takes as long as to read a hundred lines."""
    doubtful: int = 0
    """Claims that the log contradicts, signed as its keys sign, with one that it does not know: somebody made
    them up, or the log was written anew from before that key was there."""

    def claims(self) -> Iterator[Claim]:
        try:
            with self.path.open("rb") as file:
                while line := file.readline(_LONGEST):
                    found = read_anchor_line(line)
                    if found and found[1].origin == self.origin:
                        self.first = self.first or _signers(found[0])
                        yield Claim(found[1].size, found[1].root, found[0])
        except OSError as error:
            self.problem = f"it cannot be read: {error.strerror or error}"

    def holds(self, claim: Claim, /) -> bool:
        held = Kept.holds(self, claim)
        named = {name for name, _ in _signers(claim.evidence)}
        self.doubtful += not held and self.origin in named
        return held

    def agreed(self, claim: Claim, /) -> None:
        self.borne_out.append(claim)

    def testimony(self) -> Testimony:
        outside, why = self._standing()
        signed = next(filter(self._signed, reversed(self.borne_out)), None)
        self.lines = signed.size if signed else 0
        doubts = (
            f"{counted(self.late, 'line')} in it out of order and not compared" * bool(self.late),
            f"{counted(self.doubtful, 'line')} in it about another course of this log, by a key it does not "
            "know" * bool(self.doubtful),
            "what it holds is signed with no key of this log" if self.borne_out and not signed else "",
        )
        detail = "; ".join(filter(None, (self.problem, why, *doubts)))
        complete = not (self.late or self.doubtful)
        return Testimony(name=self.name, lines=self.lines, outside=outside, complete=complete, detail=detail)

    def _signed(self, claim: Claim) -> bool:
        """Whether a key of the log did. What nobody signed can be denied later, so it proves nothing now."""
        try:
            verified(claim.evidence, *self.known())
        except NoteError:
            return False
        return True

    def _standing(self) -> tuple[bool, str]:
        if self.problem:
            return False, ""
        if self.vouched:
            return True, "outside the account, as you say"
        try:
            return standing(self.path, self.writer)
        except OSError as error:
            return False, f"who can write it cannot be told: {error.strerror or error}"


@dataclass(slots=True)
class KeptCosignature(Kept):
    """The latest cosignature of a witness, kept beside the log. What came later, it has to be `asked`."""

    witness: WitnessAnchor | None = None
    directory: Path = Path()
    seen_at: datetime | None = None
    asked: Testimony | None = None
    """What the witness itself says, now."""

    def claims(self) -> Iterator[Claim]:
        assert self.witness is not None
        try:
            note = str(json.loads(kept_path(self.directory, self.witness).read_bytes())["note"])
            checkpoint, parsed = Checkpoint.of_note(note)
            signature = next(each for each in parsed.signatures if each.name == self.witness.key.name)
            at = cosigned_at(parsed.text, signature, self.witness.key)
        except (OSError, ValueError, KeyError, TypeError, StopIteration, RecursionError):
            return
        if checkpoint.origin == self.origin:
            self.seen_at = datetime.fromtimestamp(at, UTC)
            yield Claim(checkpoint.size, checkpoint.root, note)

    def testimony(self) -> Testimony:
        if self.asked is not None:
            return self.asked
        when = f"it signed them at {self.seen_at:%Y-%m-%d %H:%M UTC}" if self.seen_at and self.lines else ""
        detail = "; ".join(filter(None, (when, self.problem)))
        return Testimony(name=self.name, lines=self.lines, outside=True, complete=False, detail=detail)


@dataclass(slots=True)
class KeptStamps(Kept):
    """Time stamps beside the log. They show when, never what came later."""

    authority: TimestampAnchor | None = None
    directory: Path = Path()
    last: tuple[Claim, bytes] | None = None

    def claims(self) -> Iterator[Claim]:
        try:
            with (self.directory / ANCHORS / STAMPS).open("rb") as file:
                while line := file.readline(_LONGEST):
                    yield from self._claim(line)
        except OSError as error:
            self.problem = f"it cannot be read: {error.strerror or error}"

    def _claim(self, line: bytes) -> Iterator[Claim]:
        assert self.authority is not None
        try:
            kept: Any = json.loads(line)
            note = str(kept["note"])
            checkpoint, _ = Checkpoint.of_note(note)
            if kept["url"] == self.authority.url and checkpoint.origin == self.origin:
                yield Claim(checkpoint.size, checkpoint.root, json.dumps([note, str(kept["tsr"])]))
        except (ValueError, KeyError, TypeError, RecursionError):
            return

    def holds(self, claim: Claim, /) -> bool:
        return self._stamped(claim) is not None

    def agreed(self, claim: Claim, /) -> None:
        self.lines = claim.size
        self.last = (claim, b"")

    def testimony(self) -> Testimony:
        at = self._stamped(self.last[0]) if self.last else None
        lines = self.lines if at else 0
        when = (
            f"they existed at {at:%Y-%m-%d %H:%M:%S UTC}, which says nothing of what came later" if at else ""
        )
        detail = "; ".join(filter(None, (when, self.problem)))
        return Testimony(name=self.name, lines=lines, outside=True, complete=False, detail=detail)

    def _stamped(self, claim: Claim) -> datetime | None:
        """When, if the stamp holds."""
        assert self.authority is not None
        note, stamp = json.loads(claim.evidence)
        try:
            return self.authority.check(base64.b64decode(stamp), note)
        except (AnchorFailed, UsageError, ValueError) as error:
            self.problem = str(error)
            return None


def source_of(
    anchor: Anchor,
    directory: Path,
    *,
    origin: str,
    known: Callable[[], Sequence[VerifierKey]],
    writer: Account | None,
) -> Kept:
    """What the anchor keeps of the log in `directory`."""
    match anchor:
        case FileAnchor():
            return KeptFile(anchor.name, origin, known, path=anchor.path, writer=writer)
        case WitnessAnchor():
            return KeptCosignature(anchor.name, origin, known, witness=anchor, directory=directory)
        case TimestampAnchor():
            return KeptStamps(anchor.name, origin, known, authority=anchor, directory=directory)
        case _:
            return Kept(anchor.name, origin, known, problem=_NOT_READ)
