"""Erasing, legal holds, and whether a value ever occurred: by the commands that people use."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.audit import DeclaredSecrets, read, verify
from mcpbridge.audit.keys import hiding_keys
from mcpbridge.audit.sealed import Opener
from mcpbridge.cli.main import main
from mcpbridge.ports import Record
from tests.records import fit

from .logs import decision, written
from .test_audit_sealed import identity

ADA = "ada@example.com"


def call(conversation: str, level: str, **fields: Any) -> Any:
    about = {"server_label": level, "tool": "pay", "conversation_id": conversation, **fields}
    return decision(f"mcpr_{conversation}_{level}", arguments={"to": ADA, "pin": 4711}, **about)


def audited(folder: Path, *calls: Any) -> tuple[Path, Path]:
    """A log, and the reviewer's key."""
    path, public = identity(folder)
    levels = {f"{level}.*": level for level in ("sealed", "metadata", "none")}
    secrets = [DeclaredSecrets(tool="*", fields=("pin",))]
    written(folder / "audit", calls, levels=levels, recipients=[public], secrets=secrets)
    return folder / "audit", path


def run(*words: str | Path) -> int:
    return main(["audit", *map(str, words)])


@pytest.mark.promise("audit-erase")
def test_erased_records_open_for_nobody_and_the_chain_still_verifies(tmp_path: Path) -> None:
    log, key = audited(tmp_path, call("a", "sealed"), call("b", "sealed"))
    before = (log / "audit.jsonl").read_bytes()
    assert run("erase", log, "--conversation", "a", "--by", "dpo", "--reason", "request 12", "--yes") == 0
    first, second = read(log, types=["decision"])
    opener = Opener(log, [key])
    assert "its key is gone" in opener.open(first)["unreadable"]
    assert opener.open(second)["arguments"]["to"] == ADA
    assert (log / "audit.jsonl").read_bytes().startswith(before), "no line has changed"
    result = verify(log)
    assert (result.flaw_count, result.exit_code) == (0, 3)


@pytest.mark.promise("audit-erase")
def test_what_is_erased_by_whom_and_why_is_on_record_before_and_after(tmp_path: Path) -> None:
    log, _ = audited(tmp_path, call("a", "sealed"))
    [sealed] = read(log, types=["decision"])
    run("erase", log, "--request", sealed["request_id"], "--by", "dpo", "--reason", "request 12", "--yes")
    before, after = read(log, types=["erased"])
    assert (before["phase"], before["keys"]) == ("pre", [sealed["sealed"]["key"]])
    assert (before["approver"], before["authenticated"], before["reason"]) == ("dpo", False, "request 12")
    assert before["selector"] == {"request_id": sealed["request_id"]}
    assert (after["phase"], after["of"], after["count"]) == ("post", before["seq"], 1)


def test_a_key_that_is_gone_without_a_record_of_it_is_a_flaw(tmp_path: Path) -> None:
    log, _ = audited(tmp_path, call("a", "sealed"))
    [path] = (log / "sealed").iterdir()
    path.unlink()
    result = verify(log)
    assert result.exit_code == 1
    assert path.stem in str(result)


