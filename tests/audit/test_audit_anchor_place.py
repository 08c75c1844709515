"""An anchor whose file is in the folder of its own log: refused before anything is written there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mcpbridge.audit import AuditLog, Status, verify
from mcpbridge.audit.anchors import AnchorFailed, FileAnchor, Point
from mcpbridge.errors import UsageError

from .logs import MASK, all_lines, note, written


def _itself(log: Path) -> Path:
    return log / "audit.jsonl"


def _new(log: Path) -> Path:
    return log / "heads.jsonl"


def _below(log: Path) -> Path:
    return log / "blobs" / "heads.jsonl"


def _roundabout(log: Path) -> Path:
    return log.parent / "elsewhere" / ".." / "log" / "audit.lock"


def _linked(log: Path) -> Path:
    link = log.parent / "heads.jsonl"
    link.symlink_to(log / "audit.jsonl")
    return link


def _dangling(log: Path) -> Path:
    link = log.parent / "heads.jsonl"
    link.symlink_to(log / "new.jsonl")
    return link


def _linked_folder(log: Path) -> Path:
    link = log.parent / "elsewhere"
    link.symlink_to(log, target_is_directory=True)
    return link / "heads.jsonl"


def _second_name(log: Path) -> Path:
    os.link(log / "audit.jsonl", log.parent / "heads.jsonl")
    return log.parent / "heads.jsonl"


def _second_name_of_a_key(log: Path) -> Path:
    os.link(log / "keys" / "verifier.keys", log.parent / "heads.jsonl")
    return log.parent / "heads.jsonl"


@pytest.mark.promise("audit-anchor-place")
@pytest.mark.parametrize(
    "place",
    [
        _itself, _new, _below, _roundabout, _linked, _dangling, _linked_folder, _second_name,
        _second_name_of_a_key,
    ],
)  # fmt: skip
def test_a_log_is_not_opened_with_an_anchor_that_writes_into_its_folder(
    place: Callable[[Path], Path], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    written(log, [note()])
    before = {path: path.read_bytes() for path in log.rglob("*") if path.is_file()}
    anchor = FileAnchor(path=place(log))
    with pytest.raises(UsageError, match=r"in the folder of its own log.*write a path outside it"):
        AuditLog.open(log, mask=MASK, anchors=[anchor])
    point = Point.of(log, json.loads(all_lines(log)[-1])["note"])
    with pytest.raises(AnchorFailed, match=r"in the log's own folder.*write a path outside it"):
        anchor.publish(point)  # what a link leads to may have changed since
    assert {path: path.read_bytes() for path in log.rglob("*") if path.is_file()} == before
    assert verify(log).status is Status.UNSEALED


def test_a_log_that_is_a_link_to_the_anchors_file_is_not_opened(tmp_path: Path) -> None:
    log, heads = tmp_path / "log", tmp_path / "heads.jsonl"
    written(log, [note()])
    (log / "audit.jsonl").rename(heads)
    (log / "audit.jsonl").symlink_to(heads)
    with pytest.raises(UsageError, match=r"in the folder of its own log"):
        AuditLog.open(log, mask=MASK, anchors=[FileAnchor(path=heads)])


def test_where_there_is_no_log_yet_a_wrong_anchor_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"in the folder of its own log"):
        AuditLog.open(tmp_path / "log", mask=MASK, anchors=[FileAnchor(path=tmp_path / "log" / "heads")])
    assert list(tmp_path.iterdir()) == []


def test_an_anchor_beside_the_logs_folder_is_taken_also_with_two_names(tmp_path: Path) -> None:
    heads = tmp_path / "log-heads.jsonl"
    heads.touch()
    os.link(heads, tmp_path / "other")
    written(tmp_path / "log", [note()], anchors=[FileAnchor(path=heads)])
    assert heads.read_bytes().count(b"\n") == 1
