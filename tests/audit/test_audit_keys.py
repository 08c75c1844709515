"""A log's keys: made with it, kept in files or elsewhere, replaced on record."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from mcpbridge.audit import Against, AuditLog, FlawKind, verify
from mcpbridge.audit.disk import SystemDisk
from mcpbridge.audit.keys import (
    KeySources,
    hiding_keys,
    key_id,
    key_warnings,
    new_key,
    new_signing_key,
    open_keys,
    verifier_keys,
)
from mcpbridge.audit.keys.changing import Change, change_hiding_key, change_signing_key, kept_signing_key
from mcpbridge.audit.keys.rotation import Voucher, vouch
from mcpbridge.audit.note import NoteError, SigningKey
from mcpbridge.cli.main import main
from mcpbridge.core.secret import Secret
from mcpbridge.errors import AuditUnavailable

from .logs import MASK, all_lines, decision, note, records_of, written

_DISK = SystemDisk()
_BY = Change(by="ada", reason="yearly")


def _signing(folder: Path) -> SigningKey:
    key = kept_signing_key(folder)
    assert key
    return key


def _rotated(folder: Path, new: SigningKey, *, old: SigningKey | None) -> None:
    async def scenario() -> None:
        async with AuditLog.open(folder, mask=MASK) as log:
            await log.append(note("before"))
            origin = verifier_keys(folder)[0].name
            await change_signing_key(log, folder, _BY, origin=origin, old=old, new=new)
            await log.append(note("after"))

    asyncio.run(scenario())


def test_a_log_makes_its_keys_once_and_nobody_else_can_read_them(tmp_path: Path) -> None:
    first = open_keys(tmp_path, _DISK)
    again = open_keys(tmp_path, _DISK)
    assert (first.origin, first.signer(), first.hmac_key) == (again.origin, again.signer(), again.hmac_key)
    assert first.origin.startswith("mcpbridge/")
    assert verifier_keys(tmp_path) == (first.signer().verifier,)
    if sys.platform != "win32":
        assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}
    assert key_warnings(tmp_path) == []


def test_two_logs_have_different_names_and_keys(tmp_path: Path) -> None:
    one, other = (open_keys(tmp_path / name, _DISK) for name in ("one", "other"))
    assert one.origin != other.origin
    assert one.signer().seed != other.signer().seed
    assert one.hmac_key != other.hmac_key


@pytest.mark.skipif(sys.platform == "win32", reason="modes as POSIX has them")
def test_key_files_that_others_can_read_are_said(tmp_path: Path) -> None:
    open_keys(tmp_path, _DISK)
    (tmp_path / "keys" / "signing.key").chmod(0o640)
    (tmp_path / "keys").chmod(0o770)
    folder, signing = key_warnings(tmp_path)
    assert folder.endswith(f"run `chmod 700 {tmp_path / 'keys'}`")
    assert "signing.key has mode 640: other accounts can read or replace this key" in signing
    written(tmp_path, [note()])
    assert signing in str(verify(tmp_path))


@pytest.mark.parametrize("name", ["hmac.key", "signing.key"])
def test_a_log_whose_key_is_missing_is_not_written(tmp_path: Path, name: str) -> None:
    written(tmp_path, [note()])
    path = tmp_path / "keys" / name
    key = path.read_bytes()
    path.unlink()
    with pytest.raises(
        AuditUnavailable, match=f"{name} is missing, and the log beside it was written with it"
    ):
        written(tmp_path, [note()])
    path.write_bytes(key)
    written(tmp_path, [note()])
    assert verify(tmp_path).records == 2


@pytest.mark.parametrize("name", ["hmac.key", "signing.key"])
def test_the_command_names_a_key_that_is_missing_and_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    log = tmp_path / "log"
    written(log, [note()])
    assert main(["audit", "keys", "list", str(log)]) == 0
    assert "missing" not in capsys.readouterr().out
    (log / "keys" / name).unlink()
    assert main(["audit", "keys", "list", str(log)]) == 1
    [said] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("missing ")]
    assert str(log / "keys" / name) in said
    assert f"`mcpbridge audit keys rotate --lost {log}`" in said
    assert main(["audit", "keys", "rotate", "--lost", str(log)]) == 0
    assert main(["audit", "keys", "list", str(log)]) == 0


def test_a_key_that_the_configuration_keeps_elsewhere_is_not_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIDING", "ab" * 32)
    keys = KeySources(hmac=Secret("ab" * 32))
    written(tmp_path / "log", [note()], keys=keys)
    (tmp_path / "mcpbridge.yaml").write_text(
        "model: {name: m, endpoint: local}\npolicy: read-only\n"
        'audit: {path: log, keys: {hmac: "${env:HIDING}"}}\n'
    )
    monkeypatch.chdir(tmp_path)
    assert main(["audit", "keys"]) == 0
    assert "missing" not in capsys.readouterr().out
    assert main(["audit", "keys", "list", "log"]) == 1
    assert "where audit.keys keeps it elsewhere" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("signing.key", "nonsense", "holds no signing key"),
        ("origin", "two words", "does not hold the log's name"),
        ("verifier.keys", "nonsense", "this is no verifier key"),
        ("hmac.key", "short", "is not a key of 32 bytes"),
    ],
)
def test_a_key_file_with_something_else_in_it_is_refused(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    written(tmp_path, [note()])
    (tmp_path / "keys" / name).write_text(text)
    with pytest.raises(AuditUnavailable, match=says):
        open_keys(tmp_path, _DISK)


def test_a_key_that_nobody_vouched_for_is_not_taken(tmp_path: Path) -> None:
    written(tmp_path, [note()])
    other = new_signing_key(verifier_keys(tmp_path)[0].name)
    (tmp_path / "keys" / "signing.key").write_text(other.text())
    with pytest.raises(AuditUnavailable, match="is another key than the log"):
        written(tmp_path, [note()])


def test_keys_that_are_kept_elsewhere_leave_no_private_file(tmp_path: Path) -> None:
    signing, hmac = new_signing_key("example.com/agents"), new_key()
    sources = KeySources(signing=Secret(signing.text()), hmac=Secret(hmac.hex()))

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, keys=sources) as log:
            await log.append(decision("mcpr_1", arguments={"password": "hunter2-hunter2"}))

    asyncio.run(scenario())
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["origin", "verifier.keys"]
    found = verify(tmp_path, Against(keys=[signing.verifier]))
    assert (found.trusted, found.origin.startswith("mcpbridge/")) == (True, True)
    assert key_id(hmac) in all_lines(tmp_path)[0].decode()
    assert list(hiding_keys(tmp_path, source=sources.hmac)) == [key_id(hmac)]


@pytest.mark.parametrize("text", ["", "short", "zz" * 32, "AAAA"])
def test_what_is_no_key_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    for sources in (KeySources(hmac=Secret(text)), KeySources(signing=Secret(text))):
        with pytest.raises(AuditUnavailable) as caught:
            open_keys(tmp_path, _DISK, sources)
        assert not text or text not in str(caught.value)


@pytest.mark.promise("audit-key-rotation")
def test_a_new_signing_key_is_vouched_for_by_the_old_and_used_at_once(tmp_path: Path) -> None:
    written(tmp_path, [note()])
    old, new = _signing(tmp_path), new_signing_key(verifier_keys(tmp_path)[0].name)
    _rotated(tmp_path, new, old=old)
    written(tmp_path, [note()])
    assert (_signing(tmp_path), verifier_keys(tmp_path)) == (new, (old.verifier, new.verifier))
    (record,) = (each for each in records_of(tmp_path) if each["type"] == "key_rotated")
    assert (record["kind"], record["old"], record["new"]) == (
        "signing", old.verifier.key_id, new.verifier.key_id,
    )  # fmt: skip
    assert (record["approver"], record["authenticated"], record["reason"]) == ("ada", False, "yearly")
    # Whoever trusts the old key, or the new one, need not be told anything.
    for key in (old.verifier, new.verifier):
        found = verify(tmp_path, Against(keys=[key]))
        assert (found.exit_code, found.trusted, found.signer) == (3, True, str(new.verifier))


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (
            "keys",
            "keys/ is missing, and with it the key {}: what it signed is not checked; restore keys/ (verif",
        ),
        (
            "keys/verifier.keys",
            "keys/verifier.keys is missing, and with it the key {}: what it signed is not ",
        ),
    ],
)
def test_keys_that_are_gone_after_a_change_of_keys_are_named_with_what_to_restore(
    tmp_path: Path, gone: str, said: str
) -> None:
    written(tmp_path, [note()])
    old, new = _signing(tmp_path), new_signing_key(verifier_keys(tmp_path)[0].name)
    _rotated(tmp_path, new, old=old)
    (tmp_path / gone).rename(tmp_path / "taken")
    found = verify(tmp_path)
    assert found.exit_code == 3
    assert said.format(f"{old.verifier.name} ({old.verifier.key_id})") in str(found)
    assert "restore keys/" in str(found)
    assert "or give that key with --key VKEY" in str(found)
    assert f"({new.verifier.key_id}), a key that only the log's own record of a change of keys names" in str(
        found
    )
    assert verify(tmp_path, Against(keys=[old.verifier])).warnings == ()


def test_a_new_key_without_the_old_ones_word_is_said_and_trusted_by_nobody(tmp_path: Path) -> None:
    written(tmp_path, [note()])
    old, new = _signing(tmp_path), new_signing_key(verifier_keys(tmp_path)[0].name)
    _rotated(tmp_path, new, old=None)
    found = verify(tmp_path)
    assert found.exit_code == 3
    assert "replaced the signing key without the old one's word, as lost" in str(found)
    assert verify(tmp_path, Against(keys=[old.verifier])).flaws[0].kind is FlawKind.KEY_UNVOUCHED
    assert verify(tmp_path, Against(keys=[new.verifier])).exit_code == 3


def test_a_retired_key_cannot_sign_again(tmp_path: Path) -> None:
    written(tmp_path, [note()])
    old, new = _signing(tmp_path), new_signing_key(verifier_keys(tmp_path)[0].name)
    _rotated(tmp_path, new, old=old)
    (tmp_path / "keys" / "signing.key").write_text(old.text())
    written(tmp_path, [note()])
    found = verify(tmp_path)
    assert found.exit_code == 1
    assert f"signed with the key {old.verifier.key_id}, which the key before it" in str(found)


def test_a_voucher_holds_for_one_log_and_two_keys() -> None:
    old, new, stranger = (new_signing_key("mcpbridge/1") for _ in range(3))
    Voucher.parse(vouch("mcpbridge/1", old, new)).check("mcpbridge/1")
    with pytest.raises(NoteError, match="about another log"):
        Voucher.parse(vouch("mcpbridge/1", old, new)).check("mcpbridge/2")
    forged = vouch("mcpbridge/1", stranger, new).replace(str(stranger.verifier), str(old.verifier))
    with pytest.raises(NoteError):
        Voucher.parse(forged).check("mcpbridge/1")
    with pytest.raises(NoteError, match="no voucher"):
        Voucher.parse(vouch("mcpbridge/1", old, new).replace("key rotation", "key"))


def test_a_retired_hmac_key_is_kept_so_that_old_values_can_still_be_found(tmp_path: Path) -> None:
    written(tmp_path, [note()])
    ((old_id, old),) = hiding_keys(tmp_path).items()
    new = new_key()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            await change_hiding_key(log, tmp_path, _BY, old=old, new=new)

    asyncio.run(scenario())
    assert hiding_keys(tmp_path) == {key_id(new): new, old_id: old}
    assert open_keys(tmp_path, _DISK).hmac_key == new
    assert records_of(tmp_path)[-1]["kind"] == "hmac"
    assert verify(tmp_path).exit_code == 3
