"""`mcpbridge audit show` and `mcpbridge audit verify`."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.audit import AuditLog, log_path
from mcpbridge.cli.audit.place import since
from mcpbridge.cli.main import main
from mcpbridge.core.secret import Mask
from mcpbridge.errors import UsageError
from mcpbridge.ports import Record
from tests.cli_other.shared import WriteConfig

_MADE = [
    ("run_started", {"run_id": "run_1", "conversation_id": "conv_1", "principal": "ada"}),
    ("decision", {"server_label": "bank", "tool": "pay", "outcome": "human_allow", "request_id": "mcpr_1"}),
    ("outcome", {"server_label": "bank", "tool": "pay", "status": "completed", "request_id": "mcpr_1"}),
    ("decision", {"server_label": "mail", "tool": "send", "outcome": "policy_deny", "request_id": "mcpr_2"}),
    ("run_finished", {"run_id": "run_1", "conversation_id": "conv_1", "status": "completed"}),
]


def make_log(folder: Path) -> Path:
    async def write() -> None:
        log = AuditLog.open(folder, mask=Mask(), levels={})
        for kind, fields in _MADE:
            await log.append(Record(type=kind, fields=fields))
        await log.close()

    asyncio.run(write())
    return folder


@pytest.fixture
def log(here: Path) -> Path:
    return make_log(here / "audit")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["audit", "show", "--json", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_show_prints_one_line_a_record_of_the_folder_audit(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "show"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(_MADE)
    assert "denied     mail.send  policy_deny" in lines[3]
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--denied"], [4]),
        (["--human"], [2]),
        (["--tool", "bank.*"], [2, 3]),
        (["--principal", "ada"], [1]),
        (["--run", "run_1"], [1, 5]),
        (["--conversation", "conv_1", "--type", "run_finished"], [5]),
        (["--request", "mcpr_1"], [2, 3]),
        (["--type", "decision", "--type", "outcome"], [2, 3, 4]),
        (["--outcome", "human_allow", "--outcome", "policy_deny"], [2, 4]),
        (["--outcome", "policy_deny", "--outcome", "completed"], [3, 4, 5]),
        (["--limit", "2"], [4, 5]),
        (["--since", "1h"], [1, 2, 3, 4, 5]),
        (["--since", "2999-01-01"], []),
    ],
)
def test_show_prints_what_passes_every_filter(
    log: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: list[int]
) -> None:
    assert [record["seq"] for record in shown(capsys, *arguments)] == expected


def test_the_log_is_the_one_of_the_configuration_unless_a_path_is_given(
    write_config: WriteConfig, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_log(here / "elsewhere")
    write_config(rest="audit: {path: elsewhere/}\n")
    (here / "mcpbridge.yaml").rename(here / "other.yaml")

    assert main(["audit", "show"]) == 2
    assert "audit cannot be read" in capsys.readouterr().err
    assert len(shown(capsys, "-c", "other.yaml")) == len(_MADE)
    assert len(shown(capsys, str(here / "elsewhere" / "audit.jsonl"))) == len(_MADE)
    (here / "other.yaml").rename(here / "mcpbridge.yaml")
    assert len(shown(capsys)) == len(_MADE)


def test_what_a_person_made_of_an_unknown_outcome_is_shown_and_counts_as_human(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def write() -> None:
        log = AuditLog.open(here / "audit", mask=Mask(), levels={})
        await log.append(Record(type="recovery", fields={"outcome": "not_run", "request_id": "call_0"}))
        fields = {"outcome": "repeated", "approver": "ada", "request_id": "call_1"}
        await log.append(Record(type="recovery", fields=fields))
        await log.close()

    asyncio.run(write())
    assert main(["audit", "show", "--human"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "recovery   repeated by ada (claimed)  call_1" in line


def test_show_says_so_where_nothing_passes(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "show", "--run", "nope"]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "mcpbridge: no record passes the filters\n")


@pytest.mark.parametrize(("option", "what"), [("--outcome", "outcome"), ("--type", "type of record")])
def test_a_misspelled_word_is_told_and_not_taken_for_never(
    log: Path, capsys: pytest.CaptureFixture[str], option: str, what: str
) -> None:
    assert main(["audit", "show", option, "human_dney"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"{option} 'human_dney' is no {what}; there are: " in printed.err


@pytest.mark.parametrize("word", ["human_deny", "given_up", "failed"])
def test_what_was_decided_and_what_became_of_it_can_be_asked_for(
    log: Path, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    assert main(["audit", "show", "--outcome", word]) == 0
    assert "is no outcome" not in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--denied"], ["--run", "run_1"], ["--limit", "1"]])
def test_a_filter_beside_an_id_is_refused_and_not_ignored(
    log: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "show", "2", *options]) == 2
    assert f"{options[0]} has no meaning beside the ID 2" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["show", "verify"])
def test_a_log_that_is_not_there_comes_with_a_hint(
    here: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main(["audit", command]) == 2
    printed = capsys.readouterr()
    assert "a log begins with the first run; name its folder, or" in printed.out + printed.err


def test_show_stops_at_a_line_that_is_no_record(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log_path(log).write_bytes(b"garbage\n")

    assert main(["audit", "show"]) == 1
    assert "line 1 of audit.jsonl is not JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--type", "decisions"], "no type of record; there are: "), (["--since", "lately"], "is no time")],
)
def test_show_refuses_what_it_does_not_understand(
    log: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["audit", "show", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "many"])
def test_a_limit_is_a_number_from_one(log: Path, capsys: pytest.CaptureFixture[str], limit: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["audit", "show", "--limit", limit])
    assert stopped.value.code == 2
    assert f"argument --limit: {limit!r} is no count; write a number from 1" in capsys.readouterr().err


def test_an_intact_log_is_unsealed_and_exit_3(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify"]) == 3
    assert "the chain is intact, 5 records unsealed" in capsys.readouterr().out

    assert main(["audit", "verify", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["records"], found["flaws"]) == ("unsealed", 5, [])


@pytest.mark.promise("tampering")
def test_a_flipped_byte_is_exit_1_with_its_line(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray(log_path(log).read_bytes())
    data[data.index(b"policy_deny")] ^= 1
    log_path(log).write_bytes(data)

    assert main(["audit", "verify"]) == 1
    assert "line 4: this line was altered" in capsys.readouterr().out

    assert main(["audit", "verify", "--json", str(log)]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["status"] == "tampered"
    assert found["flaws"][0]["line"] == 4


def test_a_missing_log_is_exit_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify"]) == 2
    assert "unusable" in capsys.readouterr().out
    assert main(["audit", "show"]) == 2


def test_since_takes_dates_times_and_durations() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    assert since("2h", now=now) == now - timedelta(hours=2)
    assert since("2026-11-20", now=now) == datetime(2026, 11, 20, tzinfo=UTC)
    assert since("2026-11-20T08:00+01:00", now=now) == datetime(
        2026, 11, 20, 8, tzinfo=timezone(timedelta(hours=1))
    )
    with pytest.raises(UsageError, match="is no time"):
        since("yesterday", now=now)


@pytest.mark.parametrize(
    "option", ["--tool", "--server", "--principal", "--approver", "--rule", "--run", "--request", "--since"]
)
def test_a_filter_that_is_given_twice_is_refused(
    log: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["audit", "show", option, "1d", option, "2d"])

    assert refused.value.code == 2
    said = capsys.readouterr().err.splitlines()[0]
    assert said.endswith(f"argument {option}: given twice, and no record passes both; give it once")
