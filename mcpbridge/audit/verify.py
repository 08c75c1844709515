"""Checking a whole log, in one pass and in little memory. Writes nothing but what it remembers.

An intact chain proves that nothing inside it was changed, not that nothing is missing at its end, and whoever
holds the log's keys can write all of it anew. Only somebody else who saw it can tell: see anchors/. Without
one that the writing account cannot change, an intact log is `unsealed`, never simply fine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mcpbridge.audit.anchors import Anchor, WitnessAnchor
from mcpbridge.audit.chain import FlawKind
from mcpbridge.audit.counted import counted
from mcpbridge.audit.keys import key_warnings, verifier_keys
from mcpbridge.audit.keys.places import missing_of
from mcpbridge.audit.note import VerifierKey
from mcpbridge.audit.read import NO_LOG
from mcpbridge.audit.segments import LOG_NAME, first_of, segments
from mcpbridge.audit.verifying.asking import ask
from mcpbridge.audit.verifying.beside import SecondProcess
from mcpbridge.audit.verifying.claims import Source
from mcpbridge.audit.verifying.copies import archive_of, copy_of, may_be_copy
from mcpbridge.audit.verifying.gone import gone_from
from mcpbridge.audit.verifying.heads import Head, Heads, Remembered
from mcpbridge.audit.verifying.outside import writer_of
from mcpbridge.audit.verifying.result import UNFINISHED, Status, Testimony, Unsealed, Verification
from mcpbridge.audit.verifying.scan import Scan
from mcpbridge.audit.verifying.signers import Signers
from mcpbridge.audit.verifying.sources import Kept, KeptCosignature, KeptFile, source_of
from mcpbridge.audit.verifying.start import origin_of, start_of
from mcpbridge.errors import AuditUnavailable

_TRIES: Final = 3
"""Passes over a log that grows so fast that a witness has always seen more than the pass."""

_SECOND: Final = SecondProcess()


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What a log is held against, beside itself."""

    keys: Sequence[VerifierKey] = ()
    """Keys you trust to sign it; empty: those you saw the last time, else those kept beside the log."""
    anchors: Sequence[Anchor] = ()
    outside: Sequence[Path] = ()
    """Files with checkpoints that you know to be out of reach of the account that writes the log."""
    heads: Heads | None = None
    """What you saw the last time. What is seen now is remembered there, unless the log was tampered with."""
    log: Path | None = None
    """Where the log itself stands that the anchors are about; what is verified may be an archive of it."""
    ask: bool = True
    """Whether witnesses are asked now; else their last answer is taken, which shows no cut."""


def verify(
    directory_or_file: str | Path,
    against: Against | None = None,
    *,
    second: SecondProcess = _SECOND,
) -> Verification:
    """Check every line, the chain, checkpoints, the texts that lines refer to, and what others saw of it.

    Of a long log, a `second` process of this Python reads parts, where it can be started; what it says never
    makes this less strict.
    """
    path = Path(directory_or_file)
    shown = path if _closed_only(path) else log_path(path)
    against = against or Against()
    try:
        return _verified(path, shown, against, second)
    except FileNotFoundError as error:
        if path.is_dir() and error.filename and Path(error.filename) != shown:
            problem = f"{error.filename} belongs to the log and cannot be read: {error.strerror}"
            return Verification(path=shown, status=Status.UNUSABLE, problem=problem)
        gone = gone_from(path, shown, against.heads, f"{error.strerror}")
        return gone or Verification(path=shown, status=Status.UNUSABLE, problem=f"{error.strerror}; {NO_LOG}")
    except OSError as error:
        which = f"{error.filename}: " if error.filename else ""
        problem = f"{which}{error.strerror or error}"
        return Verification(path=shown, status=Status.UNUSABLE, problem=problem)


def _closed_only(path: Path) -> bool:
    """An archive: a log without an active file."""
    try:
        return path.is_dir() and not (path / LOG_NAME).exists() and bool(segments(path))
    except OSError:  # said where it is read
        return False


def log_path(directory_or_file: str | Path) -> Path:
    """The log's active file, for a directory or the file itself."""
    path = Path(directory_or_file)
    return path / LOG_NAME if path.is_dir() else path


