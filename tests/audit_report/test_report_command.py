"""`mcpbridge audit report` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcpbridge.cli.main import main
from tests.audit_report.made import decision, write


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return write(tmp_path / "audit", [decision("policy_deny")])


def test_it_prints_markdown_and_writes_html_where_the_name_says_so(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "report"]) == 0
    assert capsys.readouterr().out.startswith("# Audit report\n")

    assert main(["audit", "report", "-o", "report.html"]) == 0
    written = log.parent / "report.html"
    assert written.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert written.stat().st_mode & 0o777 == 0o600
    assert list(log.parent.glob(".report*")) == []

    assert main(["audit", "report", "--format", "html"]) == 0
    assert "</html>" in capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--json"], ["-o", "report.html"]])
def test_of_a_changed_log_the_report_is_written_and_the_exit_code_is_1(
    options: list[str], log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = log / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b"policy_deny", b"human_allow"))

    assert main(["audit", "report", *options]) == 1
    text = (
        (log.parent / "report.html").read_text(encoding="utf-8")
        if "-o" in options
        else capsys.readouterr().out
    )
    assert "THE LOG WAS CHANGED" in text


def test_its_figures_are_there_as_json(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "report", "--json", "--since", "2026-01-01"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["verdict"]["exit_code"] == 3
    facts = {fact["name"]: fact for fact in found["sections"]["denials"]["facts"]}
    assert facts["denied"]["value"] == 1
    assert facts["denied"]["command"].endswith("--denied --since 2026-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--since", "yesterday"], "--since 'yesterday' is no time"),
        (["--until", "soon"], "--until 'soon' is no time"),
        (["--since", "2026-02-01", "--until", "2026-01-01"], "is not before --until"),
        (["--json", "--format", "md"], "give one of them"),
        (["-o", "missing/report.md"], "cannot be written"),
        (["-o", "pages/"], "is a folder; name a file, such as pages/report.html"),
        (["elsewhere"], "cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(
    options: list[str], sentence: str, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "report", *options]) == 2

    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_a_file_stays_as_it_was_where_the_report_fails(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = log.parent / "report.md"
    before.write_text("of last week")
    with (log / "audit.jsonl").open("ab") as file:
        file.write(b"not json\n")

    assert main(["audit", "report", "-o", "report.md"]) == 1

    assert before.read_text() == "of last week"
    assert "audit verify" in capsys.readouterr().err
