"""All there is on one decision, with an index and without one; and following a log."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.audit import read
from mcpbridge.audit.follow import follow, read_so_far
from mcpbridge.audit.inclusion import BLOCK, Tiles, root_by
from mcpbridge.audit.index import Index, build, index_path, opened_index
from mcpbridge.audit.merkle import CompactRange
from mcpbridge.audit.read import latest
from mcpbridge.audit.review.evidence import Evidence, evidence
from mcpbridge.errors import UsageError

from .logs import decision, note
from .review_logs import append, asked, call, intent, outcome, with_blob

_POLICY = "version: 1\n"
_SCREEN = "ci-bot wants to call docs.search"
_HASHES = {text: hashlib.sha256(text.encode()).hexdigest() for text in (_POLICY, _SCREEN)}

Find = Callable[[str], Evidence]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    policy = with_blob(note("loaded"), _POLICY)
    shown = {"screen_hash": _HASHES[_SCREEN], "policy_hash": _HASHES[_POLICY], "definition_hash": "0" * 64}
    append(
        tmp_path,
        [
            policy,
            with_blob(asked("mcpr_aaaaaaaa1", screen_hash=_HASHES[_SCREEN]), _SCREEN),
            decision("mcpr_aaaaaaaa1", outcome="human_allow", approver="ada", **shown),
            decision("mcpr_aaaaaaaa2", outcome="policy_deny"),
            decision("mcpr_aaaaaaaa1", conversation_id="conv_2", outcome="policy_deny"),
            intent("mcpr_aaaaaaaa1"),
            outcome("mcpr_aaaaaaaa1", item_id="mcp_item0001"),
            *(note(f"more {at}") for at in range(2 * BLOCK)),
        ],
        segment_bytes=60_000,
    )
    return tmp_path


@pytest.fixture(params=["index", "partly", "reading"])
def find(log: Path, request: pytest.FixtureRequest) -> Find:
    """The three ways of finding: the answers are the same."""
    if request.param == "partly":
        build(log)
        append(log, [note("after the index"), *call("mcpr_later001")])
    if request.param == "index":
        build(log)

    def found(wanted: str) -> Evidence:
        index = opened_index(log, index_path(log))
        try:
            return evidence(log, wanted, index if isinstance(index, Index) else None)
        finally:
            if isinstance(index, Index):
                index.close()

    return found


@pytest.mark.promise("evidence-whole")
def test_one_decision_comes_with_all_that_the_log_holds_on_it(find: Find) -> None:
    found = find("3")
    assert [record["seq"] for record in found.story] == [2, 3, 6, 7]
    assert found.record["approver"] == "ada"
    texts = {text.what: text for text in found.texts}
    assert texts["screen"].text == _SCREEN
    assert texts["policy"].text == _POLICY
    assert texts["definition"].text is None
    assert "not in blobs/" in texts["definition"].note


@pytest.mark.promise("evidence-proof")
@pytest.mark.parametrize("seq", ["1", "3", "255", "256", "257", "300", "511"])
def test_a_record_comes_with_the_proof_that_a_checkpoint_covers_it(find: Find, log: Path, seq: str) -> None:
    coverage = find(seq).coverage
    assert coverage.included
    assert coverage.checkpoint == coverage.size + 1 > int(seq)
    assert coverage.signed_by.startswith(coverage.origin)
    proof = [bytes.fromhex(each) for each in coverage.proof]
    leaf = bytes.fromhex(coverage.leaf)
    assert root_by(proof, leaf, index=int(seq) - 1, size=coverage.size) == bytes.fromhex(coverage.root)
    assert root_by(proof[::-1], leaf, index=int(seq), size=coverage.size) != bytes.fromhex(coverage.root)


def test_an_id_its_beginning_and_an_item_lead_to_the_request(find: Find) -> None:
    assert find("mcpr_aaaaaaaa2").record["seq"] == 4
    assert find("mcp_item0001").record["seq"] == 3
    assert find("mcp_item").record["seq"] == 3
    with pytest.raises(UsageError, match=r"means 3 requests or more \(#2 search, #4 search, #5 search\)"):
        find("mcpr_aaaaaaaa")
    with pytest.raises(UsageError, match=r"means 2 requests or more"):
        find("mcpr_aaaaaaaa1")
    assert find("5").story[0]["conversation_id"] == "conv_2"


def test_what_nothing_is_about_is_said(find: Find) -> None:
    with pytest.raises(UsageError, match="the log has no record 99999"):
        find("99999")
    with pytest.raises(UsageError, match="no request of the log is 'mcpr_unknown'"):
        find("mcpr_unknown")
    with pytest.raises(UsageError, match="no request of the log is 'mcpr_a'"):
        find("mcpr_a")


def test_a_checkpoint_that_was_not_signed_here_or_over_other_lines_is_not_believed(log: Path) -> None:
    (log / "keys" / "verifier.keys").unlink()
    assert not evidence(log, "3").coverage.signed_by
    first = min(log.glob("audit-*.jsonl"))
    first.write_bytes(first.read_bytes().replace(b'"note":"more 3"', b'"note":"more 4"'))
    assert not evidence(log, "3").coverage.included


@given(st.integers(1, 3 * BLOCK), st.data())
def test_a_proof_leads_to_the_root_for_every_leaf_and_size(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = [hashlib.sha256(at.to_bytes(4, "big")).digest() for at in range(size)]
    tree, tiles = CompactRange(), Tiles(index=index, size=size)
    tree.extend(leaves)
    for leaf in leaves:
        tiles.append(leaf)
    proof = tiles.proof()
    assert root_by(proof, leaves[index], index=index, size=size) == tree.root()
    assert root_by([*proof, leaves[0]], leaves[index], index=index, size=size) is None
    if proof:
        assert root_by(proof[:-1], leaves[index], index=index, size=size) is None


def test_the_latest_records_are_read_from_the_end_over_segments(log: Path) -> None:
    everything = list(read(log))
    assert latest(log, 3, {}) == everything[-3:]
    assert latest(log, 10_000, {}) == everything
    assert [record["seq"] for record in latest(log, 2, {"denied": True})] == [4, 5]
    with (log / "audit.jsonl").open("ab") as file:
        file.write(b'{"half": "a line')
    assert latest(log, 1, {}) == everything[-1:]


@pytest.mark.promise("tail-follows")
def test_following_tells_each_line_once_over_rotations(tmp_path: Path) -> None:
    append(tmp_path, [note("before")])
    steps: Iterator[Callable[[], None]] = iter(
        [
            lambda: append(tmp_path, [note("one")]),
            lambda: append(tmp_path, [note(f"turn {at}") for at in range(20)], segment_bytes=900),
            lambda: None,
            lambda: append(tmp_path, [note("last")]),
        ]
    )

    def wait() -> bool:
        step = next(steps, None)
        if step is not None:
            step()
        return step is not None

    before = sum(1 for _ in read(tmp_path))
    told = [entry.line for entry in follow(tmp_path, read_so_far(tmp_path), wait=wait)]
    assert len(list(tmp_path.glob("audit-*.jsonl"))) > 2
    every = b"".join(
        path.read_bytes() for path in (*sorted(tmp_path.glob("audit-*")), tmp_path / "audit.jsonl")
    )
    assert told == every.split(b"\n")[:-1][before:]


def test_following_begins_where_the_writer_is_and_with_a_log_that_comes_later(tmp_path: Path) -> None:
    log = tmp_path / "later"
    steps: Iterator[Callable[[], None]] = iter([lambda: append(log, [note("first")])])

    def wait() -> bool:
        step = next(steps, None)
        if step is not None:
            step()
        return step is not None

    log.mkdir()
    assert b'"note":"first"' in next(iter(follow(log, read_so_far(log), wait=wait))).line
    with (log / "audit.jsonl").open("ab") as file:
        file.write(b'{"half":')
    read = read_so_far(log)
    with (log / "audit.jsonl").open("ab") as file:
        file.write(b' "line"}\n')
    assert [entry.line for entry in follow(log, read, wait=lambda: False)] == [b'{"half": "line"}']
