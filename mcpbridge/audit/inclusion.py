"""RFC 6962 inclusion proofs: that a line is in the tree whose root a checkpoint signs. No I/O.

A proof needs the tree cut into blocks of BLOCK leaves (`tiles`: their roots), and the leaves of two blocks
only: the line's own, and what comes after the last whole block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mcpbridge.audit.merkle import CompactRange, node_hash, perfect_root

BLOCK: Final = 256
"""A power of two, so that each block is a whole subtree."""


@dataclass(slots=True, kw_only=True)
class Tiles:
    """A tree of `size` leaves, as far as the proof for leaf `index` (from 0) needs it."""

    index: int
    size: int
    roots: list[bytes] = field(default_factory=list[bytes])
    """Of each whole block, in order."""
    own: list[bytes] = field(default_factory=list[bytes])
    """Leaves of the block that holds the leaf."""
    rest: list[bytes] = field(default_factory=list[bytes])
    """Leaves after the last whole block."""
    _open: list[bytes] = field(default_factory=list[bytes])
    seen: int = 0
    """Leaves given to `append`."""

    def append(self, leaf: bytes) -> None:
        """The next leaf, from the first; for whoever has to read them all."""
        if self.seen // BLOCK == self.index // BLOCK:
            self.own.append(leaf)
        self._open.append(leaf)
        self.seen += 1
        if len(self._open) == BLOCK:
            self.roots.append(perfect_root(self._open))
            self._open.clear()
        if self.seen == self.size:
            self.rest = list(self._open)

    def proof(self) -> list[bytes]:
        """The audit path of RFC 6962 §2.1.1, from the leaf's sibling up to the root's."""
        path: list[bytes] = []
        start, end = 0, self.size
        while end - start > 1:
            middle = start + (1 << ((end - start - 1).bit_length() - 1))
            if self.index < middle:
                path.append(self._root(middle, end))
                end = middle
            else:
                path.append(self._root(start, middle))
                start = middle
        path.reverse()
        return path

    def _root(self, start: int, end: int) -> bytes:
        if start // BLOCK == (end - 1) // BLOCK and (end - start < BLOCK or not self.roots):
            return _root_of(self._leaves(start, end))
        blocks = self.roots[start // BLOCK : end // BLOCK]
        # Blocks are leaves of a tree of their own, the last one of which need not be whole.
        return _root_of([*blocks, _root_of(self.rest)] if end % BLOCK else blocks)

    def _leaves(self, start: int, end: int) -> list[bytes]:
        block = self.own if start // BLOCK == self.index // BLOCK else self.rest
        base = start - start % BLOCK
        return block[start - base : end - base]


def _root_of(hashes: Sequence[bytes]) -> bytes:
    tree = CompactRange()
    tree.extend(hashes)
    return tree.root()


def root_by(proof: Sequence[bytes], leaf: bytes, *, index: int, size: int) -> bytes | None:
    """The root that a proof leads to (RFC 9162 §2.1.3.2); None when its length does not fit the tree."""
    here, last, root = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return None
        if here & 1 or here == last:
            root = node_hash(other, root)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            root = node_hash(root, other)
        here, last = here >> 1, last >> 1
    return root if last == 0 else None
