"""Every way to change a log behind its writer's back, with the log's real keys in hand where that helps.

The forger can write everything beside the log: its keys, what witnesses signed, an anchor of the same
account. He cannot make the witness forget.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.audit import Against, Status, Unsealed, verify
from mcpbridge.audit.anchors import FileAnchor
from mcpbridge.audit.chain import GENESIS, chained, line_hash
from mcpbridge.audit.keys import verifier_keys

from .logs import all_lines, decision, written
from .tampering import SeenLog, edits, forgeries


@pytest.fixture
def log(tmp_path: Path, httpserver: HTTPServer) -> SeenLog:
    return SeenLog(tmp_path, httpserver)


@pytest.mark.promise("audit-tamper-anchored")
def test_a_witness_finds_every_change_that_is_made_with_or_without_the_keys(log: SeenLog) -> None:
    against = log.against(log.witness)
    assert verify(log.folder, against).status is Status.SEALED
    for what, lines in (*edits(log.lines), *forgeries(log)):
        log.put(lines)
        assert verify(log.folder, against).status is Status.TAMPERED, what
    log.put(log.lines)
    assert verify(log.folder, against).status is Status.SEALED


@pytest.mark.promise("audit-tamper-unanchored")
def test_without_an_anchor_outside_what_is_not_found_is_named_as_unsealed(log: SeenLog) -> None:
    for what, lines in (*edits(log.lines), *forgeries(log)):
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
def test_a_bit_flipped_at_any_byte_is_found_without_any_anchor(log: SeenLog) -> None:
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


def test_an_anchor_of_the_same_account_finds_what_its_owner_forgot_to_change(log: SeenLog) -> None:
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


def test_two_spliced_logs_are_found_even_when_every_line_is_linked_anew(log: SeenLog, tmp_path: Path) -> None:
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
    log: SeenLog, tmp_path: Path
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
