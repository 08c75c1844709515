"""A log that a witness saw, and every way to change it behind its writer's back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from pytest_httpserver import HTTPServer

from mcpbridge.audit import Against
from mcpbridge.audit.anchors import Anchor, FileAnchor, WitnessAnchor
from mcpbridge.audit.keys import verifier_keys
from mcpbridge.audit.note import VerifierKey

from .anchored import anchored
from .logs import all_lines, decision, note, written
from .witness import Witness

_RECORDS = 4
"""In each of the two sittings of the log; each sitting ends with a checkpoint."""


class SeenLog:
    """A log of two sittings that a witness saw, and a file of the same account."""

    def __init__(self, folder: Path, server: HTTPServer) -> None:
        self.folder, self.beside = folder / "log", folder / "beside.jsonl"
        witness = Witness()
        server.expect_request("/add-checkpoint", method="POST").respond_with_handler(witness)
        self.witness = WitnessAnchor(url=server.url_for(""), key=VerifierKey.parse(witness.verifier_key))
        written(self.folder, [note("begin")])
        witness.trust(str(verifier_keys(self.folder)[0]))
        for sitting in (1, 2):
            records = [decision(f"mcpr_{sitting}_{number}") for number in range(_RECORDS)]
            anchored(self.folder, records, [self.witness, FileAnchor(path=self.beside)])
        self.lines = all_lines(self.folder)

    def against(self, *anchors: Anchor) -> Against:
        return Against(anchors=anchors)

    def put(self, lines: list[bytes]) -> None:
        (self.folder / "audit.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))

    def forged(self, at: int, changed: str, *, more: int) -> list[bytes]:
        """The log as its writer would have written it, had it said something else from line `at` on: the same
        origin, keys, chain, checkpoints and signatures."""
        other = self.folder.parent / "forged"
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(self.folder, other)
        (other / "audit.jsonl").write_bytes(b"".join(line + b"\n" for line in self.lines[:at]))
        written(other, [decision(f"{changed}_{number}") for number in range(more)])
        return all_lines(other)


def edits(lines: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Without the keys: lines taken out, doubled, exchanged, brought from elsewhere."""
    for at in range(len(lines)):
        before, after = lines[:at], lines[at + 1 :]
        yield f"delete {at}", before + after
        yield f"double {at}", [*before, lines[at], lines[at], *after]
        yield f"insert before {at}", [*before, lines[0], lines[at], *after]
        if after:
            yield f"swap {at}", [*before, after[0], lines[at], *after[1:]]
        if at:
            yield f"drop the tail from {at}", before


def forgeries(log: SeenLog) -> Iterator[tuple[str, list[bytes]]]:
    """With all keys: forks of any length from any line on."""
    for at in range(len(log.lines)):
        for more in (1, len(log.lines) - at - 1, len(log.lines) + 3):
            if more > 0:
                yield f"{more} other records from line {at} on", log.forged(at, "mcpr_forged", more=more)