def _verified(path: Path, shown: Path, against: Against, second: SecondProcess) -> Verification:
    if first_of(path) > 1 and path.is_file():
        problem = f"this is one segment of a log; name its folder, {path.parent}"
        return Verification(path=shown, status=Status.UNUSABLE, problem=problem)
    tries = 0
    while True:
        tries += 1
        this = _Pass(path, against, second)
        this.scan.run(several=len(segments(path)) > 1)
        if not this.scan.ours or not (this.scan.lines or this.scan.flaw_count):
            problem = _nothing(this.scan)
            gone = gone_from(path, shown, against.heads, problem)
            return gone or Verification(path=shown, status=Status.UNUSABLE, problem=problem)
        if not this.ask_witnesses(again=tries < _TRIES):
            break
    found = this.verdict(shown)
    if against.heads is None or found.status is Status.TAMPERED:
        return found
    return this.remembered(against.heads, found)


def _nothing(scan: Scan) -> str:
    if scan.ours:
        return f"no whole record, only an {UNFINISHED}"
    return (
        "this is no audit log: no line of it is a record"
        if scan.lines or scan.unfinished
        else "the log is empty"
    )


class _Pass:
    """One pass, and what is asked before and after it."""

    def __init__(self, path: Path, against: Against, second: SecondProcess) -> None:
        self._path, self._against = path, against
        self._folder = path if path.is_dir() else path.parent
        self.warnings = key_warnings(self._folder)
        self._start = start_of(path)
        if self._start.by:
            gone = f"lines 1-{self._start.lines} are gone"
            self.warnings.append(f"{gone}; record {self._start.by} says that retention removed them")
        self._origin = origin_of(path)
        heads = against.heads
        self._before = heads.at(self._folder) if heads else ""
        head = heads.of(self._origin or self._before) if heads else None
        self._seen_elsewhere = head if head and heads and may_be_copy(head, self._folder, heads) else None
        self._copy = copy_of(path, self._seen_elsewhere) if self._seen_elsewhere else None
        if self._copy is None and against.log is not None:
            self._copy = archive_of(path, against.log, heads)
        self._heads = list(self._seen(head, heads))
        trusted = against.keys or ([head.key] if head and head.key else [])
        self._beside = self._kept_keys()
        self._signers = Signers(self._beside, trusted, missing=missing_of(self._folder))
        self._kept = list(self._sources())
        self._bytes = _size(path)
        sources: list[Source] = [*self._kept, *self._heads]
        self.scan = Scan(path, self._start, self._signers, sources, second, whole=self._copy is None)

    def _seen(self, head: Head | None, heads: Heads | None) -> Iterator[Remembered]:
        """What this log has to bear out. A copy is shorter than what was seen elsewhere, and never shorter
        than what was seen of it here."""
        if head and not self._copy:
            yield Remembered(head)
        here = heads.copy_at(self._folder) if heads else None
        if here and here.origin == (self._origin or self._before):
            yield Remembered(here, name="what you saw last of this copy")

    def _kept_keys(self) -> Sequence[VerifierKey]:
        try:
            return verifier_keys(self._folder)
        except AuditUnavailable as error:
            self.warnings.append(str(error))
            return ()

    def _sources(self) -> list[Kept]:
        writer = writer_of(segments(self._path)[-1]) if segments(self._path) else None
        declared = [
            source_of(
                anchor, self._folder, origin=self._origin, known=lambda: self._signers.known, writer=writer
            )
            for anchor in self._against.anchors
        ]
        vouched = [
            KeptFile(f"file {path}", self._origin, lambda: self._signers.known, path=path, vouched=True)
            for path in self._against.outside
        ]
        return [*declared, *vouched]

    def ask_witnesses(self, *, again: bool) -> bool:
        """Show the last checkpoint to the witnesses; whether one has seen more and the log has grown, so that
        another pass will tell (when `again`)."""
        for kept in self._kept:
            if not isinstance(kept, KeptCosignature) or kept.witness is None or not self._against.ask:
                continue
            if self._copy:
                kept.problem = "not asked: it has seen the log, and this is a copy of its beginning"
                continue
            if not self.scan.note:
                kept.problem = "there is no checkpoint to show it"
                continue
            if self._shows_growth(kept, kept.witness, again=again):
                return True
        return False

    def _shows_growth(self, kept: KeptCosignature, witness: WitnessAnchor, *, again: bool) -> bool:
        asked = ask(witness, self._folder, self.scan.note)
        if again and asked.kind is FlawKind.CUT_OFF and _size(self._path) > self._bytes:
            return True
        if asked.kind is not None:
            self.scan.add(asked.kind, f"{witness.name}: {asked.testimony.detail}")
        kept.asked = asked.testimony
        return False

    def verdict(self, shown: Path) -> Verification:
        scan, signers = self.scan, self._signers
        self._check_trust()
        self._check_place()
        self._check_copy()
        anchors = tuple(kept.testimony() for kept in self._kept)
        unsealed = self._unsealed(anchors)
        short = bool(unsealed or self._copy)  # a copy that ends early is never the whole log
        status = Status.TAMPERED if scan.flaw_count else Status.UNSEALED if short else Status.SEALED
        return Verification(
            path=shown,
            status=status,
            records=scan.lines - scan.checkpoints,
            lines=scan.last_seq,
            first_seq=self._start.lines + 1,
            head=scan.head,
            root=scan.tree.root().hex(),
            origin=scan.origin,
            checkpoints=scan.checkpoints,
            signed=signers.signed,
            signer=str(signers.signer or ""),
            trusted=signers.trusted,
            signer_kept=signers.kept,
            unsealed=unsealed,
            copy_of=self._copy.place if self._copy else "",
            anchors=anchors,
            warnings=(*self.warnings, *signers.warnings, *self._remembered()),
            flaws=tuple(scan.flaws),
            flaw_count=scan.flaw_count,
            unfinished=scan.unfinished,
        )

    def _check_trust(self) -> None:
        signers = self._signers
        if self._beside and signers.strangers and not signers.signer and not signers.signed:
            message = (
                "no checkpoint is signed with a key of keys/verifier.keys, which has all that ever signed"
            )
            self.scan.add(FlawKind.KEY_UNVOUCHED, message)
            return
        if not signers.pinned or signers.trusted or not (signers.signer or signers.strangers):
            return
        who = (
            f"{signers.signer.name} ({signers.signer.key_id})" if signers.signer else "a key that is unknown"
        )
        self.scan.add(
            FlawKind.KEY_UNVOUCHED,
            f"the last checkpoint is signed by {who}: that is not a key that you trust, and none that you "
            "trust vouches for it",
        )

    def _check_place(self) -> None:
        if self._before and self.scan.origin and self.scan.origin != self._before:
            self.scan.add(
                FlawKind.OTHER_LOG,
                f"another log stood here when you last verified it ({self._before}, now {self.scan.origin}); "
                "if that is meant, say so with --forget",
            )

    def _check_copy(self) -> None:
        scan, seen = self.scan, self._seen_elsewhere
        if self._copy and (scan.last_seq, scan.head) != (self._copy.lines, self._copy.last):
            self.scan.add(
                FlawKind.CUT_OFF, "it changed while it was held against the log that goes on from it"
            )
        if self._copy:
            self.warnings.append(str(self._copy))
        elif seen and scan.last_seq < seen.lines:
            self.warnings.append(
                f"what you saw last was in {seen.place}, which does not go on from here; if this is a copy "
                "or an archive of it, hold it against its key alone: --no-remember --key VKEY"
            )

    def _unsealed(self, anchors: Sequence[Testimony]) -> Unsealed | None:
        """Records after the last line that a sealing anchor vouches for; None when there are none."""
        scan = self.scan
        sealed = max((anchor.lines for anchor in anchors if anchor.seals), default=0)
        lines, first = scan.last_seq - sealed, sealed + 1
        checkpoints = scan.checkpoints_after(sealed)
        if sealed:  # the checkpoint itself stands behind the lines that it covers
            first += 1
        else:
            lines, first = scan.lines, self._start.lines + 1
        records = lines - checkpoints
        return Unsealed(records=records, first_seq=first, last_seq=scan.last_seq) if records > 0 else None

    def _remembered(self) -> list[str]:
        if self.scan.flaw_count:
            return []  # where lines were altered since, the tree alone may not tell
        return [
            f"nothing changed in the {counted(each.head.lines, 'line')} that you saw on {each.when}"
            for each in self._heads[:1]
            if each.borne_out
        ]

    def remembered(self, heads: Heads, found: Verification) -> Verification:
        """Keep the end of the log for the next time. Where that fails, the result says so."""
        if not found.origin:
            return found
        head = Head(
            origin=found.origin,
            lines=found.lines,
            root=self.scan.tree.root(),
            seen_at=datetime.now(UTC),
            key=self._signers.signer,
        )
        seen = self._seen_elsewhere
        try:
            heads.remember(
                head, self._folder, copy=bool(self._copy) or (seen is not None and found.lines <= seen.lines)
            )
        except OSError as error:
            failed = f"this cannot be remembered in {heads.folder}: {error.strerror or error}"
            return replace(found, warnings=(*found.warnings, failed))
        return found


def _size(path: Path) -> int:
    return sum(os.stat(segment).st_size for segment in segments(path))
