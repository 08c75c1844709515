"""The index: as complete as the log, quick, disposable, and never taken for evidence."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.audit import read
from mcpbridge.audit.chain import chained, line_hash
from mcpbridge.audit.filters import Wanted
from mcpbridge.audit.index import Index, build, find, index_path, opened_index
from mcpbridge.audit.words import FIELDS, fields_of, holds, match_of, terms_of
from mcpbridge.errors import AuditCorrupt, AuditUnavailable, UsageError

from .logs import decision, note
from .review_logs import append, asked, call, outcome

_FILTERS: list[Wanted] = [
    {},
    {"without": {"checkpoint"}},
    {"denied": True},
    {"human": True},
    {"tool": "docs.*"},
    {"tool": "s[e]arch"},
    {"tool": "write"},
    {"server": "mail"},
    {"principal": "eve\u2028"},
    {"approver": "alice"},
    {"rule": "reads"},
    {"outcome": "completed"},
    {"outcome": "policy_allow"},
    {"outcome": ["policy_allow", "completed", ""]},
    {"outcome": []},
    {"run": "run_2"},
    {"conversation": "conv_1"},
    {"request_id": "mcpr_1"},
    {"types": {"outcome"}},
    {"since": datetime(2020, 1, 1, tzinfo=UTC), "until": datetime(2999, 1, 1, tzinfo=UTC)},
    {"text": "Zürich"},
    {"text": "zür* alice"},
    {"text": "deep-inside-17"},
    {"text": "inside deep"},
    {"text": "true"},
    {"text": "nothing of that"},
    {"tool": "*"},
    {"tool": "*.*"},
    {"tool": ".*"},
    {"tool": "None"},
    {"tool": "*b"},
    {"tool": "a?b"},
    {"tool": "7"},
    {"tool": "docs.True"},
    {"tool": "\x00"},
    {"tool": "\udcff*"},
    {"tool": ""},
    {"server": ""},
    {"principal": ""},
    {"approver": ""},
    {"run": ""},
    {"conversation": ""},
    {"request_id": ""},
    {"outcome": ""},
    {"rule": "a\x00b"},
    {"rule": "\udcff"},
    {"principal": "\udcff"},
    {"run": "\udcff"},
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Several segments, and a few odd values."""
    odd = {"n": [1, {"deep": "inside 17"}], "yes": True, "city": "ZÜRICH", "nul": "a\x00b", "big": 2**70}
    for at in range(3):
        append(
            tmp_path,
            [
                *call(f"mcpr_{at}"),
                decision(
                    "mcpr_1", outcome="human_deny", approver="alice", tool="write", principal="eve\u2028"
                ),
                decision(f"mcpr_x{at}", outcome="policy_deny", server_label="mail", run_id="run_2"),
                decision(f"mcpr_y{at}", arguments=odd, approver="alice", attempt=2**70, reason=["strange"]),
                note("in Zürich, at noon"),
                decision(f"mcpr_z{at}", tool="a\x00b", principal="", rule_ids=["a\x00b"]),
                *(decision(f"mcpr_t{at}", tool=tool, outcome="") for tool in (None, "", 7, True)),
                decision("", server_label=None, approver="", run_id="", conversation_id=""),
                decision(f"mcpr_l{at}", server_label=["mail"]),
                decision(f"mcpr_e{at}", server_label=""),
            ],
            segment_bytes=3_000,
        )
    assert len(list(tmp_path.glob("audit-*.jsonl"))) > 1
    return tmp_path


def index_of(directory: Path) -> Index:
    found = opened_index(directory, index_path(directory))
    assert isinstance(found, Index), found
    return found


def numbers(
    directory: Path, wanted: Wanted, index: Index | None = None, last: int | None = None
) -> list[int]:
    return [record["seq"] for record in find(directory, wanted, index, last=last)]


