"""One pass over all lines of a log: the chain, its checkpoints, its texts, and what others claim about it.

Lines are taken a part at a time. What a part of intact lines needs is done for all of it at once; a part in
which anything is wrong is gone through again, line by line, to say what.
"""

from __future__ import annotations

import os
import re
from binascii import hexlify
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from mcpbridge.audit.chain import Flaw, FlawKind, flaw_of, intact, line_hash, link_of, parsed
from mcpbridge.audit.checkpoint import Checkpoint
from mcpbridge.audit.counted import counted
from mcpbridge.audit.merkle import CompactRange
from mcpbridge.audit.segments import opened
from mcpbridge.audit.verifying.beside import SecondProcess
from mcpbridge.audit.verifying.claims import LATEST, Claim, Claims, Source
from mcpbridge.audit.verifying.parts import Part, Parts
from mcpbridge.audit.verifying.ranges import LONGEST, leaves_of
from mcpbridge.audit.verifying.sealed import SealedKeys, names_keys
from mcpbridge.audit.verifying.signers import Signers
from mcpbridge.audit.verifying.start import Start
from mcpbridge.audit.verifying.texts import Texts

_MAX_FLAWS: Final = 20
"""Flaws that are kept; the rest is counted. One cut can break every line after it."""
_MARKS: Final = (b'{"prev":"', b',"crc":"')
"""What a line of ours begins or ends with; one that was altered still has the other."""
_CHECKPOINTS: Final = ""
_LETTERS: Final = re.compile(rb"[cek]")
"""First letters of the types that matter here: `_SPECIAL`, and the record of an erasure."""
_SPECIAL: Final = (b'","type":"checkpoint"', b'","type":"key_rotated"')
"""Types that this pass has to look into. They come right after the time."""


