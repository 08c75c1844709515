"""What somebody puts in the place of a log's files, to have it pass, or to stop whoever verifies it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mcpbridge.audit import Against, Status, Verification, verify
from mcpbridge.audit.anchors import FileAnchor
from mcpbridge.audit.chain import FlawKind, chained, line_hash
from mcpbridge.audit.keys import new_signing_key
from mcpbridge.audit.verifying.heads import Heads
from mcpbridge.audit.verifying.ranges import LONGEST
from mcpbridge.ports import Record

from .anchored import anchored
from .logs import all_lines, decision, written

_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="has no such files")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


class _Scene:
    """A log whose checkpoints are in a file that is out of reach."""

    def __init__(self, folder: Path) -> None:
        self.log, self.anchor = folder / "log", folder / "anchor.jsonl"
        anchored(
            self.log, [decision(f"mcpr_{number}") for number in range(5)], [FileAnchor(path=self.anchor)]
        )

    def verified(self) -> Verification:
        return verify(self.log, Against(outside=[self.anchor]))

    def new_keys(self) -> None:
        """The same name, another key, as if there had never been one before."""
        key = new_signing_key((self.log / "keys" / "origin").read_text().strip())
        (self.log / "keys" / "signing.key").write_text(f"{key.text()}\n")
        (self.log / "keys" / "verifier.keys").write_text(f"{key.verifier}\n")


@pytest.fixture
def scene(tmp_path: Path) -> _Scene:
    return _Scene(tmp_path)


@pytest.mark.promise("audit-new-keys-hide-nothing")
def test_a_log_made_anew_with_another_key_is_not_what_the_anchor_saw(scene: _Scene) -> None:
    (scene.log / "audit.jsonl").unlink()
    scene.new_keys()
    written(scene.log, [decision(f"forged_{number}") for number in range(9)])
    assert scene.verified().status is Status.TAMPERED
    # Nor when what was forged is taken to the same anchor.
    anchored(scene.log, [decision("forged")], [FileAnchor(path=scene.anchor)])
    assert scene.verified().status is Status.TAMPERED


def test_a_log_that_was_cut_and_signed_with_another_key_is_not_what_the_anchor_saw(scene: _Scene) -> None:
    lines = all_lines(scene.log)
    (scene.log / "audit.jsonl").write_bytes(b"".join(line + b"\n" for line in lines[:3]))
    scene.new_keys()
    written(scene.log, [])
    assert scene.verified().status is Status.TAMPERED


def test_text_of_a_stranger_in_an_anchor_is_no_evidence_against_the_log(scene: _Scene) -> None:
    forger = scene.log.parent / "forger"
    shutil.copytree(scene.log, forger)
    (forger / "audit.jsonl").unlink()
    other = _Scene.__new__(_Scene)
    other.log, other.anchor = forger, scene.anchor
    other.new_keys()
    anchored(forger, [decision("x"), decision("y")], [FileAnchor(path=scene.anchor)])
    found = scene.verified()
    assert not found.flaws
    # Nor can it be told from what a later key of this log signed, before the log was written anew without it.
    assert found.status is Status.UNSEALED
    assert "about another course of this log, by a key it does not know" in found.anchors[0].detail


def test_another_log_between_the_keys_of_this_one_is_found(scene: _Scene, tmp_path: Path) -> None:
    written(tmp_path / "other", [decision("mcpr_1")])
    shutil.copy(tmp_path / "other" / "audit.jsonl", scene.log / "audit.jsonl")
    assert verify(scene.log).status is Status.TAMPERED


def test_a_claim_that_comes_again_much_later_is_no_tampering_and_seals_nothing(scene: _Scene) -> None:
    first = scene.anchor.read_bytes()
    anchored(scene.log, [decision("more")], [FileAnchor(path=scene.anchor)])
    both = scene.anchor.read_bytes()
    scene.anchor.write_bytes(both + both[len(first) :] * 5_000 + first)
    result = scene.verified()
    assert result.status is Status.UNSEALED
    assert "1 line in it out of order and not compared" in result.anchors[0].detail


def test_a_checkpoint_whose_time_is_written_otherwise_is_looked_into_as_well(scene: _Scene) -> None:
    lines = all_lines(scene.log)
    body = b'"ts":"2026-11-21T08:00:00Z","type":"checkpoint","note":"none","range":[]'
    with (scene.log / "audit.jsonl").open("ab") as file:
        file.write(chained(len(lines) + 1, line_hash(lines[-1]), body) + b"\n")
    assert "this is no checkpoint" in str(verify(scene.log))


_HEAD = b'"ts":"2026-11-21T08:00:00.000000Z","type":"run_started"'


@pytest.mark.promise("audit-every-line-is-read")
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (_HEAD + b',"note":[1', FlawKind.NOT_JSON),
        (_HEAD + b"}{", FlawKind.NOT_JSON),
        (_HEAD + b',"note":"\x01"', FlawKind.NOT_JSON),
        (_HEAD + b',"note":"\xff"', FlawKind.NOT_JSON),
        (_HEAD + b',"note":"\\x"', FlawKind.NOT_JSON),
        (_HEAD + b',"note":01', FlawKind.NOT_JSON),
        (_HEAD + b',"note":tru', FlawKind.NOT_JSON),
        (_HEAD + b',"note":' + b"9" * 5_000, FlawKind.NOT_JSON),
        (_HEAD + b',"note":' + b"[" * 100_000, FlawKind.NOT_JSON),
        (_HEAD + b',"note":"', FlawKind.NOT_JSON),
        (_HEAD + b',"seq":1', FlawKind.NOT_A_RECORD),
        (_HEAD + b',"type":"checkpoint"', FlawKind.NOT_A_RECORD),
        (_HEAD + b',"type":null', FlawKind.NOT_A_RECORD),
        (_HEAD + b',"ts":"1999-01-01T00:00:00.000000Z"', FlawKind.NOT_A_RECORD),
        (b'"ts":"2026-11-21T99:00:00.000000Z","type":"run_started"', FlawKind.NOT_A_RECORD),
        (b'"ts":"eleven o clock on a Monday!","type":"run_started"', FlawKind.NOT_A_RECORD),
        (b'"ts":"2026-11-21T08:00:00.000000Z","note":"of no type"', FlawKind.NOT_A_RECORD),
    ],
)
def test_a_line_that_follows_and_is_no_record_is_found_where_it_stands(
    scene: _Scene, body: bytes, kind: FlawKind
) -> None:
    """Its hashes are right, so that nothing but reading it tells."""
    lines = all_lines(scene.log)
    with (scene.log / "audit.jsonl").open("ab") as file:
        file.write(chained(len(lines) + 1, line_hash(lines[-1]), body) + b"\n")
    result = verify(scene.log)
    assert [(flaw.line, flaw.kind) for flaw in result.flaws] == [(len(lines) + 1, kind)]
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "more",
    [b"", b',"note":"\\ud800"', b',"note":' + b"[" * 300 + b"]" * 300, b',"note":{"seq":1,"type":"x"}'],
)
def test_a_line_that_reads_as_its_head_says_is_a_record(scene: _Scene, more: bytes) -> None:
    lines = all_lines(scene.log)
    with (scene.log / "audit.jsonl").open("ab") as file:
        file.write(chained(len(lines) + 1, line_hash(lines[-1]), _HEAD + more) + b"\n")
    result = verify(scene.log)
    assert (result.flaws, result.lines) == ((), len(lines) + 1)


@_POSIX
@pytest.mark.parametrize("name", ["audit.jsonl", "audit-000000000001.jsonl"])
def test_a_pipe_or_a_device_in_the_place_of_a_segment_is_refused_at_once(scene: _Scene, name: str) -> None:
    (scene.log / name).unlink(missing_ok=True)
    os.mkfifo(scene.log / name)
    assert "it is no plain file" in verify(scene.log).problem
    (scene.log / name).unlink()
    (scene.log / name).symlink_to("/dev/zero")
    assert "it is no plain file" in verify(scene.log).problem


@_POSIX
@pytest.mark.parametrize("put", [_pipe, Path.mkdir, _device])
def test_what_stands_in_the_place_of_a_text_and_is_none_is_tampering(
    tmp_path: Path, put: Callable[[Path], None]
) -> None:
    record = Record(type="run_started", fields={}, blobs=("a screen",))
    written(tmp_path, [record])
    blob = next((tmp_path / "blobs").iterdir())
    blob.unlink()
    put(blob)
    assert verify(tmp_path).status is Status.TAMPERED


def test_a_line_without_an_end_is_not_read_into_memory(scene: _Scene) -> None:
    path = scene.log / "audit.jsonl"
    os.truncate(path, path.stat().st_size + 2 * LONGEST + 2)  # a hole: takes no room on the disk
    result = verify(scene.log)
    assert result.status is Status.TAMPERED
    assert "longer than any record" in str(result)


@pytest.mark.parametrize(
    "change",
    [
        {"lines": float("inf")},
        {"key": 5},
        {"key": [1]},
        {"root": 5},
        {"seen_at": "0001-01-01T00:00+14:00"},
    ],
)
def test_a_remembered_head_that_is_none_counts_as_nothing(
    scene: _Scene, tmp_path: Path, change: dict[str, object]
) -> None:
    heads = Heads(tmp_path / "heads")
    assert verify(scene.log, Against(heads=heads)).status is Status.UNSEALED
    for path in heads.folder.glob("log-*.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert verify(scene.log, Against(heads=heads)).status is Status.UNSEALED