@pytest.mark.promise("index-same-answers")
@pytest.mark.parametrize("wanted", _FILTERS, ids=str)
def test_an_index_finds_what_reading_the_log_finds(log: Path, wanted: Wanted) -> None:
    everything = [record["seq"] for record in read(log, **wanted)]
    build(log)
    append(log, [*call("mcpr_1"), decision("mcpr_late", arguments={"city": "Zürich"})])  # not in the index
    with index_of(log) as index:
        found = numbers(log, wanted, index)
        assert found[: len(everything)] == everything
        assert found == [record["seq"] for record in read(log, **wanted)] == numbers(log, wanted)
        assert numbers(log, wanted, index, last=3) == found[-3:] == numbers(log, wanted, last=3)


def test_only_new_lines_are_read_over_rotations_too(log: Path) -> None:
    first = build(log)
    assert first.anew
    assert first.records == first.added == sum(1 for _ in read(log))
    assert build(log).added == 0
    append(log, [*call("mcpr_7"), *call("mcpr_8")], segment_bytes=1_500)
    more = build(log)
    assert not more.anew
    assert 6 <= more.added < first.added
    assert more.records == sum(1 for _ in read(log))
    with index_of(log) as index:
        assert numbers(log, {"request_id": "mcpr_8"}, index)
        assert list(find(log, {}, index)) == list(read(log))


@pytest.mark.promise("index-fits-or-is-not-used")
@pytest.mark.parametrize(
    ("harm", "why"),
    [
        ("cut", "has lost lines"),
        ("altered", "was replaced or changed"),
        ("segment", "not there any more"),
        ("version", "another version"),
        ("garbage", "cannot be"),
    ],
)
def test_an_index_that_does_not_fit_is_not_used_and_is_made_anew(log: Path, harm: str, why: str) -> None:
    build(log)
    first = min(log.glob("audit-*.jsonl"))
    lines = first.read_bytes().split(b"\n")
    match harm:
        case "cut":
            first.write_bytes(b"\n".join(lines[:-2]) + b"\n")
        case "altered":
            first.write_bytes(
                first.read_bytes().replace(lines[-2], lines[-2].replace(b'"ts":"2', b'"ts":"1'))
            )
        case "segment":
            first.unlink()
        case "version":
            with closing(sqlite3.connect(index_path(log))) as base, base:
                base.execute("UPDATE about SET value = '0' WHERE name = 'version'")
        case _:
            index_path(log).write_bytes(b"no database at all")
    found = opened_index(log, index_path(log))
    assert isinstance(found, str)
    assert why in found
    if harm in ("segment", "version", "garbage"):
        again = build(log)
        assert again.anew
        assert why in again.why
        index_of(log).close()
    else:
        with pytest.raises(AuditCorrupt, match=f"{why}.*, and no index is made of a log that was changed"):
            build(log)
        with pytest.raises(AuditCorrupt, match="no index is made of a broken log"):
            build(log, anew=True)


@pytest.mark.promise("index-refuses-a-changed-log")
@pytest.mark.parametrize("segment", ["audit-*.jsonl", "audit.jsonl"])
def test_no_index_is_brought_up_to_date_over_a_log_that_was_changed_in_its_middle(
    log: Path, segment: str
) -> None:
    append(log, [*call("mcpr_7"), *call("mcpr_8")])
    build(log)
    path = min(log.glob(segment))
    second = path.read_bytes().split(b"\n")[1]
    path.write_bytes(path.read_bytes().replace(second, second.replace(b'"ts":"2', b'"ts":"1')))
    with pytest.raises(
        AuditCorrupt, match=rf"{path.name} was changed at line 2 or 3 .*run `mcpbridge audit verify`"
    ):
        build(log)
    path.write_bytes(path.read_bytes().replace(second.replace(b'"ts":"2', b'"ts":"1'), second))
    assert build(log).added == 0  # it is what was indexed, after all
    append(log, list(call("mcpr_9")))
    assert not build(log).anew


