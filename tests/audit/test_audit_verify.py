"""What `verify` says about a log: its checkpoints, what was seen before, several segments, its own limits."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mcpbridge.audit import Against, AuditLog, FlawKind, Status, verify
from mcpbridge.audit.anchors import FileAnchor
from mcpbridge.audit.chain import GENESIS, chained, line_hash
from mcpbridge.audit.keys import new_signing_key, verifier_keys
from mcpbridge.audit.seal import Rhythm
from mcpbridge.audit.segments import segments
from mcpbridge.audit.verifying.heads import Heads
from mcpbridge.cli.main import main

from .anchored import anchored
from .logs import MASK, all_lines, decision, note, written


def _put(folder: Path, lines: list[bytes]) -> None:
    (folder / "audit.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


def _linked(bodies: list[bytes]) -> list[bytes]:
    """Lines with these bodies (from `"ts"` on), chained."""
    lines, prev = list[bytes](), GENESIS
    for seq, body in enumerate(bodies, 1):
        lines.append(chained(seq, prev, body))
        prev = line_hash(lines[-1])
    return lines


def _body(line: bytes) -> bytes:
    return line[line.index(b'"ts":"') : -len(b',"crc":"00000000"}')]


def test_a_log_says_who_signed_it_and_up_to_where(tmp_path: Path) -> None:
    written(tmp_path, [note(), note()])
    (key,) = verifier_keys(tmp_path)
    found = verify(tmp_path)
    assert (found.records, found.lines, found.checkpoints, found.signed) == (2, 3, 1, 2)
    assert (found.origin, found.signer, found.trusted) == (key.name, str(key), False)
    pinned = verify(tmp_path, Against(keys=[key]))
    assert (pinned.trusted, pinned.exit_code) == (True, 3)
    assert "a key you trust" in str(pinned)


def test_a_pinned_key_that_did_not_sign_the_log_is_tampering(tmp_path: Path) -> None:
    written(tmp_path, [note(), note()])
    other = new_signing_key("mcpbridge/other").verifier
    found = verify(tmp_path, Against(keys=[other]))
    assert (found.exit_code, found.flaws[0].kind) == (1, FlawKind.KEY_UNVOUCHED)


def test_a_log_without_its_public_keys_is_not_called_signed(tmp_path: Path) -> None:
    written(tmp_path, [note(), note()])
    (key,) = verifier_keys(tmp_path)
    shutil.rmtree(tmp_path / "keys")
    found = verify(tmp_path)
    assert (found.exit_code, found.signer, found.signed) == (3, "", 0)
    assert "what it signed is not checked" in str(found)
    assert verify(tmp_path, Against(keys=[key])).signed == 2


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"\\n2\\n", b"\\n1\\n", "not about the lines before it"),
        (b'"range":["', b'"range":["' + b"0" * 64 + b'","', "this is no checkpoint: a tree of"),
        (b'"note":"', b'"note":"x', "signature|another log"),
        (b'"note":', b'"nota":', "this is no checkpoint: 'note'"),
        (b'=\\n","range', b'","range', "this is no checkpoint"),
    ],
)
def test_a_checkpoint_that_was_changed_is_found_even_in_a_chain_made_anew(
    tmp_path: Path, old: bytes, new: bytes, says: str
) -> None:
    written(tmp_path, [note(), note()])
    bodies = [_body(line) for line in all_lines(tmp_path)]
    assert old in bodies[2]
    _put(tmp_path, _linked([*bodies[:2], bodies[2].replace(old, new, 1)]))
    found = verify(tmp_path)
    assert found.exit_code == 1
    assert any(part in found.flaws[0].message for part in says.split("|"))


def test_a_record_changed_under_a_chain_made_anew_does_not_fit_its_checkpoint(tmp_path: Path) -> None:
    written(tmp_path, [decision("mcpr_1"), note()])
    bodies = [_body(line) for line in all_lines(tmp_path)]
    _put(tmp_path, _linked([bodies[0].replace(b"policy_allow", b"policy_deny"), *bodies[1:]]))
    found = verify(tmp_path)
    assert (found.exit_code, found.flaw_count, found.flaws[0].kind) == (1, 1, FlawKind.CHECKPOINT_WRONG)
    assert "line 3: this checkpoint is not about the lines before it" in str(found)


def test_an_anchor_that_you_vouch_for_seals_and_names_what_came_after_it(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept.jsonl"
    anchored(log, [note(), note()], [FileAnchor(path=kept)])
    sealed = verify(log, Against(outside=[kept]))
    assert (sealed.status, sealed.exit_code, sealed.unsealed) == (Status.SEALED, 0, None)
    assert "sealed: 2 records" in str(sealed)
    written(log, [note(), note(), note()])
    later = verify(log, Against(outside=[kept]))
    assert later.exit_code == 3
    assert "3 records unsealed, seq 4-7 (sealed up to seq 2)" in str(later)


def test_an_anchor_that_is_not_there_or_is_about_another_log_seals_nothing(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept.jsonl"
    written(log, [note()])
    missing = verify(log, Against(outside=[kept]))
    assert missing.exit_code == 3
    assert "it cannot be read: No such file" in str(missing)
    anchored(tmp_path / "other", [note()], [FileAnchor(path=kept)])
    other = verify(log, Against(outside=[kept]))
    assert (other.exit_code, other.anchors[0].lines) == (3, 0)
    assert "says nothing about this log" in str(other)


def test_noise_of_a_stranger_in_an_anchor_is_no_evidence_against_the_log(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept.jsonl"
    anchored(log, [note(), note()], [FileAnchor(path=kept)])
    line = json.loads(kept.read_text())
    key = new_signing_key("example.com/stranger")
    from mcpbridge.audit.checkpoint import Checkpoint

    for size in (1, 2, 900):
        noise = Checkpoint(origin=line["log"], size=size, root=bytes(32)).signed(key)
        with kept.open("a") as file:
            file.write(
                json.dumps({"log": line["log"], "size": size, "note": noise}, separators=(",", ":")) + "\n"
            )
    assert verify(log, Against(outside=[kept])).exit_code == 0


def test_anchors_of_several_writers_may_come_a_little_out_of_order(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept.jsonl"
    for number in range(5):
        anchored(log, [note(str(number))], [FileAnchor(path=kept)])
    lines = kept.read_bytes().splitlines(keepends=True)
    kept.write_bytes(b"".join([lines[1], lines[0], lines[4], lines[2], lines[3], lines[3]]))
    assert verify(log, Against(outside=[kept])).exit_code == 0


@pytest.mark.promise("audit-remembers")
def test_what_was_seen_is_remembered_and_a_cut_or_rewritten_log_shows(tmp_path: Path) -> None:
    log, heads = tmp_path / "log", Heads(tmp_path / "heads")
    written(log, [note("1"), note("2")])
    lines = all_lines(log)
    assert verify(log, Against(heads=heads)).exit_code == 3
    written(log, [note("3")])
    again = verify(log, Against(heads=heads))
    assert (again.exit_code, again.trusted) == (3, True)
    assert "nothing changed in the 3 lines that you saw on" in str(again)
    third = all_lines(log)
    _put(log, [third[0].replace(b'"note":"1"', b'"note":"7"'), *third[1:]])
    altered = verify(log, Against(heads=heads))
    assert (altered.exit_code, "nothing changed" in str(altered)) == (1, False)
    _put(log, lines)
    cut = verify(log, Against(heads=heads))
    assert (cut.exit_code, cut.flaws[0].kind) == (1, FlawKind.CUT_OFF)
    assert "what you saw last: it saw 5 lines, and this log ends after 3" in str(cut)
    _put(log, [])
    written(log, [note(str(number)) for number in range(9)])  # the same keys, another story
    forged = verify(log, Against(heads=heads))
    assert (forged.exit_code, forged.flaws[0].kind) == (1, FlawKind.ANCHOR_DIFFERS)
    assert verify(log).exit_code == 3  # nobody else could tell


def _deleted(log: Path) -> None:
    shutil.rmtree(log)


def _without_its_file(log: Path) -> None:
    (log / "audit.jsonl").unlink()


def _emptied(log: Path) -> None:
    (log / "audit.jsonl").write_bytes(b"")


def _overwritten(log: Path) -> None:
    (log / "audit.jsonl").write_bytes(b"nothing to see\n")


@pytest.mark.promise("audit-gone")
@pytest.mark.parametrize("happens", [_deleted, _without_its_file, _emptied, _overwritten])
@pytest.mark.parametrize("named", ["log", "log/audit.jsonl"])
def test_a_log_that_was_seen_and_is_gone_is_tampered_with(
    tmp_path: Path, happens: Callable[[Path], None], named: str
) -> None:
    log, heads = tmp_path / "log", Heads(tmp_path / "heads")
    written(log, [note("1"), note("2")])
    assert verify(log, Against(heads=heads)).exit_code == 3
    happens(log)
    found = verify(tmp_path / named, Against(heads=heads))
    assert (found.exit_code, found.flaws[0].kind) == (1, FlawKind.CUT_OFF)
    assert "you saw 3 lines of mcpbridge/" in str(found)
    assert "they are gone: " in str(found)
    assert verify(tmp_path / named).exit_code == 2  # nobody else could tell
    heads.forget(log, "")
    assert verify(tmp_path / named, Against(heads=heads)).exit_code == 2


def test_a_log_that_was_seen_and_is_gone_can_be_forgotten_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    log = tmp_path / "log"
    written(log, [note()])
    assert main(["audit", "verify", str(log)]) == 3
    shutil.rmtree(log)
    assert main(["audit", "verify", str(log)]) == 1
    assert "say so with --forget" in capsys.readouterr().out
    assert main(["audit", "verify", "--forget", str(log)]) == 2
    assert main(["audit", "verify", str(log)]) == 2


def test_another_log_in_the_same_place_shows_until_the_old_one_is_forgotten(tmp_path: Path) -> None:
    log, heads = tmp_path / "log", Heads(tmp_path / "heads")
    written(log, [note()])
    assert verify(log, Against(heads=heads)).exit_code == 3
    shutil.rmtree(log)
    written(log, [note(), note()])
    found = verify(log, Against(heads=heads))
    assert (found.exit_code, found.flaws[0].kind) == (1, FlawKind.OTHER_LOG)
    heads.forget(log, found.origin)
    assert verify(log, Against(heads=heads)).exit_code == 3


def test_what_cannot_be_remembered_is_said_and_changes_nothing_else(tmp_path: Path) -> None:
    log = tmp_path / "log"
    written(log, [note()])
    (tmp_path / "file").touch()
    found = verify(log, Against(heads=Heads(tmp_path / "file")))
    assert (found.exit_code, found.records) == (3, 1)
    assert f"this cannot be remembered in {tmp_path / 'file'}: " in str(found)


def test_a_head_that_cannot_be_read_is_like_none(tmp_path: Path) -> None:
    log, heads = tmp_path / "log", Heads(tmp_path / "heads")
    written(log, [note()])
    verify(log, Against(heads=heads))
    for path in heads.folder.iterdir():
        path.write_text("[")
    assert verify(log, Against(heads=heads)).exit_code == 3


def _long(folder: Path, count: int) -> None:
    """A log of several segments."""

    async def scenario() -> None:
        rhythm = Rhythm(segment_bytes=4_000)
        async with AuditLog.open(folder, mask=MASK, rhythm=rhythm) as log:
            for number in range(count):
                await log.append(decision(f"mcpr_{number}"))

    asyncio.run(scenario())


def test_a_log_of_several_segments_is_one_log_and_flaws_name_the_file(tmp_path: Path) -> None:
    _long(tmp_path, 60)
    paths = segments(tmp_path)
    assert len(paths) > 3
    found = verify(tmp_path)
    assert (found.records, found.exit_code) == (60, 3)
    lines = paths[1].read_bytes().split(b"\n")
    at = next(number for number, line in enumerate(lines) if b"policy_allow" in line)
    lines[at] = lines[at].replace(b"policy_allow", b"policy_alloW")
    paths[1].write_bytes(b"\n".join(lines))
    flawed = verify(tmp_path)
    assert (flawed.flaws[0].file, flawed.flaws[0].kind) == (paths[1].name, FlawKind.ALTERED)
    assert flawed.flaw_count == 2  # the line after it does not follow; its checkpoint is no flaw of its own
    assert f"{paths[1].name} line {at + 1}: this line was altered" in str(flawed)
    paths[1].unlink()
    assert verify(tmp_path).flaws[0].kind is FlawKind.SEQ_GAP
    assert "name its folder" in str(verify(paths[2]))


def test_a_log_that_lost_its_beginning_without_a_record_of_it_is_tampered(tmp_path: Path) -> None:
    _long(tmp_path, 60)
    segments(tmp_path)[0].unlink()
    found = verify(tmp_path)
    assert (found.exit_code, found.flaws[0].kind) == (1, FlawKind.SEQ_GAP)


def test_the_result_is_plain_json_too(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept.jsonl"
    anchored(log, [note()], [FileAnchor(path=kept)])
    found = json.loads(json.dumps(verify(log, Against(anchors=[FileAnchor(path=kept)])).as_json()))
    assert found["unsealed"] == {"records": 1, "first_seq": 1, "last_seq": 2}
    assert (found["anchors"][0]["lines"], found["anchors"][0]["outside"]) == (1, False)
    assert (found["status"], found["exit_code"], found["signed"]) == ("unsealed", 3, 1)
