"""Reading records back, and showing them to people."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.audit import AuditLog, read, render_line, render_record
from mcpbridge.errors import AuditCorrupt, AuditUnavailable, UsageError
from mcpbridge.ports import Record

from .logs import MASK, decision, note, written


@pytest.fixture
def log(tmp_path: Path) -> Path:
    written(
        tmp_path,
        [
            note("start"),
            decision("mcpr_1"),
            decision("mcpr_2", outcome="human_deny", approver="alice", tool="write", principal="eve\u2028"),
            decision(
                "mcpr_3", outcome="policy_deny", server_label="mail", run_id="run_2", conversation_id="c2"
            ),
            Record(type="outcome", phase="post", fields={"request_id": "mcpr_1", "status": "completed"}),
        ],
    )
    return tmp_path


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"without": {"checkpoint"}}, [1, 2, 3, 4, 5]),
        ({"server": "mail"}, [4]),
        ({"approver": "alice"}, [3]),
        ({"rule": "reads", "denied": True}, [3, 4]),
        ({"rule": "read"}, []),
        ({"outcome": "human_deny"}, [3]),
        ({"outcome": "completed"}, [5]),
        ({"text": "rotate CERTIFICATE"}, [2, 3, 4]),
        ({"text": "cert*", "server": "mail"}, [4]),
        ({"text": "cert"}, []),
        ({"text": "certificate rotate a"}, [2, 3, 4]),
        ({"text": "rotate-a-certificate"}, [2, 3, 4]),
        ({"text": "a-rotate"}, []),
        ({"text": "alice write"}, [3]),
        ({"until": datetime(2020, 1, 1, tzinfo=UTC)}, []),
        ({"until": datetime(2999, 1, 1, tzinfo=UTC), "types": {"outcome"}}, [5]),
        ({"denied": True}, [3, 4]),
        ({"human": True}, [3]),
        ({"tool": "docs.*"}, [2, 3]),
        ({"tool": "write"}, [3]),
        ({"tool": "mail.search"}, [4]),
        ({"principal": "eve\u2028"}, [3]),
        ({"run": "run_2"}, [4]),
        ({"conversation": "conv_1"}, [2, 3]),
        ({"request_id": "mcpr_1"}, [2, 5]),
        ({"types": {"outcome", "run_started"}}, [1, 5]),
        ({"since": datetime(2020, 1, 1, tzinfo=UTC), "denied": True}, [3, 4]),
        ({"since": datetime(2999, 1, 1, tzinfo=UTC)}, []),
        ({"denied": True, "tool": "docs.*"}, [3]),
    ],
)
def test_every_filter_leaves_the_records_it_names(
    log: Path, filters: dict[str, Any], found: list[int]
) -> None:
    assert [record["seq"] for record in read(log, **filters)] == found


@pytest.mark.parametrize(
    ("misspelt", "says"),
    [
        ("denyed", "'denyed' is no filter of audit records; did you mean 'denied'?"),
        ("Tool", "did you mean 'tool'?"),
        ("zzz", "write one of: approver, conversation, denied, "),
    ],
)
def test_a_filter_that_is_misspelt_is_refused_before_anything_is_read(
    log: Path, misspelt: str, says: str
) -> None:
    """Ignored, it would have all records pass."""
    wanted: Any = {misspelt: True}
    with pytest.raises(UsageError) as refused:
        read(log, **wanted)
    assert says in str(refused.value)


@pytest.mark.parametrize("moment", ["yesterday", datetime(2026, 11, 21), 7])
@pytest.mark.parametrize("name", ["since", "until"])
def test_a_moment_that_is_none_or_has_no_zone_is_refused_with_what_to_write(
    name: str, moment: Any, log: Path
) -> None:
    wanted: Any = {name: moment}
    with pytest.raises(UsageError, match=r"moments with a zone, not .*write datetime\.now\(UTC\)"):
        read(log, **wanted)


def test_a_value_inside_the_arguments_does_not_pass_for_the_field(tmp_path: Path) -> None:
    written(tmp_path, [decision("mcpr_1", arguments={"request_id": "mcpr_2"}), decision("mcpr_2")])
    assert [record["seq"] for record in read(tmp_path, request_id="mcpr_2")] == [2]


def test_a_log_file_can_be_read_by_its_own_path_and_while_it_is_written(log: Path) -> None:
    writing = AuditLog.open(log, mask=MASK)
    with (log / "audit.jsonl").open("ab") as file:
        file.write(b'{"prev":"half a line')
    assert len(list(read(log / "audit.jsonl", without={"checkpoint"}))) == 5
    assert writing.path == log


def test_a_log_longer_than_a_block_is_read_in_whole_lines(tmp_path: Path) -> None:
    texts = ["x" * 900_000, "short", "y" * 900_000, "z" * 900_000]
    written(tmp_path, [note(text) for text in texts] + [decision("mcpr_1")])
    assert [record["seq"] for record in read(tmp_path, without={"checkpoint"})] == [1, 2, 3, 4, 5]
    assert [record.get("note") for record in read(tmp_path, types={"run_started"})] == texts


def test_no_log_and_a_broken_line_are_errors_of_their_own(log: Path, tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable, match="cannot be read"):
        list(read(tmp_path / "nowhere"))
    path = log / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"note":"start"', b'"note":start'))
    with pytest.raises(AuditCorrupt, match=r"line 1 of audit\.jsonl is not JSON"):
        list(read(log))


def test_a_decision_is_one_line_for_people() -> None:
    record = {
        "seq": 7, "ts": "2025-11-21T12:01:00.000000Z", "type": "decision", "request_id": "mcpr_1",
        "server_label": "docs", "tool": "write", "outcome": "human_deny", "approver": "alice",
        "rule_ids": ["writes", "mail"], "reason": "not today",
    }  # fmt: skip
    assert render_line(record) == (
        "     7  2025-11-21 12:01:00Z  denied     docs.write  human_deny by alice (claimed)  [writes, mail]  "
        "not today  mcpr_1"
    )
    called = render_line({**record, "arguments": {"path": "/\x1b[2J", "size": 1}})
    assert '[writes, mail]  {"path":"/\\u001b[2J","size":1}  not today' in called
    assert f'  {{"text":"{"x" * 91}…  ' in render_line({**record, "arguments": {"text": "x" * 500}})
    assert render_line({**record, "arguments": {}}) == render_line(record)
    allowed = render_line({**record, "outcome": "human_allow", "authenticated": True}, color=True)
    assert "\x1b[32mallowed  \x1b[0m" in allowed
    assert "(claimed)" not in allowed


def test_other_records_say_what_they_are_about() -> None:
    record = {"seq": 8, "ts": "2025-11-21T12:01:00.000000Z", "type": "outcome", "tool": "add",
              "status": "failed", "evidence": "executed_here", "error": "no"}  # fmt: skip
    assert render_line(record) == (
        "     8  2025-11-21 12:01:00Z  outcome    add  status=failed  evidence=executed_here  error=no"
    )
    resolved = {"type": "recovery", "tool": "add", "outcome": "given_up", "approver": "alice"}
    assert render_line({**resolved, "reason": "gone"}).split("Z  ")[1] == (
        "recovery   add  given_up by alice (claimed)  reason=gone"
    )
    assert "removed_bytes=7" in render_line({"type": "recovery", "removed_bytes": 7})
    assert "\x1b[33mtripwire" in render_line({"type": "tripwire"}, color=True)
    assert "decision?" in render_line({"type": "decision", "outcome": "strange"})
    assert render_line({}).split() == ["?", "Z", "?"]
    assert "…" in render_line({"type": "tripwire", "reason": "x" * 500})


_NASTY = "\x1b[2Jred\u202eevil\x9b31m\nnext line\rback\x07"


def test_nothing_in_a_record_reaches_the_terminal_unseen() -> None:
    fields = ("ts", "type", "server_label", "tool", "outcome", "approver", "reason", "request_id", "run_id")
    record: dict[str, Any] = {name: _NASTY for name in fields}
    record |= {"rule_ids": [_NASTY], "seq": _NASTY, "arguments": {_NASTY: [_NASTY]}, _NASTY: 1}
    for kind in ("decision", "outcome", _NASTY):
        line = render_line({**record, "type": kind, "status": _NASTY})
        assert line.isprintable()
        assert "\u202e" not in line
    whole = render_record(record)
    assert all(line.isprintable() for line in whole.split("\n"))
    assert "\u202e" not in whole


def test_a_whole_record_shows_every_field_in_full() -> None:
    text = render_record({"type": "decision", "arguments": {"text": "x" * 500, "n": 1}})
    assert text.startswith("type       decision\narguments  {\n")
    assert "x" * 500 in text
    assert '             "n": 1' in text
    assert "\x1b[2mtype" in render_record({"type": "decision"}, color=True)
    assert render_record({}) == ""
