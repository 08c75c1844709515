"""Records that are no decisions, for people: what their type is about, on a screen and in a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mcpbridge.audit import render_line
from mcpbridge.cli.main import main
from mcpbridge.ports import Record
from tests.audit.logs import decision, written

_ABOUT: dict[str, dict[str, Any]] = {
    "review_signoff": {"reviewer": "ada", "authenticated": False, "first_seq": 1, "last_seq": 17},
    "key_rotated": {"kind": "hmac", "old": "11111111", "new": "22222222"},
    "erased": {"selector": {"principal": "ana"}, "count": 2, "keys": ["c" * 64, "d" * 64], "approver": "dpo"},
    "hold_released": {"hold": "case-7", "approver": "dpo", "authenticated": False},
    "retention_applied": {"last_seq": 29, "archived": True, "segments": [{"file": "a-1.jsonl", "size": 5}]},
    "tools_listed": {"server_label": "docs", "tools": {"search": "e" * 8, "read": "f" * 8}},
    "config_loaded": {"file": "mcpbridge.yaml", "model": "gpt-5.6", "approvals_honoured": True},
}  # fmt: skip
_ROWS = {
    "review_signoff": "reviewer=ada",
    "key_rotated": "kind=hmac",
    "erased": "count=2",
    "hold_released": "hold=case-7",
    "retention_applied": "last_seq=29",
    "tools_listed": "tools=2",
    "config_loaded": "file=mcpbridge.yaml",
}


def _shown(log: Path, kind: str, fields: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> list[str]:
    [seq] = written(log, [Record(type=kind, fields=fields)])
    assert main(["audit", "show", str(seq), str(log)]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.promise("evidence-own-fields")
@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("review_signoff", ["reviewer      ada (a claimed name)", "first_seq     1", "last_seq      17"]),
        ("key_rotated", ["kind          hmac", "old           11111111", "new           22222222"]),
        ("erased", ["decided by    dpo (a claimed name)", "selector      principal: ana", "count         2"]),
        ("hold_released", ["decided by    dpo (a claimed name)", "hold          case-7"]),
        ("retention_applied", ["last_seq      29", 'segments      {"file": "a-1.jsonl", "size": 5}',
                               "archived      true"]),
        ("tools_listed", ["tools         search: eeeeeeee", "              read: ffffffff"]),
        ("config_loaded", ["file                mcpbridge.yaml", "model               gpt-5.6",
                           "approvals_honoured  true"]),
    ],
)  # fmt: skip
def test_a_record_of_any_type_is_shown_with_the_fields_of_that_type(
    kind: str, lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _shown(tmp_path, kind, _ABOUT[kind], capsys)
    found = [line[2:] for line in shown if line[2:] in lines]
    assert found == lines


def test_what_a_stranger_wrote_moves_no_cursor_and_a_decision_is_shown_as_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = {"x\x1b[2J" * 30: "y\x1b[2J\nz", "map": {"\x1b[31m": ["\x1b"]}}
    text = "\n".join(_shown(tmp_path, "something_else", odd, capsys))
    assert "\x1b" not in text
    assert "something_else" in text
    assert max(map(len, text.splitlines())) <= 200
    [seq] = written(tmp_path, [decision()])
    assert main(["audit", "show", str(seq), str(tmp_path)]) == 0
    assert "phase" not in capsys.readouterr().out


@pytest.mark.parametrize("kind", _ABOUT)
def test_a_row_says_what_tells_the_record_from_others_of_its_type(kind: str) -> None:
    record = {"seq": 7, "ts": "2026-11-21T12:00:00.000000Z", "type": kind, **_ABOUT[kind]}
    assert _ROWS[kind] in render_line(record)


@pytest.mark.parametrize(
    "words", [("keys", "list"), ("index",), ("export", "--format", "csv"), ("export", "--format", "ocsf")]
)
def test_where_there_is_no_log_a_sentence_says_so_and_nothing_is_left_behind(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", *words, str(tmp_path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "a log begins with the first run; name its folder" in shown.err
    assert shown.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
