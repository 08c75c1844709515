"""What an anchor's file must hold before it seals a log: lines that a key of the log signed."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from mcpbridge.audit import Against, AuditLog, Status, verify
from mcpbridge.audit.anchors import FileAnchor
from mcpbridge.audit.keys import new_signing_key, verifier_keys
from mcpbridge.audit.keys.changing import Change, change_signing_key, kept_signing_key
from mcpbridge.ports import Record

from .anchored import anchored
from .logs import MASK, decision


def _some(name: str, count: int = 4) -> Sequence[Record]:
    return [decision(f"mcpr_{name}_{number}") for number in range(count)]


def _unsigned(line: str) -> str:
    """The same checkpoint, by the same name and key id, with a signature that is none."""
    kept = json.loads(line)
    text, _, signed = kept["note"].rpartition("\n\n")
    name, _, data = signed.strip().rpartition(" ")
    data = base64.b64encode(base64.b64decode(data)[:4] + bytes(64)).decode()
    return json.dumps(
        {**kept, "note": f"{text}\n\n{name} {data}\n"}, ensure_ascii=False, separators=(",", ":")
    )


@pytest.mark.promise("audit-anchor-signed")
def test_a_line_that_nobody_signed_seals_nothing(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept.jsonl"
    anchored(log, _some("a"), [FileAnchor(path=kept)])
    assert verify(log, Against(outside=[kept])).status is Status.SEALED
    kept.write_text(f"{_unsigned(kept.read_text().strip())}\n")
    found = verify(log, Against(outside=[kept]))
    assert (found.status, found.unsealed and found.unsealed.records) == (Status.UNSEALED, 4)
    assert "signed with no key of this log" in str(found)


@pytest.mark.promise("audit-anchor-signed")
def test_lines_that_nobody_signed_do_not_hide_those_that_were(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept.jsonl"
    anchored(log, _some("a"), [FileAnchor(path=kept)])
    signed = kept.read_text()
    anchored(log, _some("b"), [FileAnchor(path=kept)])
    kept.write_text(signed + "".join(f"{_unsigned(line)}\n" for line in kept.read_text().splitlines()[1:]))
    found = verify(log, Against(outside=[kept]))
    assert (found.status, found.anchors[0].lines) == (Status.UNSEALED, 4)
    assert found.unsealed
    assert (found.unsealed.records, found.unsealed.first_seq) == (4, 6)


@pytest.mark.promise("audit-anchor-signed")
def test_a_log_that_is_written_anew_from_before_a_key_was_there_is_not_sealed(tmp_path: Path) -> None:
    log, kept, early = tmp_path / "log", tmp_path / "kept.jsonl", tmp_path / "early"
    anchored(log, _some("a"), [FileAnchor(path=kept)])
    shutil.copytree(log, early)

    async def rotate() -> None:
        old, origin = kept_signing_key(log), verifier_keys(log)[0].name
        async with AuditLog.open(log, mask=MASK) as opened:
            change = Change(by="ada", reason="yearly")
            await change_signing_key(opened, log, change, origin=origin, old=old, new=new_signing_key(origin))

    asyncio.run(rotate())
    anchored(log, _some("b"), [FileAnchor(path=kept)])
    assert verify(log, Against(outside=[kept])).status is Status.SEALED
    # Its writer kept the first key, and forgets the second: all of it is signed, and anchored, once more.
    anchored(early, _some("c", 12), [FileAnchor(path=kept)])
    found = verify(early, Against(outside=[kept]))
    assert found.status is not Status.SEALED
    assert "by a key it does not know" in str(found)


def test_a_line_behind_one_that_a_full_disk_took_half_of_counts(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept.jsonl"
    kept.write_text('{"log":"mcpbridge/0123456789abcdef","size":7,"no')
    anchored(log, _some("a"), [FileAnchor(path=kept)])
    assert verify(log, Against(outside=[kept])).status is Status.SEALED
