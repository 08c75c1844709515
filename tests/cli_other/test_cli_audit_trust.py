"""`mcpbridge audit verify` with anchors and keys, and `mcpbridge audit keys`."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.adapters.audit_log import open_audit
from mcpbridge.audit import AuditLog
from mcpbridge.audit.anchors import FileAnchor, WitnessAnchor
from mcpbridge.audit.keys import hiding_keys, verifier_keys
from mcpbridge.audit.note import VerifierKey
from mcpbridge.cli.main import main
from mcpbridge.config import load_config, process_sources
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Record
from tests.audit.anchored import anchored
from tests.audit.logs import note, written
from tests.audit.witness import Witness

_NEW = "MCPBRIDGE_TEST_NEW_KEY"


@pytest.fixture
def log(here: Path) -> Path:
    written(here / "audit", [note(), note()])
    return here / "audit"


def _key(log: Path) -> VerifierKey:
    return verifier_keys(log)[-1]


def test_a_log_with_an_anchor_that_you_vouch_for_is_sealed_and_exit_0(
    log: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = here / "kept.jsonl"
    anchored(log, [note()], [FileAnchor(path=kept)])
    assert main(["audit", "verify", "--outside-anchor", str(kept)]) == 0
    assert "sealed: 3 records" in capsys.readouterr().out
    assert main(["audit", "verify", "--anchor", str(kept)]) == 3
    assert "writable by this account" in capsys.readouterr().out
    assert main(["audit", "verify", "--outside-anchor", str(kept), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "sealed"


def test_a_witness_is_asked_unless_you_are_offline(
    log: Path, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    witness = Witness()
    witness.trust(str(_key(log)))
    httpserver.expect_request("/add-checkpoint", method="POST").respond_with_handler(witness)
    url = httpserver.url_for("")
    anchored(log, [note()], [WitnessAnchor(url=url, key=VerifierKey.parse(witness.verifier_key))])
    named = ["--witness", url, witness.verifier_key]
    assert main(["audit", "verify", *named]) == 0
    assert main(["audit", "verify", *named, "--offline"]) == 3
    assert "it signed them at" in capsys.readouterr().out


def test_the_configurations_anchors_are_used(here: Path, httpserver: HTTPServer) -> None:
    witness = Witness()
    httpserver.expect_request("/add-checkpoint", method="POST").respond_with_handler(witness)
    written(here / "audit", [note()])
    witness.trust(str(_key(here / "audit")))
    (here / "mcpbridge.yaml").write_text(
        "model: {name: gpt-5, endpoint: openai}\npolicy: read-only\n"
        f"audit: {{anchors: [{{witness: '{httpserver.url_for('')}', key: '{witness.verifier_key}'}}]}}\n"
    )
    config = load_config(here / "mcpbridge.yaml").audit

    async def scenario() -> None:
        async with open_audit(config, mask=Mask(), sources=process_sources()) as opened:
            await opened.append(Record(type="run_started"))

    asyncio.run(scenario())
    assert main(["audit", "verify"]) == 0
    assert main(["audit", "verify", "audit"]) == 3


def test_a_pinned_key_and_what_was_seen_last_are_held_against_the_log(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = str(_key(log))
    assert main(["audit", "verify", "--key", key]) == 3
    assert "a key you trust" in capsys.readouterr().out
    shutil.rmtree(log)
    written(log, [note()])
    assert main(["audit", "verify", "--no-remember"]) == 3
    assert main(["audit", "verify", "--no-remember", "--key", key]) == 1
    assert main(["audit", "verify"]) == 1
    assert "another log stood here when you last verified it" in capsys.readouterr().out
    assert main(["audit", "verify", "--forget"]) == 3
    assert main(["audit", "verify"]) == 3


def test_what_is_no_verifier_key_is_refused(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", "--key", "nonsense"]) == 2
    assert "'nonsense' is no verifier key" in capsys.readouterr().err


def test_keys_lists_what_a_verifier_needs(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "keys"]) == 0
    out = capsys.readouterr().out
    assert str(_key(log)) in out
    assert "PRIVATE" not in out
    assert main(["audit", "keys", "list", "--json", str(log)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["origin"], found["signing"], found["hmac"]) == (
        _key(log).name, [str(_key(log))], list(hiding_keys(log)),
    )  # fmt: skip
    assert main(["audit", "keys", "list", "nowhere"]) == 2


@pytest.mark.parametrize(("which", "changed"), [([], (1, 1)), (["--signing"], (1, 0)), (["--hmac"], (0, 1))])
def test_rotating_replaces_both_keys_or_the_one_that_is_named(
    log: Path, which: list[str], changed: tuple[int, int]
) -> None:
    assert main(["audit", "keys", "rotate", *which, "--by", "ada", "--reason", "yearly"]) == 0
    assert (len(verifier_keys(log)) - 1, len(hiding_keys(log)) - 1) == changed
    written(log, [note()])
    assert main(["audit", "verify"]) == 3


def test_a_lost_key_is_replaced_only_when_that_is_said(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "keys", "rotate", "--lost"]) == 2
    assert "no key of this log is lost" in capsys.readouterr().err
    shutil.rmtree(log / "keys")
    assert main(["audit", "keys", "rotate"]) == 2
    assert "a key of this log is gone" in capsys.readouterr().err
    assert main(["audit", "keys", "rotate", "--lost", "--by", "ada"]) == 0
    written(log, [note()])
    assert main(["audit", "verify"]) == 3
    assert "without the old one's word, as lost" in capsys.readouterr().out


def test_a_key_that_is_kept_elsewhere_is_replaced_from_elsewhere(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys: list[str] = []
    for _ in range(2):
        assert main(["audit", "keys", "new", "example.com/agents"]) == 0
        keys.append(capsys.readouterr().out.strip())
    (here / "mcpbridge.yaml").write_text(
        "model: {name: gpt-5, endpoint: openai}\npolicy: read-only\n"
        "audit: {keys: {signing: '${env:MCPBRIDGE_TEST_KEY}'}}\n"
    )
    monkeypatch.setenv("MCPBRIDGE_TEST_KEY", keys[0])
    monkeypatch.setenv(_NEW, keys[1])
    config = load_config(here / "mcpbridge.yaml").audit

    async def write() -> None:
        opened: AuditLog = open_audit(config, mask=Mask(), sources=process_sources())
        async with opened:
            await opened.append(Record(type="run_started"))

    asyncio.run(write())
    assert main(["audit", "keys", "rotate", "--signing"]) == 2
    assert "audit.keys.signing keeps the key elsewhere" in capsys.readouterr().err
    assert main(["audit", "keys", "rotate", "--signing", "--to", f"${{env:{_NEW}}}"]) == 0
    assert "now change audit.keys" in capsys.readouterr().out
    monkeypatch.setenv("MCPBRIDGE_TEST_KEY", keys[1])
    asyncio.run(write())
    assert main(["audit", "verify"]) == 3
    assert not (here / "audit" / "keys" / "signing.key").exists()
    assert main(["audit", "keys", "rotate", "--hmac", "--to", f"${{env:{_NEW}}}"]) == 2
    assert "leave --to out" in capsys.readouterr().err


def test_a_new_key_needs_a_name_that_notes_can_have(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "keys", "new", "two words"]) == 2
    assert "neither spaces nor a plus sign" in capsys.readouterr().err
