"""Retention: old segments go, on record, and what is left still proves that it continues them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.audit import AuditLog, blob_text, read, verify
from mcpbridge.audit.anchors import FileAnchor
from mcpbridge.audit.holds import add_hold
from mcpbridge.audit.retention import begins, due, retain
from mcpbridge.audit.seal import Rhythm
from mcpbridge.cli.main import main
from mcpbridge.config import config_warnings, load_config
from mcpbridge.errors import AuditCorrupt, UsageError
from tests.records import fit

from .logs import MASK, FixedClock, decision

START = datetime(2025, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def written_on(log: Path, number: float, *texts: str, rotate: bool = True) -> None:
    """A record with these texts; every opening begins a segment of its own."""

    async def scenario() -> None:
        rhythm = Rhythm(segment_bytes=1) if rotate else Rhythm()
        clock = FixedClock(moment=day(number))
        async with AuditLog.open(log, mask=MASK, clock=clock, rhythm=rhythm) as opened:
            await opened.append(replace(decision(f"mcpr_{number}"), blobs=texts))

    asyncio.run(scenario())


def retained(log: Path, before: datetime, **more: Any) -> Any:
    async def scenario() -> Any:
        async with AuditLog.open(log, mask=MASK) as opened:
            return await retain(opened, log, before=before, by="dpo", reason="400 days", **more)

    return asyncio.run(scenario())


def year(log: Path) -> None:
    for number in (0, 100, 200, 300):
        written_on(log, number, "shared policy", f"screen of day {number}")
    written_on(log, 301, "shared policy")


@pytest.mark.promise("audit-retention")
def test_what_is_older_goes_and_the_rest_still_verifies(tmp_path: Path) -> None:
    year(tmp_path)
    removed = retained(tmp_path, day(150))
    assert removed.records >= 2
    assert removed.last_ts.startswith(f"{day(100):%Y-%m-%d}")
    assert [record["request_id"] for record in read(tmp_path, types=["decision"])] == [
        "mcpr_200", "mcpr_300", "mcpr_301",
    ]  # fmt: skip
    result = verify(tmp_path)
    assert [warning for warning in result.warnings if "says that retention removed them" in warning]
    assert (result.flaw_count, result.exit_code) == (0, 3), str(result)


@pytest.mark.promise("audit-retention")
def test_a_second_time_goes_on_from_the_first(tmp_path: Path) -> None:
    year(tmp_path)
    retained(tmp_path, day(50))
    retained(tmp_path, day(250))
    assert [record["request_id"] for record in read(tmp_path, types=["decision"])] == ["mcpr_300", "mcpr_301"]
    assert verify(tmp_path).flaw_count == 0


def test_what_went_is_on_record_with_its_hashes(tmp_path: Path) -> None:
    year(tmp_path)
    retained(tmp_path, day(150))
    before, after = read(tmp_path, types=["retention_applied"])
    fit([before, after])
    assert (before["phase"], before["approver"], before["reason"]) == ("pre", "dpo", "400 days")
    assert before["segments"][0]["first_seq"] == 1
    assert before["segments"][-1]["last_seq"] == before["last_seq"]
    first = next(read(tmp_path))
    assert (first["prev"], first["seq"]) == (before["head"], before["last_seq"] + 1)
    assert (after["phase"], after["of"]) == ("post", before["seq"])


def test_texts_go_with_the_last_record_that_names_them(tmp_path: Path) -> None:
    year(tmp_path)
    names = {text: one["blobs"] for one in read(tmp_path, types=["decision"]) for text in [one["request_id"]]}
    retained(tmp_path, day(150))
    shared, gone = names["mcpr_0"]
    assert blob_text(tmp_path, shared) == "shared policy"
    assert blob_text(tmp_path, gone) is None
    assert blob_text(tmp_path, names["mcpr_200"][1]) == "screen of day 200"


def test_a_text_that_went_is_stored_again_by_a_writer_that_knew_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        early = FixedClock(moment=day(0))
        async with AuditLog.open(tmp_path, mask=MASK, clock=early, rhythm=Rhythm(segment_bytes=1)) as log:
            await log.append(replace(decision("mcpr_0"), blobs=("the policy",)))
            early.moment = day(200)
            await log.append(decision("mcpr_1"))
            await retain(log, tmp_path, before=day(100), by="dpo")
            await log.append(replace(decision("mcpr_2"), blobs=("the policy",)))

    asyncio.run(scenario())
    last = [record for record in read(tmp_path, types=["decision"]) if record["request_id"] == "mcpr_2"]
    assert blob_text(tmp_path, last[0]["blobs"][0]) == "the policy"
    assert verify(tmp_path).flaw_count == 0


@pytest.mark.promise("audit-archive")
@pytest.mark.parametrize("remembered", ["--no-remember", "--json"])
def test_an_archive_is_verified_with_the_configuration_as_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, remembered: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    log, archive, anchor = tmp_path / "audit", tmp_path / "archive", tmp_path / "anchor.jsonl"
    config = tmp_path / "mcpbridge.yaml"
    config.write_text(
        "model: {name: m, endpoint: openai}\npolicy: read-only\n"
        f"audit: {{path: {log}, anchors: [{{file: {anchor}}}]}}\n"
    )
    year(log)

    async def anchored() -> None:
        async with AuditLog.open(log, mask=MASK, anchors=[FileAnchor(path=anchor)]) as opened:
            await opened.append(decision("mcpr_last"))

    asyncio.run(anchored())
    retained(log, day(150), archive=archive)
    verifying = ["audit", "verify", remembered, "-c", str(config)]
    assert main([*verifying, str(archive)]) == 3
    if remembered == "--no-remember":
        assert (
            f"this is an archive or another copy of the log in {log}: it has lines up to "
            in capsys.readouterr().out
        )
    assert main(verifying) == 3
    assert main([*verifying, str(archive)]) == 3
    # Cut in its own place, and an archive of which the last line is gone, are not taken for archives.
    last = max(archive.glob("audit-*.jsonl"))
    last.write_bytes(b"".join(line + b"\n" for line in last.read_bytes().split(b"\n")[:-2]))
    assert main([*verifying, str(archive)]) == 1
    (log / "audit.jsonl").unlink()
    assert main(verifying) == 1


def test_an_archive_is_a_log_of_its_own(tmp_path: Path) -> None:
    log, archive = tmp_path / "audit", tmp_path / "archive"
    year(log)
    retained(log, day(150), archive=archive)
    assert [one["request_id"] for one in read(archive, types=["decision"])] == ["mcpr_0", "mcpr_100"]
    first = next(read(archive, types=["decision"]))
    assert blob_text(archive, first["blobs"][1]) == "screen of day 0"
    assert blob_text(archive, first["blobs"][0]) == blob_text(log, first["blobs"][0]) == "shared policy"
    assert verify(archive).flaw_count == 0
    assert not (archive / "keys").exists()
    assert all(path.stat().st_mode & 0o077 == 0 for path in archive.rglob("*") if path.is_file())


@pytest.mark.promise("audit-hold")
def test_under_a_hold_nothing_is_removed(tmp_path: Path) -> None:
    year(tmp_path)

    async def hold() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            await add_hold(log, tmp_path, "case-1", by="counsel", reason="")

    asyncio.run(hold())
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=r"legal hold \(case-1"):
        retained(tmp_path, day(150))
    assert sorted(tmp_path.rglob("*")) == before


def test_of_a_log_that_was_tampered_with_nothing_goes(tmp_path: Path) -> None:
    year(tmp_path)
    oldest = due(tmp_path, before=day(50))[0]
    oldest.write_bytes(oldest.read_bytes().replace(b"ci-bot", b"mallet"))
    with pytest.raises(AuditCorrupt, match="nothing was removed"):
        retained(tmp_path, day(150))
    assert oldest.exists()


def test_the_index_of_what_went_goes_too(tmp_path: Path) -> None:
    year(tmp_path)
    assert main(["audit", "index", str(tmp_path)]) == 0
    retained(tmp_path, day(150))
    assert not (tmp_path / "index").exists()


def test_the_command_closes_a_segment_that_was_begun_long_ago(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written_on(tmp_path, 0, rotate=False)
    assert begins(tmp_path) == day(0)
    assert main(["audit", "retain", str(tmp_path), "--older-than", "300d", "--by", "cron", "--yes"]) == 0
    assert "records in 1 segment removed" in capsys.readouterr().out
    assert [record["type"] for record in read(tmp_path, types=["decision"])] == []
    assert verify(tmp_path).flaw_count == 0


def test_without_a_yes_the_command_only_says_what_it_would_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    year(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert main(["audit", "retain", str(tmp_path), "--older-than", "100d", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["segments"]) >= 4
    assert "less than the 183d" in found["warning"]
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert main(["audit", "retain", str(tmp_path), "--older-than", "6 months"]) == 2
    assert main(["audit", "retain", str(tmp_path)]) == 2, "no retention is configured"


def files_of(log: Path) -> dict[str, bytes]:
    return {str(path.relative_to(log)): path.read_bytes() for path in log.rglob("*") if path.is_file()}


def told(log: Path, capsys: pytest.CaptureFixture[str], *more: str) -> Any:
    capsys.readouterr()
    assert main(["audit", "retain", str(log), "--older-than", "300d", "--json", *more]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.promise("audit-retention-said")
@pytest.mark.parametrize("several", [False, True])
def test_what_would_be_removed_is_what_a_yes_removes_also_of_the_active_segment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], several: bool
) -> None:
    if several:
        year(tmp_path)
    written_on(tmp_path, 302, "the last screen", rotate=False)
    before = files_of(tmp_path)
    plan = told(tmp_path, capsys)
    assert files_of(tmp_path) == before
    done = told(tmp_path, capsys, "--yes", "--by", "cron")
    assert plan["closes_active"]
    assert plan["segments"]
    parts = ("segments", "records", "size", "last_ts", "files")
    assert {name: plan[name] for name in parts} == {name: done[name] for name in parts}
    assert not [name for name in done["segments"] if (tmp_path / name).exists()]


def test_a_segment_that_is_still_written_is_closed_and_stays_and_the_plan_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written_on(tmp_path, 0, rotate=False)
    with (tmp_path / "audit.jsonl").open("ab") as file:
        file.write(b'{"prev":"torn')
    plan = told(tmp_path, capsys)
    assert (plan["segments"], plan["closes_active"]) == ([], True)
    assert told(tmp_path, capsys, "--yes", "--by", "cron")["segments"] == []


@pytest.mark.promise("audit-hold")
def test_under_a_hold_the_command_changes_nothing_and_closes_no_segment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written_on(tmp_path, 0, rotate=False)
    assert main(["audit", "hold", "add", "case-1", str(tmp_path), "--by", "counsel"]) == 0
    before = files_of(tmp_path)
    for more in ([], ["--yes"]):
        assert main(["audit", "retain", str(tmp_path), "--older-than", "300d", *more]) == 2
        assert "legal hold (case-1" in capsys.readouterr().err
    assert files_of(tmp_path) == before


def test_a_retention_under_half_a_year_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "mcpbridge.yaml").write_text(
        "model: {name: m, endpoint: local}\npolicy: ask-before-write\naudit: {path: log, retention: 90d}\n"
    )
    [warning] = config_warnings(load_config(tmp_path / "mcpbridge.yaml"))
    assert warning.line == 3
    assert "audit.retention: 90d is less than the 183d" in str(warning)


def test_a_segment_that_is_gone_without_a_record_of_it_is_a_flaw(tmp_path: Path) -> None:
    written_on(tmp_path, 0)
    written_on(tmp_path, 1)
    due(tmp_path, before=day(0.5))[0].unlink()
    assert verify(tmp_path).exit_code == 1, "removed, and no record says so"


def test_a_record_that_retention_removed_is_told_from_one_that_never_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    year(tmp_path)
    retained(tmp_path, day(150))
    by = next(record["seq"] for record in read(tmp_path, types=["retention_applied"]))
    last = list(read(tmp_path))[-1]["seq"]
    assert main(["audit", "show", "1", str(tmp_path)]) == 2
    assert (
        f"the log has no record 1 any more: retention removed it (record {by}); an archive may have it"
        in capsys.readouterr().err
    )
    assert main(["audit", "show", str(last + 1), str(tmp_path)]) == 2
    assert "retention" not in capsys.readouterr().err
