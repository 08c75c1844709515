"""Archives, backups and other copies: they end before what was seen, and were not cut."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mcpbridge.audit import Against, FlawKind, Verification, verify
from mcpbridge.audit.verifying.heads import Heads
from mcpbridge.cli.main import main

from .logs import all_lines, note, written
from .test_audit_retention import day, retained, year


def seen(tmp_path: Path, place: Path) -> Verification:
    return verify(place, Against(heads=Heads(tmp_path / "heads")))


def cut(log: Path, lines: int) -> None:
    kept = all_lines(log)[:-lines]
    (log / "audit.jsonl").write_bytes(b"".join(line + b"\n" for line in kept))


@pytest.mark.promise("audit-copies")
def test_an_archive_verifies_beside_the_log_that_was_seen_and_says_what_it_is(tmp_path: Path) -> None:
    log, archive = tmp_path / "log", tmp_path / "archive"
    year(log)
    whole = seen(tmp_path, log)
    retained(log, day(150), archive=archive)
    found = seen(tmp_path, archive)
    for said in (found, seen(tmp_path, archive)):
        assert (said.exit_code, said.copy_of) == (3, str(log)), str(said)
        assert f"this is a copy that ends before what you saw in {log}" in str(said)
        assert f"lines up to {found.lines} of {whole.lines}" in str(said)
    assert seen(tmp_path, log).exit_code == 3
    retained(log, day(250), archive=archive)
    assert seen(tmp_path, archive).lines > found.lines
    assert seen(tmp_path, log).copy_of == ""


@pytest.mark.promise("audit-remembers")
@pytest.mark.parametrize("copy_first", [False, True])
def test_a_log_that_was_cut_in_its_own_place_is_tampered_with_whatever_copies_were_seen(
    tmp_path: Path, copy_first: bool
) -> None:
    log, copy = tmp_path / "log", tmp_path / "copy"
    written(log, [note("1")])
    shutil.copytree(log, copy)
    if copy_first:
        assert seen(tmp_path, copy).exit_code == 3
    written(log, [note("2")])
    assert seen(tmp_path, log).exit_code == 3
    shutil.copytree(log, tmp_path / "later")
    written(tmp_path / "later", [note("3")])
    assert seen(tmp_path, tmp_path / "later").exit_code == 3
    if not copy_first:
        assert seen(tmp_path, copy).copy_of == str(tmp_path / "later")
    cut(log, 2)
    found = seen(tmp_path, log)
    assert (found.exit_code, found.flaws[0].kind) == (1, FlawKind.CUT_OFF)


@pytest.mark.promise("audit-copies")
def test_a_copy_that_was_cut_since_it_was_seen_is_tampered_with(tmp_path: Path) -> None:
    log, copy = tmp_path / "log", tmp_path / "copy"
    written(log, [note("1"), note("2")])
    shutil.copytree(log, copy)
    written(log, [note("3")])
    seen(tmp_path, log)
    assert seen(tmp_path, copy).exit_code == 3
    cut(copy, 1)
    found = seen(tmp_path, copy)
    assert (found.exit_code, found.flaws[0].kind) == (1, FlawKind.CUT_OFF)
    assert "what you saw last of this copy" in str(found)


@pytest.mark.promise("audit-copies")
def test_what_nothing_goes_on_from_is_a_cut_and_the_way_to_check_it_is_said(tmp_path: Path) -> None:
    log, copy = tmp_path / "log", tmp_path / "copy"
    written(log, [note("1")])
    shutil.copytree(log, copy)
    written(log, [note("2")])
    seen(tmp_path, log)
    (log / "audit.jsonl").unlink()
    found = seen(tmp_path, copy)
    assert (found.exit_code, found.flaws[0].kind) == (1, FlawKind.CUT_OFF)
    assert "--no-remember --key VKEY" in str(found)


@pytest.mark.promise("audit-copies")
def test_a_copy_of_another_course_of_the_log_is_a_cut(tmp_path: Path) -> None:
    log, copy = tmp_path / "log", tmp_path / "copy"
    written(log, [note("1")])
    shutil.copytree(log, copy)
    written(log, [note("2"), note("3"), note("4")])
    written(copy, [note("made up")])
    seen(tmp_path, log)
    assert seen(tmp_path, copy).exit_code == 1


@pytest.mark.promise("audit-copies")
def test_forgetting_a_copy_forgets_nothing_of_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    log, copy = tmp_path / "log", tmp_path / "copy"
    written(log, [note("1")])
    shutil.copytree(log, copy)
    written(log, [note("2")])
    assert main(["audit", "verify", str(log)]) == 3
    assert main(["audit", "verify", str(copy), "--forget"]) == 3, "still a copy"
    assert f"what you saw of it in {log} stays remembered" in capsys.readouterr().err
    cut(log, 2)
    assert main(["audit", "verify", str(log)]) == 1
    assert main(["audit", "verify", str(log), "--forget"]) == 3


def test_an_archive_without_keys_says_that_its_signer_is_unknown_and_names_its_folder(tmp_path: Path) -> None:
    log, archive = tmp_path / "log", tmp_path / "archive"
    year(log)
    retained(log, day(150), archive=archive)
    said = str(verify(archive))
    assert said.startswith(f"{archive}: ")
    assert "signed with a key that is not known here" in said
    assert "nothing is signed" not in said