def test_a_new_log_in_the_place_of_the_old_one_is_seen(
    log: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    build(log)
    other = tmp_path_factory.mktemp("other")
    append(other, list(call("mcpr_other")))
    for path in log.glob("audit*.jsonl"):
        path.unlink()
    shutil.copy(other / "audit.jsonl", log / "audit.jsonl")
    assert isinstance(opened_index(log, index_path(log)), str)
    with pytest.raises(AuditCorrupt, match="index --rebuild"):
        build(log)
    assert build(log, anew=True).records == sum(1 for _ in read(other))


def test_what_is_shown_is_the_log_s_own_line_never_the_index_s_word(log: Path) -> None:
    build(log)
    with closing(sqlite3.connect(index_path(log))) as base, base:
        base.execute("UPDATE records SET tool = 'forged', offset = offset + 1 WHERE seq = 2")
    with index_of(log) as index, pytest.raises(AuditCorrupt, match="record 2 is not where the index says"):
        list(find(log, {}, index))


def test_the_index_is_for_its_owner_only_and_says_what_it_is(log: Path) -> None:
    path = build(log).path
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with closing(sqlite3.connect(path)) as base:
        what = base.execute("SELECT value FROM about WHERE name = 'what'").fetchone()[0]
        assert "no evidence" in what
        decided = base.execute(
            "SELECT tool, request_id FROM decisions WHERE outcome = 'policy_deny'"
        ).fetchall()
        assert decided == [("mail.search", f"mcpr_x{at}") for at in range(3)]
        assert base.execute("SELECT count(*) FROM outcomes WHERE status = 'completed'").fetchone() == (3,)
        assert base.execute("SELECT count(*) FROM approvals WHERE approver = 'alice'").fetchone() == (3,)


def test_an_approval_says_how_soon_it_came_also_where_the_decision_did_not_keep_when_it_was_asked(
    tmp_path: Path,
) -> None:
    at = "2026-11-21T12:00:0"
    times = {"asked_at": None, "shown_at": f"{at}1+00:00", "decided_at": f"{at}8+00:00"}
    append(
        tmp_path,
        [
            decision("mcpr_1", outcome="human_allow", asked_at=f"{at}2+00:00", decided_at=f"{at}6+00:00"),
            decision("mcpr_2", outcome="human_deny", **times),
            asked("mcpr_3"),
            decision("mcpr_3", outcome="human_allow", asked_at=None, decided_at="2999-01-01T00:00:00+00:00"),
            decision("mcpr_4", outcome="human_allow", asked_at=None, decided_at=f"{at}8+00:00"),
        ],
    )
    [question] = [record for record in read(tmp_path) if record["type"] == "question_asked"]
    with closing(sqlite3.connect(build(tmp_path).path)) as base:
        found = base.execute("SELECT request_id, asked_at, seconds FROM approvals ORDER BY seq").fetchall()
    assert found[:2] == [("mcpr_1", f"{at}2+00:00", 4.0), ("mcpr_2", f"{at}1+00:00", 7.0)]
    assert found[2][:2] == ("mcpr_3", question["ts"])
    assert found[2][2] > 0
    assert found[3] == ("mcpr_4", None, None)


def test_an_index_elsewhere_and_no_log_or_no_place_are_told(log: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "far" / "away.sqlite"
    assert build(log, elsewhere).path == elsewhere
    assert not index_path(log).exists()
    with pytest.raises(AuditUnavailable, match="a log begins with the first run"):
        build(tmp_path / "nowhere", tmp_path / "x.sqlite")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(AuditUnavailable, match="name another place with --file"):
        build(log, blocked / "x.sqlite")


def test_a_log_that_is_one_file_has_an_index_too(log: Path) -> None:
    only = log / "audit.jsonl"
    append(log, [outcome("mcpr_9")])
    built = build(only)
    with index_of(only) as index:
        assert built.records == len(list(find(only, {}, index))) < sum(1 for _ in read(log))


_TEXTS = st.text(st.sampled_from("aBzÜßéñ_ -.*\"'1٣中́ﬁ\u0130\u200d\n"), max_size=20)


@given(texts=st.lists(_TEXTS, min_size=1, max_size=3), query=_TEXTS)
def test_a_search_finds_the_same_with_sqlite_and_without(texts: list[str], query: str) -> None:
    try:
        terms_of(query)
    except UsageError:
        return
    record: dict[str, Any] = {"arguments": texts, "tool": texts[0], "reason": texts[-1]}
    with closing(sqlite3.connect(":memory:")) as base:
        columns = ",".join(FIELDS)
        base.execute(f"CREATE VIRTUAL TABLE t USING fts5({columns}, columnsize=0, tokenize='ascii')")
        base.execute(f"INSERT INTO t ({columns}) VALUES ({','.join('?' * len(FIELDS))})", fields_of(record))
        found = base.execute("SELECT 1 FROM t WHERE t MATCH ?", (match_of(query),)).fetchall()
    assert bool(found) == holds(query)(record)


@pytest.mark.skipif(find_spec("datasette") is None, reason="datasette is not installed")
def test_datasette_serves_the_index_as_it_is(log: Path) -> None:
    path = build(log).path

    def get(url: str) -> Any:
        command = [sys.executable, "-m", "datasette", str(path), "--get", url]
        return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    assert [row["principal"] for row in get("/audit/records.json?_search=alice+write&_shape=array")] == [
        "eve\u2028"
    ] * 3
    assert {row["tool"] for row in get("/audit/decisions.json?outcome=policy_deny&_shape=array")} == {
        "mail.search"
    }
    tables = {table["name"]: table for table in get("/audit.json")["tables"]}
    assert tables["records"]["fts_table"] == "records_fts"


def test_a_line_that_is_no_json_is_told_with_an_index_too(log: Path) -> None:
    build(log)
    active = log / "audit.jsonl"
    lines = active.read_bytes().split(b"\n")
    at = next(at for at, line in enumerate(lines) if b'"tool":"search"' in line)
    lines[at] = lines[at].replace(b'"tool":"search"', b'"tool":"sea\x01ch"')
    active.write_bytes(b"\n".join(lines))
    with (
        index_of(log) as index,
        pytest.raises(AuditCorrupt, match="is not JSON; run `mcpbridge audit verify`"),
    ):
        list(find(log, {}, index))


def test_half_a_character_in_a_stranger_s_line_is_indexed_as_its_escape(tmp_path: Path) -> None:
    append(tmp_path, [decision("mcpr_1")])
    active = tmp_path / "audit.jsonl"
    lines = active.read_bytes().split(b"\n")[:-1]
    body = (
        rb'"ts":"2026-11-22T05:06:19.465298Z","type":"decision",'
        rb'"tool":"\ud800","request_id":"\udfff","reason":"\ud800"'
    )
    strange = chained(len(lines) + 1, line_hash(lines[-1]), body)
    active.write_bytes(b"\n".join([*lines, strange, b""]))
    assert build(tmp_path).records == len(lines) + 1
    wanted: list[Wanted] = [{"tool": "*"}, {"tool": "?"}, {"tool": "\ud800"}, {"request_id": "\udfff"}]
    with index_of(tmp_path) as index:
        for each in wanted:
            assert numbers(tmp_path, each, index) == numbers(tmp_path, each), each


def test_where_reading_did_not_begin_at_the_start_no_line_number_is_made_up(log: Path) -> None:
    build(log)
    active = log / "audit.jsonl"
    size = active.stat().st_size
    with active.open("ab") as file:
        file.write(b"no record\n")
    with index_of(log) as index, pytest.raises(AuditCorrupt, match=f"the line at byte {size} of audit.jsonl"):
        list(find(log, {}, index))
