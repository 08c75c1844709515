"""`mcpbridge audit export` at the command line, and what never leaves with an export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcpbridge.audit import read
from mcpbridge.audit.export import FILE_NAMES, WRITERS
from mcpbridge.audit.export.columns import cells_of
from mcpbridge.audit.export.ocsf import event_of
from mcpbridge.audit.report import html, markdown
from mcpbridge.cli.main import main
from mcpbridge.core.secret import Mask, Secret
from tests.audit_export.made import SECRET, exported, log
from tests.audit_report.made import decision, reported, write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    log(tmp_path / "audit")
    return tmp_path


def test_it_prints_or_writes_a_file_named_after_its_format(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["audit", "export", "--format", "ocsf", "--denied"]) == 0
    assert [json.loads(line)["action"] for line in capfdbinary.readouterr().out.splitlines()] == ["Denied"]

    for name, file in FILE_NAMES.items():
        assert main(["audit", "export", "--format", name, "-o", "."]) == 0
        assert (folder / file).stat().st_size > 1_000
        assert (folder / file).stat().st_mode & 0o777 == 0o600
        assert b"records in" in capfdbinary.readouterr().err


def test_a_name_that_ends_in_a_slash_is_a_folder_that_is_made(folder: Path) -> None:
    for name in ("csv", "otel"):
        assert main(["audit", "export", "--format", name, "-o", "exports/"]) == 0
    made = sorted(path.name for path in (folder / "exports").iterdir())
    assert made == sorted([FILE_NAMES["csv"], FILE_NAMES["otel"]])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--format", "parquet"], "-o FILE.parquet"),
        (["--format", "csv", "nowhere"], "cannot be read"),
        (["--format", "csv", "-o", "missing/x.csv"], "cannot be written"),
        (["--format", "csv", "--type", "decisions"], "is no type of record"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(
    options: list[str], sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "export", *options]) == 2

    assert sentence in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == ["audit"]


def test_what_is_sealed_or_hidden_stays_so() -> None:
    sealed = {"key": "age-key-1", "data": "YWdlLWVuY3J5cHRpb24ub3JnL3Yx"}
    hidden = {"password": {"hmac": "ab" * 16, "key": "k1"}}
    record = {"seq": 1, "type": "decision", "sealed": sealed, "arguments": hidden}

    event = event_of(record)

    assert (event["unmapped"]["sealed"], event["api"]["request"]["data"]) == (sealed, hidden)
    cells = cells_of(record)
    assert json.loads(cells["other"]) == {"sealed": sealed}
    assert json.loads(cells["arguments"]) == hidden
    for writer in WRITERS.values():
        assert b"YWdlLWVuY3J5cHRpb24ub3JnL3Yx" in exported(writer, [record])


@pytest.mark.promise("export-no-secret")
def test_no_secret_is_in_an_export_or_a_report(tmp_path: Path) -> None:
    mask = Mask()
    mask.add([Secret(SECRET)])
    arguments = {"password": "hunter2-canary", "note": f"the key is {SECRET}"}
    folder = write(
        tmp_path, [decision("policy_deny", reason=SECRET, tool=SECRET, arguments=arguments)], mask=mask
    )
    report = reported(folder)
    written = [exported(writer, read(folder)) for writer in WRITERS.values()]
    written += [html(report).encode(), markdown(report).encode(), json.dumps(report.as_json()).encode()]

    assert len(written) == 7
    for one in written:
        assert b"canary" not in one
