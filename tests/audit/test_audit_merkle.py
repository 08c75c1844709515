"""Merkle trees against RFC 6962's own definitions, written down a second time, and published vectors."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.audit.merkle import EMPTY_ROOT, CompactRange, consistency_proof

_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
"""The test tree of Google's Certificate Transparency code."""
_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def _leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def _root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + _root(leaves[:half]) + _root(leaves[half:])).digest()


def _proof(size: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 §2.1.2."""
    if size == len(leaves):
        return [] if whole else [_root(leaves)]
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    if size <= half:
        return [*_proof(size, leaves[:half], whole), _root(leaves[half:])]
    return [*_proof(size - half, leaves[half:], False), _root(leaves[:half])]


def _tree(leaves: list[bytes]) -> CompactRange:
    tree = CompactRange()
    for leaf in leaves:
        tree.append(leaf)
    return tree


def _numbered(count: int) -> list[bytes]:
    return [_leaf(b"%d" % number) for number in range(count)]


def test_the_published_vectors_of_certificate_transparency_come_out() -> None:
    tree = CompactRange()
    roots = [tree.root().hex()]
    for data in _LEAVES:
        tree.append(_leaf(data))
        roots.append(tree.root().hex())
    assert roots == _ROOTS
    assert EMPTY_ROOT.hex() == _ROOTS[0]


def test_every_size_up_to_two_hundred_has_the_root_that_the_rfc_defines() -> None:
    leaves = _numbered(200)
    tree = CompactRange()
    for size in range(201):
        assert tree.root() == _root(leaves[:size])
        assert (tree.size, len(tree.hashes)) == (size, size.bit_count())
        if size < 200:
            tree.append(leaves[size])


@given(st.lists(st.integers(0, 70), max_size=8))
def test_adding_many_at_once_is_adding_one_by_one(steps: list[int]) -> None:
    leaves = _numbered(sum(steps))
    tree, at = CompactRange(), 0
    for step in steps:
        tree.extend(leaves[at : at + step])
        at += step
    assert (tree.size, tree.hashes) == (at, _tree(leaves).hashes)


@given(st.integers(0, 150), st.integers(0, 70))
def test_a_tree_goes_on_from_its_parts_and_leaves_its_copy_alone(size: int, more: int) -> None:
    leaves = _numbered(size + more)
    before = _tree(leaves[:size])
    again = CompactRange.from_parts(before.size, before.hashes)
    for leaf in leaves[size:]:
        again.append(leaf)
    copy = before.copy()
    copy.extend(leaves[size:])
    assert again.root() == copy.root() == _root(leaves)
    assert before.root() == _root(leaves[:size])


@pytest.mark.parametrize(
    ("size", "hashes"), [(-1, []), (0, [bytes(32)]), (3, [bytes(32)]), (1, [bytes(31)]), (1, [])]
)
def test_parts_that_are_no_tree_are_refused(size: int, hashes: list[bytes]) -> None:
    with pytest.raises(ValueError, match=r"peaks|32 bytes"):
        CompactRange.from_parts(size, hashes)


def test_every_consistency_proof_up_to_forty_leaves_is_the_one_of_the_rfc() -> None:
    leaves = _numbered(40)
    for size in range(41):
        for old in range(size + 1):
            expected = _proof(old, leaves[:size]) if old else []
            assert consistency_proof(_tree(leaves[:old]), size, leaves[old:size]) == expected


def test_a_proof_needs_all_leaves_and_an_older_tree() -> None:
    leaves = _numbered(9)
    with pytest.raises(ValueError, match="fewer leaves"):
        consistency_proof(_tree(leaves[:3]), 9, leaves[3:8])
    with pytest.raises(ValueError, match="cannot begin"):
        consistency_proof(_tree(leaves), 8, [])
