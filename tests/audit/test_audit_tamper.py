"""Every way to change a log behind its writer's back, with the log's real keys in hand where that helps.

The forger can write everything beside the log: its keys, what witnesses signed, an anchor of the same
account. He cannot make the witness forget.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.audit import Against, Status, Unsealed, verify
from mcpbridge.audit.anchors import Anchor, FileAnchor, WitnessAnchor
from mcpbridge.audit.chain import GENESIS, chained, line_hash
from mcpbridge.audit.keys import verifier_keys
from mcpbridge.audit.note import VerifierKey

from .anchored import anchored
from .logs import all_lines, decision, note, written
from .witness import Witness

_RECORDS = 4
"""In each of the two sittings of the log; each sitting ends with a checkpoint."""


class _Log:
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


@pytest.fixture
def log(tmp_path: Path, httpserver: HTTPServer) -> _Log:
    return _Log(tmp_path, httpserver)


def _edits(lines: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
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


def _forgeries(log: _Log) -> Iterator[tuple[str, list[bytes]]]:
    """With all keys: forks of any length from any line on."""
    for at in range(len(log.lines)):
        for more in (1, len(log.lines) - at - 1, len(log.lines) + 3):
            if more > 0:
                yield f"{more} other records from line {at} on", log.forged(at, "mcpr_forged", more=more)


@pytest.mark.promise("audit-tamper-anchored")
def test_a_witness_finds_every_change_that_is_made_with_or_without_the_keys(log: _Log) -> None:
    against = log.against(log.witness)
    assert verify(log.folder, against).status is Status.SEALED
    for what, lines in (*_edits(log.lines), *_forgeries(log)):
        log.put(lines)
        assert verify(log.folder, against).status is Status.TAMPERED, what
    log.put(log.lines)
    assert verify(log.folder, against).status is Status.SEALED


@pytest.mark.promise("audit-tamper-unanchored")
def test_without_an_anchor_outside_what_is_not_found_is_named_as_unsealed(log: _Log) -> None:
    for what, lines in (*_edits(log.lines), *_forgeries(log)):
        log.put(lines)
        log.beside.unlink(missing_ok=True)  # the forger's too
        for against in (None, log.against(FileAnchor(path=log.beside))):
            found = verify(log.folder, against)
            assert found.status in (Status.TAMPERED, Status.UNSEALED), what
            if found.status is Status.UNSEALED:
                assert found.unsealed == Unsealed(records=found.records, first_seq=1, last_seq=len(lines)), (
                    what
                )
                assert f"{found.unsealed} (" in str(found)
                assert found.exit_code == 3


@pytest.mark.promise("audit-bit-flip")
def test_a_bit_flipped_at_any_byte_is_found_without_any_anchor(log: _Log) -> None:
    path = log.folder / "audit.jsonl"
    whole = path.read_bytes()
    missed: list[int] = []
    with path.open("r+b", buffering=0) as file:
        for at, byte in enumerate(whole):
            os.pwrite(file.fileno(), bytes([byte ^ 1 << at % 8]), at)
            if verify(log.folder).exit_code != 1:
                missed.append(at)
            os.pwrite(file.fileno(), bytes([byte]), at)
    assert missed == []
    assert verify(log.folder).exit_code == 3


def test_an_anchor_of_the_same_account_finds_what_its_owner_forgot_to_change(log: _Log) -> None:
    against = log.against(FileAnchor(path=log.beside))
    found = verify(log.folder, against)
    assert found.exit_code == 3
    assert "writable by this account" in str(found)
    log.put(log.forged(3, "mcpr_forged", more=9))
    assert verify(log.folder, against).exit_code == 1


def _linked(lines: list[bytes]) -> list[bytes]:
    """The same records, each linked to the line that now stands before it."""
    linked, prev = list[bytes](), GENESIS
    for seq, line in enumerate(lines, 1):
        linked.append(chained(seq, prev, line[line.index(b'"ts":"') : -len(b',"crc":"00000000"}')]))
        prev = line_hash(linked[-1])
    return linked


def test_two_spliced_logs_are_found_even_when_every_line_is_linked_anew(log: _Log, tmp_path: Path) -> None:
    written(tmp_path / "other", [decision(f"mcpr_other_{number}") for number in range(9)])
    other = all_lines(tmp_path / "other")
    for at in range(1, len(other)):
        for lines in (
            log.lines[:at] + other[at:],
            _linked(log.lines[:at] + other[at:]),
            _linked(log.lines + other),
        ):
            log.put(lines)
            assert verify(log.folder).exit_code == 1


def test_a_log_with_keys_of_its_own_in_the_place_of_another_is_found_by_who_knows_the_key(
    log: _Log, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    written(other, [decision(f"mcpr_other_{number}") for number in range(9)])
    key = verifier_keys(log.folder)[0]
    shutil.rmtree(log.folder)
    shutil.copytree(other, log.folder)
    assert verify(log.folder, Against(keys=[key])).exit_code == 1
    found = verify(log.folder, log.against(log.witness))
    assert found.exit_code == 3
    assert "does not know this log" in str(found)
