"""`mcpbridge audit show ID`, `tail`, `explain`, `reconcile`, `signoff` and `index`."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from mcpbridge.audit import AuditLog, read, render_line
from mcpbridge.audit.chain import chained, line_hash
from mcpbridge.audit.review.evidence import evidence
from mcpbridge.cli.audit.evidence_text import evidence_lines
from mcpbridge.cli.main import main
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Record
from tests.cli_other.shared import MAIN, environment

_POLICY = """\
version: 1
defaults: {decision: ask, unknown_tool: deny}
rules:
  - id: small
    effect: allow
    tools: [bank.pay]
    when: {amount: {le: 100}}
  - id: never
    effect: deny
    tools: [bank.pay]
    when: {amount: {gt: 1000}}
"""
_HASH = hashlib.sha256(_POLICY.encode()).hexdigest()
_NASTY = "\x1b[2J\u202eevil\u2066 \x9b31m 漢字" * 20


def payment(amount: int, outcome: str, **fields: Any) -> Record:
    rule, effect = ("small", "allow") if outcome == "policy_allow" else ("never", "deny")
    usual: dict[str, Any] = {
        "run_id": "run_1",
        "conversation_id": "conv_1",
        "principal": "ada",
        "request_id": f"mcpr_{amount:08d}",
        "server_label": "bank",
        "tool": "pay",
        "definition_hash": "f" * 64,
        "arguments": {"amount": amount},
        "outcome": outcome,
        "effect": effect,
        "rule_ids": [rule],
        "matches": [{"rule": rule, "effect": effect, "policy": "pay.yaml", "predicates": ["amount ..."]}],
        "policy_hash": _HASH,
        "reason": f"rule {rule}",
    }
    return Record(type="decision", phase="pre", fields={**usual, **fields})


def write(folder: Path, *records: Record) -> None:
    async def work() -> None:
        async with AuditLog.open(folder, mask=Mask()) as log:
            for record in records:
                await log.append(record)

    asyncio.run(work())


@pytest.fixture
def log(here: Path) -> Path:
    """Record 1: a policy; 2: allowed and forgotten; 3: denied; 4: hostile."""
    fields = {"policy": "pay.yaml", "policy_hash": _HASH}
    write(
        here / "audit",
        Record(type="policy_loaded", fields=fields, blobs=(_POLICY,)),
        payment(50, "policy_allow"),
        payment(5_000, "policy_deny"),
        payment(7, "policy_deny", approver=_NASTY, reason=_NASTY, tool=_NASTY, arguments={_NASTY: [_NASTY]}),
    )
    return here / "audit"


def out(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["audit", *arguments]) == code
    return capsys.readouterr().out


def test_one_decision_is_shown_with_its_policy_and_its_proof(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = out(capsys, "show", "mcpr_00005000")
    assert text.startswith("Decision 3: bank.pay: DENIED (policy_deny)\n")
    assert "  | rules:\n  |   - id: small\n" in text
    assert "hashes lead from the leaf to this root" in text
    assert out(capsys, "show", "3", str(log)) == text
    assert out(capsys, "show", str(log), "3", "--no-index") == text
    out(capsys, "index")
    assert out(capsys, "show", "3") == text
    found = json.loads(out(capsys, "show", "3", "--json"))
    assert found["record"]["seq"] == 3
    assert found["coverage"]["included"] is True


def test_what_a_person_was_shown_is_shown_as_it_was(
    log: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = "The model wants to pay:\n\n  amount     5\n  note       " + "now, and  exactly, " * 7 + "so"
    shown = {"screen_hash": hashlib.sha256(asked.encode()).hexdigest()}
    record = payment(5, "policy_allow", **shown)
    write(log, replace(record, blobs=(asked,)))

    text = out(capsys, "show", "mcpr_00000005")
    assert "".join(f"  | {line}".rstrip() + "\n" for line in asked.split("\n")) in text

    narrow = [*evidence_lines(evidence(log, "mcpr_00000005", None), width=60)]
    kept = [line for line in narrow if line.startswith("  |")]
    assert len(kept) > asked.count("\n") + 1
    assert max(map(cell_len, kept)) <= 60


def test_what_is_meant_by_the_words_is_told_where_it_is_unclear(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "show", "2", "3"]) == 2
    assert "write one ID (such as 17 or mcpr_…), one PATH, or both" in capsys.readouterr().err
    assert main(["audit", "show", "--text", "?!"]) == 2
    assert "has no word to look for" in capsys.readouterr().err
    assert main(["audit", "show", "--index", "nowhere.sqlite"]) == 2
    assert "make it with `mcpbridge audit index --file nowhere.sqlite`" in capsys.readouterr().err


@pytest.mark.promise("audit-screens-inert")
@pytest.mark.parametrize(
    "command", [["show"], ["show", "4"], ["tail", "-a"], ["reconcile"], ["explain", "4"]]
)
def test_nothing_in_a_log_moves_the_cursor_or_reorders_a_screen(
    log: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    main(["audit", *command])
    printed = capsys.readouterr().out
    assert printed
    assert all(
        line.isprintable() and "\u202e" not in line and "\u2066" not in line for line in printed.splitlines()
    )


@pytest.mark.parametrize(
    "command", [["show", "3"], ["show", "4"], ["explain", "3"], ["explain", "4"], ["reconcile"]]
)
def test_screens_fit_80_columns(log: Path, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    main(["audit", *command])
    assert max(cell_len(line) for line in capsys.readouterr().out.splitlines()) <= 80


@pytest.mark.parametrize("color", [False, True])
def test_a_line_for_a_terminal_is_cut_to_its_width(log: Path, color: bool) -> None:
    for record in read(log):
        line = render_line(record, color=color, width=80)
        for paint in ("\x1b[0m", "\x1b[31m", "\x1b[32m", "\x1b[2m"):
            line = line.replace(paint, "")
        assert line.isprintable()
        assert cell_len(line) <= 80


def test_tail_has_what_matters_and_all_on_request(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(log, Record(type="intent", fields={"request_id": "mcpr_00000050"}), Record(type="tripwire"))
    shown = [json.loads(line)["type"] for line in out(capsys, "tail", "--json").splitlines()]
    assert shown == ["decision", "decision", "decision", "tripwire"]
    assert len(out(capsys, "tail", "-n", "2").splitlines()) == 2
    assert len(out(capsys, "tail", "-a").splitlines()) == 6
    assert len(out(capsys, "tail", "--denied", "--tool", "bank.pay").splitlines()) == 1


@pytest.mark.promise("tail-follows")
@pytest.mark.skipif(sys.platform == "win32", reason="an interrupt is a signal here")
def test_tail_follows_until_it_is_interrupted(log: Path) -> None:
    command = [*MAIN, "audit", "tail", "-f", "-n", "1", str(log)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=environment(NO_COLOR="1"), text=True
    ) as process:
        assert process.stdout is not None
        assert "denied" in process.stdout.readline()
        write(log, payment(1, "policy_allow"))
        assert "policy_allow" in process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(30) == 0


@pytest.mark.promise("explain-past-policy")
def test_a_past_decision_is_explained_by_the_policy_of_its_time(
    log: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "pay.yaml").write_text(_POLICY.replace("gt: 1000", "gt: 9000"))
    text = out(capsys, "explain", "mcpr_00005000", "--policy", "pay.yaml")
    assert "pay.yaml: deny by never" in text
    assert "yes  amount " in text
    assert "5000" in text
    assert "-    when: {amount: {gt: 1000}}\n    +    when: {amount: {gt: 9000}}" in text
    assert "today this call would meet: ask (no rule, by default)" in text
    (here / "pay.yaml").write_text(_POLICY)
    text = out(capsys, "explain", "3", "--policy", "pay.yaml")
    assert "pay.yaml has not changed since" in text
    assert "today this call would meet: deny (never)" in text
    found = json.loads(out(capsys, "explain", "3", "--json"))
    assert found["then"]["effect"] == "deny"
    assert found["changes"] is None


def test_an_explanation_never_guesses(log: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hidden = {"amount": {"hmac": "0" * 64, "key": "12345678"}}
    write(
        log,
        payment(9, "policy_deny", arguments=hidden),
        payment(10, "policy_deny"),
        payment(11, "policy_deny", policy_hash="0" * 64),
    )
    (here / "pay.yaml").write_text(_POLICY)
    text = " ".join(out(capsys, "explain", "mcpr_00000009", "--policy", "pay.yaml").split())
    assert text.count("allow or ask or deny: it depends on the argument `amount`") == 2
    assert "of that time pay.yaml (blob" in text
    assert "worked out again it is otherwise" in out(capsys, "explain", "mcpr_00000010")
    assert "its text is not in blobs/" in out(capsys, "explain", "mcpr_00000011")
    assert main(["audit", "explain", "1"]) == 2
    assert "record 1 is no decision but policy_loaded" in capsys.readouterr().err


def test_what_the_log_hides_stops_no_explanation_that_does_not_need_it(
    log: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masked = {"amount": 5000, "note": {"hmac": "0" * 64, "key": "12345678"}}
    whole = payment(7, "policy_deny", arguments_hmac="0" * 64, arguments_size=9)
    sized = replace(whole, fields={name: whole.fields[name] for name in whole.fields if name != "arguments"})
    write(
        log, payment(6, "policy_deny", arguments=masked), sized, payment(8, "policy_allow", arguments=masked)
    )

    text = " ".join(out(capsys, "explain", "mcpr_00000006").split())
    assert "not all arguments are in the log; by those that are: deny (never)" in text
    text = " ".join(out(capsys, "explain", "mcpr_00000007").split())
    assert "by those that are: allow or ask or deny: it depends on the arguments" in text
    text = " ".join(out(capsys, "explain", "mcpr_00000008").split())
    assert "by those that are: deny (never)" in text
    assert "that is otherwise than it was decided" in text


def test_reconcile_tells_by_its_exit_code(log: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = out(capsys, "reconcile", code=1)
    assert "#2 bank.pay: an approval without an outcome" in text
    found = json.loads(out(capsys, "reconcile", "--json", code=1))
    assert found["counts"] == {"approval_without_outcome": 1}
    assert "1 open and too young to tell" in out(capsys, "reconcile", "--grace", "1h")
    settled = {"request_id": "mcpr_00000050", "conversation_id": "conv_1", "status": "completed"}
    write(log, Record(type="outcome", fields=settled))
    assert out(capsys, "reconcile").endswith("it adds up\n")
    assert main(["audit", "reconcile", str(here / "nowhere")]) == 2


@pytest.mark.promise("signoff-binds")
def test_a_signoff_is_written_into_the_log_and_binds_its_lines(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = out(capsys, "signoff", "--reviewer", "grace", "--until", "3", "--note", "week 47")
    assert "grace reviewed records 1-3 (2 decisions, 1 denied): week 47" in text
    assert "1 findings" in text
    out(capsys, "signoff", "--reviewer", "alan")
    records = [record for record in read(log) if record["type"] == "review_signoff"]
    assert [(one["first_seq"], one["last_seq"]) for one in records] == [(1, 3), (4, records[0]["seq"] + 1)]
    assert records[0]["authenticated"] is False
    assert out(capsys, "signoff", "--list").count(": holds") == 2
    path = log / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"amount":5000', b'"amount":5001'))
    assert out(capsys, "signoff", "--list", code=1).count("DOES NOT HOLD") == 2
    assert main(["audit", "signoff"]) == 1
    assert "nothing is signed off" in capsys.readouterr().err
    assert len([record for record in read(log) if record["type"] == "review_signoff"]) == 2


def test_a_signoff_of_nothing_is_refused(log: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nobody has signed anything off" in out(capsys, "signoff", "--list")
    assert main(["audit", "signoff", "--until", "99"]) == 2
    assert "the log ends with record 5; name one that is there" in capsys.readouterr().err
    assert main(["audit", "signoff", "--from", "4", "--until", "2"]) == 2
    assert "nothing to sign off" in capsys.readouterr().err
    assert main(["audit", "signoff", str(here / "nowhere")]) == 2
    assert main(["audit", "signoff", "--reviewer", " "]) == 2
    assert "is nobody; write a name" in capsys.readouterr().err
    assert not [record for record in read(log) if record["type"] == "review_signoff"]


def test_what_was_changed_since_you_last_looked_is_not_signed_off(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "verify", str(log)]) == 3
    path = log / "audit.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    assert main(["audit", "signoff"]) == 1
    assert "what you saw last" in capsys.readouterr().err


def test_a_name_that_a_forger_chose_cannot_move_the_verifier_s_cursor(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = log / "audit.jsonl"
    lines = path.read_bytes().splitlines()
    last = [line for line in lines if b'"type":"checkpoint"' in line][-1]
    about = json.loads(last)
    note = about["note"].replace("\n", "\x9b2J\u202e\n", 1)
    about = {"ts": about["ts"], "type": "checkpoint", "note": note, "range": about["range"]}
    body = json.dumps(about, separators=(",", ":"))[1:-1].encode()
    path.write_bytes(path.read_bytes() + chained(len(lines) + 1, line_hash(lines[-1]), body) + b"\n")
    assert main(["audit", "verify", str(log)]) == 1
    text = capsys.readouterr().out
    assert "of another log" in text
    assert not {"\x9b", "\u202e"} & set(text)


def test_index_says_what_it_did_and_that_it_is_no_evidence(
    log: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "5 records, 5 of them new" in out(capsys, "index")
    text = out(capsys, "index")
    assert "5 records, 0 of them new" in text
    assert "disposable, and no evidence" in text
    assert json.loads(out(capsys, "index", "--json", "--rebuild"))["rebuilt"] is True
    assert main(["audit", "index", "--file", "/"]) == 2
    assert "is a folder; name a file in it" in capsys.readouterr().err
    assert json.loads(out(capsys, "index", "--json", "--file", "own.sqlite"))["path"] == "own.sqlite"
    assert len(out(capsys, "show", "--index", "own.sqlite", "--denied").splitlines()) == 2
    assert main(["audit", "index", str(here / "nowhere")]) == 2


def test_the_format_for_lnav_is_json_that_names_only_fields_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    form: dict[str, Any] = json.loads(out(capsys, "show", "--lnav-format"))["mcpbridge_audit"]
    in_line: set[str] = {part["field"] for part in form["line-format"] if part != " "}
    assert in_line - {"__timestamp__"} <= form["value"].keys()


@pytest.mark.skipif(find_spec("pyrage") is None, reason="pyrage is not installed")
def test_sealed_arguments_are_shown_to_whoever_holds_the_key(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    age: Any = importlib.import_module("pyrage")
    identity = age.x25519.Identity.generate()
    (here / "key.txt").write_text(f"{identity}\n")

    async def work() -> None:
        levels, recipients = {"bank.*": "sealed"}, [str(identity.to_public())]
        async with AuditLog.open(here / "audit", mask=Mask(), levels=levels, recipients=recipients) as opened:
            await opened.append(payment(77, "policy_deny"))

    asyncio.run(work())
    assert "sealed; --identity FILE opens them" in out(capsys, "show", "1")
    assert '"amount": 77' in out(capsys, "show", "--identity", "key.txt", "1")
    assert "its text is not in blobs/" in out(capsys, "explain", "1")
