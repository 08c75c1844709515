"""Sealed records: a reviewer opens them, nobody else does, and their keys can be destroyed."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.audit import MemoryAudit, read, verify
from mcpbridge.audit.sealed import Opener, check_recipient, key_path
from mcpbridge.errors import UsageError
from mcpbridge.ports import Record

from .logs import decision, written

pyrage: Any = pytest.importorskip("pyrage", reason="the extra `sealed`")
SCREEN = "bank.pay\n  to  ada@example.com"
SHOWN = hashlib.sha256(SCREEN.encode()).hexdigest()


def identity(folder: Path, name: str = "reviewer.key") -> tuple[Path, str]:
    """A key file as `age-keygen` writes it, and the public key."""
    made = pyrage.x25519.Identity.generate()
    path = folder / name
    path.write_text(f"# created: 2025-11-21T12:00:00Z\n# public key: {made.to_public()}\n{made}\n")
    return path, str(made.to_public())


def sealed_log(folder: Path, *recipients: str, records: int = 1) -> Path:
    log = folder / "audit"
    about = {"server_label": "bank", "tool": "pay", "conversation_id": "conv_1", "screen_hash": SHOWN}
    one = decision(arguments={"to": "ada@example.com", "password": "hunter22"}, **about)
    written(
        log,
        [replace(one, blobs=(SCREEN,))] * records,
        levels={"bank.*": "sealed"},
        recipients=recipients,
    )
    return log


def decisions(log: Path) -> list[dict[str, Any]]:
    return list(read(log, types=["decision"]))


@pytest.mark.promise("audit-sealed")
def test_a_reviewer_sees_the_arguments_and_the_screen_and_the_log_holds_neither(tmp_path: Path) -> None:
    path, public = identity(tmp_path)
    log = sealed_log(tmp_path, public)
    for file in log.rglob("*"):
        assert not file.is_file() or b"ada@example.com" not in file.read_bytes()
    [record] = decisions(log)
    opened = Opener(log, [path]).open(record)
    assert opened["arguments"]["to"] == "ada@example.com"
    assert set(opened["arguments"]["password"]) == {"hmac", "key"}, "a secret stays one for reviewers too"
    assert opened["texts"] == {record["screen_hash"]: SCREEN}
    assert "sealed" not in opened


@pytest.mark.promise("audit-sealed")
def test_another_identity_opens_nothing_and_says_so(tmp_path: Path) -> None:
    _, public = identity(tmp_path)
    other, _ = identity(tmp_path, "other.key")
    [record] = decisions(sealed_log(tmp_path, public))
    opened = Opener(tmp_path / "audit", [other]).open(record)
    assert "arguments" not in opened
    assert "not sealed to this identity" in opened["unreadable"]


def test_each_of_several_reviewers_can_open_it_also_with_an_ssh_key(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    (tmp_path / "id_ed25519").write_bytes(private)
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
    first, age = identity(tmp_path)
    log = sealed_log(tmp_path, age, public)
    [record] = decisions(log)
    for path in (first, tmp_path / "id_ed25519"):
        assert Opener(log, [path]).open(record)["arguments"]["to"] == "ada@example.com"


def test_both_parts_are_plain_age_files(tmp_path: Path) -> None:
    """So a reviewer needs no mcpbridge: `age -d` opens the record's key, and with it the record."""
    path, public = identity(tmp_path)
    log = sealed_log(tmp_path, public)
    [record] = decisions(log)
    mine = pyrage.x25519.Identity.from_str(path.read_text().splitlines()[-1])
    wrapped = key_path(log, record["sealed"]["key"]).read_bytes()
    of_record = pyrage.x25519.Identity.from_str(pyrage.decrypt(wrapped, [mine]).decode().strip())
    assert b"ada@example.com" in pyrage.decrypt(base64.b64decode(record["sealed"]["data"]), [of_record])


def test_every_record_has_a_key_of_its_own(tmp_path: Path) -> None:
    _, public = identity(tmp_path)
    log = sealed_log(tmp_path, public, records=3)
    assert len({record["sealed"]["key"] for record in decisions(log)}) == 3
    assert len(list((log / "sealed").iterdir())) == 3
    assert verify(log).flaw_count == 0


def test_an_altered_key_file_is_named(tmp_path: Path) -> None:
    path, public = identity(tmp_path)
    log = sealed_log(tmp_path, public)
    [record] = decisions(log)
    key_path(log, record["sealed"]["key"]).write_bytes(b"something else")
    assert Opener(log, [path]).open(record)["unreadable"] == "its key file was altered"


def test_what_a_server_says_went_wrong_is_sealed_too(tmp_path: Path) -> None:
    path, public = identity(tmp_path)
    fields = {"server_label": "bank", "tool": "pay", "via": "hosted", "error": "http_error 502: no ada"}
    log = tmp_path / "audit"
    levels = {"bank.*": "sealed"}
    written(log, [Record(type="outcome", phase="post", fields=fields)], levels=levels, recipients=[public])
    [record] = read(log, types=["outcome"])
    assert "no ada" not in str(record)
    assert Opener(log, [path]).open(record)["error"] == fields["error"]


@pytest.mark.parametrize("recipient", ["", "mallory", "age1nonsense", "AGE-SECRET-KEY-1ABC", "ssh-dss AAAA"])
def test_a_recipient_that_is_none_is_refused_and_never_repeated(recipient: str) -> None:
    with pytest.raises(UsageError) as refused:
        MemoryAudit(levels={"*": "sealed"}, recipients=[recipient])
    assert check_recipient(recipient)
    assert not recipient or recipient not in str(refused.value)


def test_sealing_to_nobody_is_refused() -> None:
    with pytest.raises(UsageError, match="none is named"):
        MemoryAudit(levels={"*": "sealed"})


@pytest.mark.parametrize("text", [b"", b"# only a comment\n", b"\xff\xfe", b"AGE-SECRET-KEY-1ABC\n"])
def test_an_identity_file_without_a_key_is_a_usage_error(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "some.key"
    path.write_bytes(text)
    with pytest.raises(UsageError, match="no identity that age knows") as refused:
        Opener(tmp_path, [path])
    assert "1ABC" not in str(refused.value)
