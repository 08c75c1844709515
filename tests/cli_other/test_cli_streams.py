"""What becomes of a command whose output nobody reads, nothing can hold, or no character set can write."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from mcpbridge.audit import AuditLog
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Record
from tests.cli_other.shared import MAIN, environment

_PATIENCE = 60
_STRANGE = "日本 😀 … “quoted” → \ud800"
_FULL = Path("/dev/full")
_POLICY = "version: 1\ndefaults: {decision: ask}\nrules: [{id: a, effect: allow, tools: ['*']}]\n"
_needs_pipes = pytest.mark.skipif(sys.platform == "win32", reason="Windows says it otherwise: EINVAL")
_needs_full = pytest.mark.skipif(not _FULL.exists(), reason="there is no full disk to be had")


def _named(value: list[str] | int) -> str:
    return str(value) if isinstance(value, int) else " ".join(value)


async def _append(folder: Path, *records: Record) -> None:
    async with AuditLog.open(folder, mask=Mask(), levels={}) as log:
        for record in records:
            await log.append(record)


def _decision(number: int) -> Record:
    fields = {
        "server_label": "docs",
        "tool": "search",
        "request_id": f"mcpr_{number}",
        "outcome": "policy_deny",
        "rule_ids": ["no-search"],
        "arguments": {"query": _STRANGE.removesuffix("\ud800")},
        "reason": "…",
    }
    return Record(type="decision", phase="pre", fields=fields)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log that is intact, in the folder `audit`."""
    asyncio.run(_append(tmp_path / "audit", *map(_decision, range(4))))
    (tmp_path / "p.yaml").write_text(_POLICY, encoding="utf-8")
    return tmp_path / "audit"


@contextmanager
def _nobody_reads() -> Generator[int]:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


def _run(
    log: Path,
    words: Sequence[str],
    *,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    encoding: str = "utf-8",
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*MAIN, *words],
        cwd=log.parent,
        env=environment(PYTHONIOENCODING=encoding),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        timeout=_PATIENCE,
        check=False,
    )


def _change_a_record(log: Path) -> None:
    file = log / "audit.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"policy_deny"', b'"policy_allo"', 1))


@_needs_pipes
@pytest.mark.promise("verdict-kept")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["audit", "verify", "--no-remember"], 3),
        (["audit", "verify", "--no-remember", "--json"], 3),
        (["audit", "reconcile"], 0),
        (["audit", "report", "--offline"], 0),
        (["audit", "explain", "2"], 0),
        (["audit", "hash", "--value", "nowhere"], 1),
        (["policy", "check", "p.yaml"], 1),
        (["check", "-c", "none.yaml"], 2),
        (["--help"], 0),
    ],
    ids=_named,
)
def test_a_reader_who_left_changes_no_verdict(log: Path, words: list[str], code: int) -> None:
    with _nobody_reads() as nobody:
        done = _run(log, words, stdout=nobody)

    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert b"Broken" not in done.stderr


@_needs_pipes
@pytest.mark.promise("verdict-kept")
def test_a_tampered_log_is_tampered_with_both_streams_gone(log: Path) -> None:
    _change_a_record(log)
    with _nobody_reads() as nobody:
        assert _run(log, ["audit", "verify", "--no-remember"], stdout=nobody, stderr=nobody).returncode == 1
        assert _run(log, ["audit", "report", "--offline"], stdout=nobody, stderr=nobody).returncode == 1


@_needs_pipes
@pytest.mark.parametrize(
    "words",
    [["audit", "show"], ["audit", "show", "2"], ["audit", "tail"], ["audit", "export", "--format", "csv"]],
    ids=_named,
)
def test_records_end_with_their_reader_and_with_the_code_of_the_signal(log: Path, words: list[str]) -> None:
    with _nobody_reads() as nobody:
        done = _run(log, words, stdout=nobody)

    assert (done.returncode, done.stderr) == (141, b"")


@_needs_pipes
def test_a_tail_that_follows_ends_when_its_reader_leaves(log: Path) -> None:
    with subprocess.Popen(
        [*MAIN, "audit", "tail", "-f", "-n", "1"],
        cwd=log.parent,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert b"docs.search" in process.stdout.readline()
        process.stdout.close()
        asyncio.run(_append(log, _decision(9)))
        _, err = process.communicate(timeout=_PATIENCE)

    assert (process.returncode, err) == (141, b"")


@_needs_pipes
def test_a_gateway_whose_client_has_gone_ends_as_after_a_goodbye(tmp_path: Path) -> None:
    (tmp_path / "mcpbridge.yaml").write_text(
        "model: {name: m, endpoint: local}\npolicy: ask-before-write\n", encoding="utf-8"
    )
    asked = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n'
    with (
        _nobody_reads() as nobody,
        subprocess.Popen(
            [*MAIN, "gateway"],
            cwd=tmp_path,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=nobody,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        _, err = process.communicate(asked, timeout=_PATIENCE)

    assert (process.returncode, err) == (0, b"")


@_needs_full
@pytest.mark.promise("verdict-kept")
@pytest.mark.parametrize(
    "words",
    [
        ["audit", "verify", "--no-remember"],
        ["audit", "reconcile"],
        ["audit", "report", "--offline"],
        ["audit", "show"],
        ["audit", "show", "2"],
        ["audit", "export", "--format", "ocsf"],
        ["policy", "check", "p.yaml"],
        ["--help"],
    ],
    ids=_named,
)
def test_what_a_full_disk_does_not_take_is_one_sentence_and_no_verdict(log: Path, words: list[str]) -> None:
    with _FULL.open("wb") as full:
        done = _run(log, words, stdout=full)

    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        "mcpbridge: standard output cannot be written (No space left on device), so what was to be said is "
        "lost; send it elsewhere"
    ]


@pytest.mark.promise("any-encoding")
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp437"])
@pytest.mark.parametrize("words", [["audit", "show"], ["audit", "show", "2"], ["audit", "explain", "2"]])
def test_a_character_set_that_lacks_a_character_stops_nothing(
    log: Path, words: list[str], encoding: str
) -> None:
    done = _run(log, words, encoding=encoding)

    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding)
    assert "docs.search" in text
    assert "\\u2026" not in text  # it has a stand-in
    assert words[1] == "explain" or "\\u65e5\\u672c \\U0001f600" in text


@pytest.mark.promise("any-encoding")
@pytest.mark.parametrize("form", ["md", "html"])
def test_a_report_that_goes_into_a_file_is_utf_8(log: Path, form: str) -> None:
    done = _run(log, ["audit", "report", "--offline", "--format", form], encoding="cp1252")

    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode("utf-8")
    assert "docs.search" in text
    assert form == "html" or "█" in text


@pytest.mark.skipif(sys.platform == "win32", reason="names are characters there, not bytes")
def test_a_name_that_is_no_text_stops_no_command(log: Path) -> None:
    done = _run(log, ["check", "-c", "caf\udce9.yaml"])

    assert (done.returncode, done.stderr) == (2, b"")
    assert b"caf\\udce9.yaml: there is no such file" in done.stdout