class Scan:
    """What one pass has seen. `run` goes through the log; then the rest may be asked."""

    def __init__(
        self,
        directory: Path,
        start: Start,
        signers: Signers,
        sources: list[Source],
        second: SecondProcess,
        *,
        whole: bool = True,
    ) -> None:
        """Of a copy, which is not the `whole` log, no anchor says that it was cut: they saw the log."""
        self._whole = whole
        self._directory, self._second = directory, second
        self.signers = signers
        self.claims = Claims(sources, agrees=self._agrees, differs=self._differs, cut_off=self._cut_off)
        self.tree = start.tree.copy()
        self._prev = start.prev.encode()
        self._seq = start.lines
        """Of the line before, as it says itself."""
        self.lines = 0
        self.checkpoints = 0
        self.note = ""
        """The last checkpoint's."""
        self.origin = ""
        self.flaws: list[Flaw] = []
        self.flaw_count = 0
        self.unfinished = 0
        self.ours = False
        """Whether anything in the file looks like a record."""
        self._file, self._line = "", 0
        self._sealed = SealedKeys(_folder(directory))
        self._texts = Texts(_folder(directory) / "blobs")
        self._checkpoints_at: dict[str, deque[tuple[int, int]]] = defaultdict(lambda: deque(maxlen=LATEST))
        """By source, for the last claims that were borne out: size, and the checkpoints in those lines."""
        self._broken = False
        """Something was wrong since the last checkpoint, so that it cannot fit either."""
        self._flawed: list[int] = []
        """Places of such lines in the part at hand."""

    @property
    def head(self) -> str:
        return self._prev.decode()

    @property
    def last_seq(self) -> int:
        return self._seq

    def run(self, *, several: bool) -> None:
        """Go through all segments, up to the last whole line. Raises OSError."""
        self.claims.skip(self.tree.size)
        for path, fd in opened(self._directory):
            self._file, self._line = (path.name if several else ""), 0
            self._segment(fd)
        self._finish()

    def _segment(self, fd: int) -> None:
        size = -1
        with self._second.beside(fd) as beside:
            parts = Parts(fd, beside, size=self._second.part)
            # A log at work grows: go on until its end stands still. What follows the last newline is torn.
            while (now := os.fstat(fd).st_size) != size:
                size = now
                for part in parts.up_to(size):
                    self._part(part)
        rest = parts.rest(size)
        if rest is not None:
            self._torn(rest)
            return
        message = f"this line is longer than any record ({LONGEST} bytes); it and what follows was not read"
        self._note(Flaw(line=self._line + 1, kind=FlawKind.NOT_A_RECORD, message=message))

    def _part(self, part: Part) -> None:
        self._flawed = []
        good = part.judged
        if good is None or (good.prev, good.seq) != (self._prev, self._seq + 1):
            block = part.lines()
            digests, special = leaves_of(block), self._slowly(block)
            self._keys(part, block, range(len(block)))
        else:
            digests = good.digests
            special = [found.start() for found in _LETTERS.finditer(good.letters)]
            block = part.lines() if special or good.texts or good.sealed else []
            self.ours = True
            self._prev, self._seq = hexlify(digests[-1]), self._seq + len(digests)
            if good.texts:
                self._check_all_texts(part, block)
            self._keys(part, block, range(len(block)) if good.sealed else special)
        done = 0
        for at in filter(lambda at: _is_special(block[at]), special):
            self._grow(digests, done, at)
            self._broken = self._broken or any(done <= flawed <= at for flawed in self._flawed)
            done = at
            self._look_into(part.same(block[at], at), self._line + at + 1)
        self._grow(digests, done, len(digests))
        self._broken = self._broken or any(flawed >= done for flawed in self._flawed)
        self._line += len(digests)
        self.lines += len(digests)

    def _slowly(self, block: list[bytes]) -> list[int]:
        """Say what is wrong, line by line; the places of lines to look into."""
        special: list[int] = []
        for at, line in enumerate(block):
            number = self._line + at + 1
            self.ours = self.ours or any(mark in line for mark in _MARKS)
            flaw = flaw_of(line, number=number, seq=self._seq + 1, prev=self.head)
            link = link_of(line)
            if flaw:
                self._note(flaw)
                self._flawed.append(at)
            elif _is_special(line):
                special.append(at)
            else:
                self._check_texts(line, number)
            # After a gap go on from what stands there, so that one cut is one flaw.
            self._seq = link[1] if link else self._seq + 1
            self._prev = line_hash(line).encode()
        return special

    def _check_all_texts(self, part: Part, block: list[bytes]) -> None:
        for at, line in enumerate(block):
            if not self._texts.known(line):
                self._check_texts(part.same(line, at), self._line + at + 1)

    def _keys(self, part: Part, block: list[bytes], places: Iterable[int]) -> None:
        for at in places:
            if names_keys(block[at]):
                self._sealed.look_into(part.same(block[at], at), self._line + at + 1, self._file)

    def _check_texts(self, line: bytes, number: int) -> None:
        for kind, message, blob in self._texts.check(line):
            self._note(Flaw(line=number, kind=kind, message=message, blob=blob))

    def _grow(self, digests: Sequence[bytes], start: int, end: int) -> None:
        """Add leaves to the tree, and settle the claims on the way."""
        while -1 < (wanted := self.claims.next_size) <= self.tree.size + end - start:
            middle = start + max(0, wanted - self.tree.size)
            self.tree.extend(digests[start:middle])
            self.claims.settle(self.tree.size, self.tree.root())
            start = middle
        self.tree.extend(digests[start:end])

    def _look_into(self, line: bytes, number: int) -> None:
        record: dict[str, Any] = parsed(line) or {}
        if record.get("type") == "checkpoint":
            self.checkpoints += 1
            problem = self._checkpoint(record, number)
            kind = FlawKind.CHECKPOINT_WRONG
        else:
            problem = self.signers.rotation(record, origin=self.origin)
            kind = FlawKind.KEY_UNVOUCHED
        if problem:
            self._note(Flaw(line=number, kind=kind, message=problem))

    def _checkpoint(self, record: dict[str, Any], number: int) -> str:
        try:
            checkpoint, note = Checkpoint.of_note(str(record["note"]))
            tree = CompactRange.from_parts(checkpoint.size, [bytes.fromhex(peak) for peak in record["range"]])
        except (KeyError, TypeError, ValueError) as error:
            return f"this is no checkpoint: {error}"
        if self.origin and checkpoint.origin != self.origin:
            message = f"this checkpoint is of another log ({checkpoint.origin}, not {self.origin})"
            self._note(Flaw(line=number, kind=FlawKind.OTHER_LOG, message=message))
            return ""
        self.origin = checkpoint.origin
        stands = (self.tree.size, self.tree.hashes, self.tree.root())
        fits = (checkpoint.size, tree.hashes, checkpoint.root) == stands
        explained, self._broken = self._broken, False
        if not fits:
            self.tree = tree  # go on from what it says, so that one change is one flaw
            return "" if explained else "this checkpoint is not about the lines before it"
        self.note = str(record["note"])
        self._checkpoints_at[_CHECKPOINTS].append((checkpoint.size, self.checkpoints - 1))
        return self.signers.checkpoint(note, origin=self.origin, size=checkpoint.size, where=number)

    def _torn(self, tail: bytes) -> None:
        """What follows the last newline. A whole record with something behind it was never written so: the
        newline was altered."""
        self.ours = self.ours or any(mark in tail for mark in _MARKS)
        if intact(tail[:-1]):
            message = "this line was altered after it was written: it does not end in a line break"
            self._note(Flaw(line=self._line + 1, kind=FlawKind.ALTERED, message=message))
        else:
            self.unfinished = len(tail)

    def _finish(self) -> None:
        problem = self.signers.settle()
        if problem:
            self._note(Flaw(line=max(1, self._line), kind=FlawKind.CHECKPOINT_WRONG, message=problem))
        for flaw in self._sealed.flaws():
            self._note(flaw)
        self.claims.settle(self.tree.size, self.tree.root())
        self.claims.finish(self.tree.size)
        for at, flaw in enumerate(self.flaws):
            more = self._texts.bad.get(flaw.blob, 1) - 1
            if more > 0:
                others = "1 other record refers" if more == 1 else f"{more} other records refer"
                self.flaws[at] = replace(flaw, message=f"{flaw.message} ({others} to it too)")

    def _agrees(self, source: Source, claim: Claim) -> None:
        source.agreed(claim)
        self._checkpoints_at[source.name].append((claim.size, self.checkpoints))

    def _differs(self, source: Source, claim: Claim) -> None:
        if self._broken:
            return  # said already, and no tree after a break is the one that was seen
        message = (
            f"{source.name}: the first {counted(claim.size, 'line')} had another content when it saw them"
        )
        self._note(Flaw(line=max(1, self._line), kind=FlawKind.ANCHOR_DIFFERS, message=message))

    def _cut_off(self, source: Source, claim: Claim) -> None:
        if source.of_checkpoints and not self._whole:
            return
        message = (
            f"{source.name}: it saw {counted(claim.size, 'line')}, and this log ends after {self.tree.size}"
        )
        self._note(Flaw(line=max(1, self._line), kind=FlawKind.CUT_OFF, message=message))

    def add(self, kind: FlawKind, message: str) -> None:
        """Something that shows only after the pass: it is about the end of the log."""
        self._note(Flaw(line=max(1, self._line), kind=kind, message=message))

    def checkpoints_after(self, size: int) -> int:
        """How many stand behind the first `size` lines: a size that was claimed, the last one's, or 0."""
        known = dict(chain.from_iterable(self._checkpoints_at.values()))
        return self.checkpoints - known.get(size, self.checkpoints if size else 0)

    def _note(self, flaw: Flaw) -> None:
        self.flaw_count += 1
        if len(self.flaws) < _MAX_FLAWS:
            self.flaws.append(flaw if flaw.file or not self._file else replace(flaw, file=self._file))


def _folder(directory: Path) -> Path:
    return directory if directory.is_dir() else directory.parent


def _is_special(line: bytes) -> bool:
    return line.startswith(_SPECIAL, line.find(b'"', line.find(b'"ts":"') + len(b'"ts":"')))
