"""RFC 6962 Merkle trees over the log's lines, in logarithmic memory. No I/O.

A tree of n leaves is kept as its compact range: the roots of the perfect subtrees that n is the sum of,
largest first. That is enough to append, to compute the root, and to go on from a checkpoint without
reading what came before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of no leaves (RFC 6962 §2.1)."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """Of an inner node (RFC 6962 §2.1)."""
    return sha256(b"\x01" + left + right).digest()


class CompactRange:
    """A growing tree. `copy` before a write that may fail; a copy costs some 20 pointers."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        """Leaves so far."""
        self._peaks: list[bytes] = []

    @classmethod
    def from_parts(cls, size: int, hashes: Sequence[bytes]) -> CompactRange:
        """The tree that had this `size` and these `hashes`. Raises ValueError when the two do not fit."""
        if size < 0 or len(hashes) != size.bit_count():
            raise ValueError(
                f"a tree of {size} leaves has {max(size, 0).bit_count()} peaks, not {len(hashes)}"
            )
        if any(len(peak) != HASH_BYTES for peak in hashes):
            raise ValueError(f"each hash of a compact range has {HASH_BYTES} bytes")
        tree = cls()
        tree.size, tree._peaks = size, list(hashes)
        return tree

    def copy(self) -> CompactRange:
        return CompactRange.from_parts(self.size, self._peaks)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Roots of the perfect subtrees, largest (oldest) first: one for each 1 in the size's binary."""
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> None:
        """Add one leaf, by its hash."""
        size, peaks = self.size, self._peaks
        while size & 1:
            leaf = sha256(b"\x01" + peaks.pop() + leaf).digest()
            size >>= 1
        peaks.append(leaf)
        self.size += 1

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add many leaves. Whole levels at a time, which is a third faster than one by one."""
        at, total = 0, len(leaves)
        while at < total:
            # The largest perfect subtree that may begin at this size and that there are leaves for.
            width = 1 << ((total - at).bit_length() - 1)
            if self.size:
                width = min(width, self.size & -self.size)
            self._merge(perfect_root(leaves[at : at + width]), width)
            at += width

    def _merge(self, peak: bytes, width: int) -> None:
        """Add a perfect subtree of `width` leaves; the size is a multiple of `width`."""
        rest = self.size // width
        while rest & 1:
            peak = sha256(b"\x01" + self._peaks.pop() + peak).digest()
            rest >>= 1
        self._peaks.append(peak)
        self.size += width

    def root(self) -> bytes:
        """The tree's root: the peaks folded from the smallest."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def perfect_root(level: Sequence[bytes]) -> bytes:
    """The root of 1, 2, 4, 8 … leaves."""
    while len(level) > 1:
        pairs = iter(level)
        level = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return level[0]


def consistency_proof(old: CompactRange, size: int, leaves: Iterable[bytes]) -> list[bytes]:
    """That the tree of `size` leaves begins with `old` (RFC 6962 §2.1.2).

    `leaves` are the hashes from `old.size` on; they are read once, in order, and none is kept. Raises
    ValueError when there are fewer than that.
    """
    if not 0 <= old.size <= size:
        raise ValueError(f"a tree of {size} leaves cannot begin with one of {old.size}")
    if old.size in (0, size):
        return []
    proof: list[tuple[int, bytes]] = []
    peaks = dict(_places(old))
    spans = list(_proof_spans(old.size, size))
    stream = iter(leaves)
    for start, end in sorted(spans):
        proof.append((start, peaks[start, end] if end <= old.size else _root_of(stream, end - start)))
    by_start = dict(proof)
    return [by_start[start] for start, _ in spans]


def _places(tree: CompactRange) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Where each peak begins and ends."""
    start = 0
    for peak in tree.hashes:
        width = 1 << ((tree.size - start).bit_length() - 1)
        yield (start, start + width), peak
        start += width


def _proof_spans(old: int, size: int) -> Iterator[tuple[int, int]]:
    """The subtrees of a consistency proof, in its order: down to the old tree's last leaf, then up."""
    start, end = 0, size
    path: list[tuple[int, int]] = []
    while end != old:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    if start:  # else the old tree is this subtree, and whoever checks knows its root
        yield start, end
    yield from reversed(path)


def _root_of(stream: Iterator[bytes], count: int) -> bytes:
    tree = CompactRange()
    for leaf in islice(stream, count):
        tree.append(leaf)
    if tree.size != count:
        raise ValueError("there are fewer leaves than the tree has")
    return tree.root()
