"""Everything that the commands make of a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcpbridge.cli.main import main


def outputs(
    log: Path, request_id: str, capsys: pytest.CaptureFixture[str], *, identity: Path | None = None
) -> dict[str, str]:
    """What each command printed, errors too; files that were written are named `file …`."""
    where = str(log)
    made = log.parent / "made"
    made.mkdir()
    opening = ["--identity", str(identity)] if identity else []
    commands = [
        ["show", where], ["show", "--json", where], ["show", "--wide", where], ["show", request_id, where],
        ["show", "--no-index", *opening, request_id, where], ["tail", where], ["report", where],
        ["index", where],
        ["report", "--format", "html", where], ["report", "--json", where], ["reconcile", where],
        ["explain", request_id, where], ["explain", "--json", request_id, where], ["show", "--json", where],
        ["verify", where], ["verify", "--json", where], ["keys", "list", where], ["hold", "list", where],
        ["export", "--format", "csv", where], ["export", "--format", "ocsf", where],
        ["export", "--format", "otel", where], ["erase", "--principal", "", where], ["retain", where],
        ["export", "--format", "parquet", "-o", str(made / "log.parquet"), where],
        ["hash", "--value", "nothing like it", *opening, where],
        ["signoff", "--by", "ada", "--yes", where],
        ["show", "--conversation", "conv_none", where], ["explain", "mcpr_none", where],
    ]  # fmt: skip
    found: dict[str, str] = {}
    for words in commands:
        capsys.readouterr()
        try:
            code = main(["audit", *words])
        except SystemExit as left:
            code = int(left.code or 0)
        captured = capsys.readouterr()
        assert code in (0, 1, 2, 3), words
        assert "Traceback" not in captured.err, words
        found[" ".join(words[:-1])] = captured.out + captured.err
    for path in (*log.rglob("*"), *made.rglob("*")):
        if path.is_file() and path.parent.name != "keys":
            found[f"file {path.name}"] = path.read_bytes().decode("utf-8", "replace")
    return found