@pytest.mark.parametrize(
    ("words", "count"),
    [(["--record", "1"], 1), (["--principal", "ci-bot"], 2), (["--conversation", "b"], 1),
     (["--principal", "ci-bot", "--conversation", "a"], 1), (["--request", "mcpr_zzz"], 0)],
)  # fmt: skip
def test_without_a_yes_nothing_changes_and_the_records_meant_are_counted(
    tmp_path: Path, words: list[str], count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    log, _ = audited(tmp_path, call("a", "sealed"), call("b", "sealed"))
    before = (log / "audit.jsonl").read_bytes()
    run("erase", log, *words, "--json")
    assert len(json.loads(capsys.readouterr().out)["keys"]) == count
    assert (log / "audit.jsonl").read_bytes() == before
    assert len(list((log / "sealed").iterdir())) == 2


def test_what_a_line_keeps_readable_cannot_be_erased_and_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, _ = audited(tmp_path, call("a", "plain"), call("a", "sealed"))
    assert run("erase", log, "--conversation", "a", "--yes") == 1
    out = capsys.readouterr().out
    assert "1 key of sealed records destroyed" in out
    assert "1 record with arguments or results that are readable" in out


def test_records_must_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, _ = audited(tmp_path, call("a", "sealed"))
    assert run("erase", log, "--yes") == 2
    assert "say which records" in capsys.readouterr().err


def test_no_log_is_begun_to_erase_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("hold", "add", "case-1", tmp_path / "nothing") == 1
    assert "there is no audit log" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


@pytest.mark.promise("audit-hold")
def test_under_a_hold_nothing_is_erased_until_it_is_released(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, _ = audited(tmp_path, call("a", "sealed"))
    assert run("hold", "add", "case-1", log, "--by", "counsel", "--reason", "a claim") == 0
    assert run("erase", log, "--conversation", "a", "--yes") == 2
    assert "legal hold (case-1" in capsys.readouterr().err
    assert len(list((log / "sealed").iterdir())) == 1
    assert run("hold", "add", "case-1", log) == 2, "it stands already"
    assert run("hold", "list", log, "--json") == 0
    assert json.loads(capsys.readouterr().out)["by"] == "counsel"
    assert run("hold", "release", "case-2", log) == 2
    assert run("hold", "release", "case-1", log) == 0
    assert run("erase", log, "--conversation", "a", "--yes") == 0
    found = about_the_log_itself(log)
    assert {one["type"] for one in found} >= {"hold_added", "hold_released", "erased", "checkpoint"}
    fit(found)


def about_the_log_itself(log: Path) -> list[dict[str, Any]]:
    return [record for record in read(log) if record["type"] != "decision"]


def test_a_hold_has_a_name_that_can_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, _ = audited(tmp_path, call("a", "sealed"))
    assert run("hold", "add", "a b\x1b[2J", log) == 2
    assert "\x1b" not in capsys.readouterr().err


def hashed(
    log: Path, value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *more: str
) -> tuple[int, list[str]]:
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO(value + "\n"))
    code = run("hash", log, "--json", *more)
    captured = capsys.readouterr()
    assert value not in captured.out + captured.err
    *found, _ = [json.loads(line) for line in captured.out.splitlines()]
    return code, [f"{one['tool']} {one['found'].partition(' (')[0]}" for one in found]


@pytest.mark.promise("audit-hash")
def test_a_value_is_found_in_clear_hidden_and_sealed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log, key = audited(tmp_path, *(call("a", level) for level in ("plain", "metadata", "sealed", "none")))
    assert hashed(log, ADA, capsys, monkeypatch) == (0, ["plain.pay in clear", "metadata.pay hidden"])
    assert hashed(log, "4711", capsys, monkeypatch) == (0, ["plain.pay hidden", "metadata.pay hidden"])
    code, found = hashed(log, ADA, capsys, monkeypatch, "--identity", str(key))
    assert (code, found[2:]) == (0, ["sealed.pay sealed"])
    code, found = hashed(log, "4711", capsys, monkeypatch, "--identity", str(key))
    assert (code, found[2:]) == (0, ["sealed.pay sealed"]), "declared secret: hidden also where it is sealed"
    assert hashed(log, "eve@example.com", capsys, monkeypatch, "--identity", str(key)) == (1, [])
    assert hashed(log, "eve@example.com", capsys, monkeypatch) == (1, [])


@pytest.mark.promise("audit-hash")
def test_whole_arguments_and_a_whole_result_are_found_by_their_hashes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = Record(
        type="outcome", fields={"tool": "t", "result_sha256": hashlib.sha256(b"balance 17").hexdigest()}
    )
    log, _ = audited(tmp_path, call("a", "sealed"), result)
    whole = json.dumps({"pin": 4711, "to": ADA})
    assert hashed(log, whole, capsys, monkeypatch) == (0, ["sealed.pay all arguments"])
    assert hashed(log, "balance 17", capsys, monkeypatch) == (0, ["t whole result"])


@pytest.mark.promise("audit-hash")
def test_a_value_hidden_under_a_retired_key_is_found_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log, _ = audited(tmp_path, call("a", "metadata"))
    assert run("keys", "rotate", "--hmac", log) == 0
    assert len(hiding_keys(log)) == 2
    written(log, [call("b", "metadata")], levels={"*": "metadata"})
    assert hashed(log, ADA, capsys, monkeypatch) == (0, ["metadata.pay hidden"] * 2)


def test_what_nobody_can_look_into_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, _ = audited(tmp_path, call("a", "none"), call("a", "sealed"))
    assert run("hash", log, "--value", "something") == 1
    err = capsys.readouterr().err
    assert "1 sealed record was not opened" in err
    assert "1 record keeps no arguments" in err
    assert "something" not in err


def test_a_record_whose_key_was_erased_says_by_which_record_and_asks_for_no_identity(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, _ = audited(tmp_path, call("a", "sealed"), call("b", "sealed"), call("c", "sealed"))
    first, second, _ = read(log, types=["decision"])
    run("erase", log, "--conversation", "a", "--by", "dpo", "--reason", "request 12", "--yes")
    (log / "sealed" / f"{second['sealed']['key']}.age").unlink()
    by = next(record["seq"] for record in read(log, types=["erased"]))
    capsys.readouterr()
    assert run("hash", log, "--value", "something") == 1
    said = capsys.readouterr().err
    assert "1 sealed record was not opened: --identity FILE opens what it may" in said
    assert (
        f"2 sealed records can be opened by nobody: their keys were erased (record {by}) or gone without"
        in said
    )
    assert run("show", str(first["seq"]), log) == 0
    shown = capsys.readouterr().out
    assert f"its key was erased (record {by})" in shown
    assert "--identity" not in shown
    assert run("show", str(second["seq"]), log) == 0
    assert "its key is gone, and no record says that it was erased" in capsys.readouterr().out
