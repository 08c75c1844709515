"""An HTTP witness (c2sp.org/tlog-witness): it signs a checkpoint only if it follows those it signed before.

The only kind of anchor that notices by itself when a log is cut or rewritten: whoever has all keys of the log
still cannot make the witness forget.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcpbridge.audit.anchors.anchor import ANCHORS, AnchorFailed, Point
from mcpbridge.audit.anchors.leaves import NoCheckpoint, proof_between
from mcpbridge.audit.checkpoint import cosigned_at
from mcpbridge.audit.counted import counted
from mcpbridge.audit.disk import SystemDisk, make_directory, write_private
from mcpbridge.audit.note import NoteError, Signature, VerifierKey, signature_line, signatures

if TYPE_CHECKING:
    from mcpbridge.audit.anchors.http import Answer

_TRIES: Final = 4
"""Other processes may take checkpoints of the same log there between our question and our next."""
_REFUSALS: Final = {
    403: "it does not trust the key that signed the checkpoint; give its operator the log's verifier key "
    "(`mcpbridge audit keys`)",
    404: "it does not know this log; give its operator the log's origin and verifier key (`mcpbridge audit "
    "keys`)",
}  # fmt: skip


class Inconsistent(AnchorFailed):
    """The witness has signed something that the log does not have any more."""


class Behind(AnchorFailed):
    """The witness has signed a checkpoint of more lines than this one covers."""

    def __init__(self, size: int) -> None:
        super().__init__(f"it has already signed a checkpoint of {counted(size, 'line')}")
        self.size = size


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessAnchor:
    """Takes checkpoints to the witness at `url`, and keeps its cosignatures beside the log."""

    url: str
    """Submission prefix: `/add-checkpoint` is put behind it."""
    key: VerifierKey
    every: float = 60.0
    seconds: float = 15.0
    """For all that is asked of it at one time."""

    @property
    def name(self) -> str:
        return f"witness {self.url}"

    def publish(self, point: Point, /) -> None:
        try:
            line, _ = self.ask(point, old=kept_size(point.directory, self))
        except Behind:
            return  # another process was there with a later one
        self._keep(point, line)

    def ask(self, point: Point, *, old: int) -> tuple[str, int]:
        """Show the checkpoint; the cosignature's line and its POSIX time.

        `old` is a guess at the size that the witness saw last. Raises Behind, Inconsistent, AnchorFailed.
        """
        size, end = point.checkpoint.size, time.monotonic() + self.seconds
        answer = self._post(point, *_guessed(point, min(old, size)), end=end)
        for _ in range(_TRIES):
            if answer.status == 200:
                return self._cosignature(point, answer)
            seen = _seen_size(answer)
            if seen is None:
                raise _refused(answer)
            if seen > size:
                raise Behind(seen)
            answer = self._post(point, seen, _proof(point, seen), end=end)
            if seen == _seen_size(answer):  # so it is not the size that it objects to
                raise Inconsistent(
                    f"it has signed another checkpoint of the first {counted(seen, 'line')} of this log"
                )
        raise AnchorFailed("its latest size changes faster than it can be asked")

    def _post(self, point: Point, old: int, proof: list[bytes], *, end: float) -> Answer:
        from mcpbridge.audit.anchors.http import LATE, post  # when it is needed: urllib takes 10 ms

        url, left = f"{self.url.rstrip('/')}/add-checkpoint", end - time.monotonic()
        if left <= 0:
            raise AnchorFailed(f"{url} does not answer: {LATE % self.seconds}")
        return post(url, request(point.note, old, proof), "text/plain", seconds=left, all_of=self.seconds)

    def _cosignature(self, point: Point, answer: Answer) -> tuple[str, int]:
        try:
            for signature in signatures(answer.body.decode()):
                if (signature.name, signature.key_id) == (self.key.name, self.key.key_id):
                    return _line(self.key, signature), cosigned_at(
                        point.checkpoint.text(), signature, self.key
                    )
        except (NoteError, UnicodeDecodeError) as error:
            raise AnchorFailed(f"its answer is no cosignature: {error}") from error
        raise AnchorFailed(
            f"it did not sign with the key that is declared ({self.key.name}, {self.key.key_id})"
        )

    def _keep(self, point: Point, line: str) -> None:
        disk = SystemDisk()
        path = kept_path(point.directory, self)
        make_directory(path.parent, disk)
        kept = {"log": point.checkpoint.origin, "size": point.checkpoint.size, "note": point.note + line}
        write_private(path, f"{json.dumps(kept, ensure_ascii=False)}\n".encode(), disk)


def _guessed(point: Point, old: int) -> tuple[int, list[bytes]]:
    """A first question: it may be wrong, then the witness says what it saw last."""
    try:
        return old, proof_between(point.directory, old, point.checkpoint.size)
    except NoCheckpoint:
        return 0, []


def _proof(point: Point, seen: int) -> list[bytes]:
    """From what the witness says it saw."""
    try:
        return proof_between(point.directory, seen, point.checkpoint.size)
    except NoCheckpoint as error:
        raise Inconsistent(
            f"it has signed a checkpoint of the first {counted(seen, 'line')}, and {error}"
        ) from error


def request(note: str, old: int, proof: list[bytes]) -> bytes:
    """The body of `add-checkpoint`."""
    lines = "".join(f"{base64.b64encode(node).decode()}\n" for node in proof)
    return f"old {old}\n{lines}\n{note}".encode()


def kept_path(directory: Path, witness: WitnessAnchor) -> Path:
    """Where the latest cosignature of a witness is kept."""
    name = hashlib.sha256(str(witness.key).encode()).hexdigest()[:16]
    return directory / ANCHORS / f"witness-{name}.json"


def kept_size(directory: Path, witness: WitnessAnchor) -> int:
    """The size it signed last, as far as we know: 0 when nothing is kept. A guess is all it has to be."""
    try:
        return int(json.loads(kept_path(directory, witness).read_bytes())["size"])
    except (OSError, ValueError, OverflowError, KeyError, TypeError, RecursionError):
        return 0


def _line(key: VerifierKey, signature: Signature) -> str:
    return signature_line(key, signature.data)


def _seen_size(answer: Answer) -> int | None:
    """The size that a conflict names."""
    text = answer.body.strip()
    if answer.status != 409 or not text.isdigit() or len(text) > 18:
        return None
    return int(text)


def _refused(answer: Answer) -> AnchorFailed:
    if answer.status == 409:
        return Inconsistent("it has signed another checkpoint of as many lines of this log")
    if answer.status == 422:
        return Inconsistent("what it has signed before is not in this log any more")
    return AnchorFailed(_REFUSALS.get(answer.status, f"it answered with HTTP status {answer.status}"))
