"""Which checkpoint covers a record, and the proof that the record is in the tree that it signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from mcpbridge.audit.chain import link_of, parsed
from mcpbridge.audit.checkpoint import Checkpoint, verified
from mcpbridge.audit.inclusion import BLOCK, Tiles, root_by
from mcpbridge.audit.index.stand import Index
from mcpbridge.audit.keys.signing import verifier_keys
from mcpbridge.audit.note import NoteError
from mcpbridge.audit.read import entries
from mcpbridge.audit.records import RecordType
from mcpbridge.errors import AuditCorrupt, AuditUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What stands for a record besides the chain."""

    leaf: str
    """The record's leaf hash, hex."""
    checkpoint: int = 0
    """`seq` of the first checkpoint line after the record; 0: there is none yet."""
    origin: str = ""
    size: int = 0
    root: str = ""
    """Hex."""
    proof: tuple[str, ...] = ()
    """The audit path, hex, from the leaf up."""
    included: bool = False
    """Whether the path leads to the root."""
    signed_by: str = ""
    """Name of the key, among those beside the log, whose signature holds."""
    problem: str = ""


def coverage_of(directory: Path, seq: int, index: Index | None) -> Coverage:
    """Look for the checkpoint and make the proof. Reads the whole log where no index knows it."""
    found = _next_checkpoint(directory, seq, index)
    if found is None:
        return Coverage(leaf=_leaf(directory, seq, index).hex())
    at, record = found
    leaf = _leaf(directory, seq, index)
    try:
        checkpoint = Checkpoint.of_note(str(record.get("note", "")))[0]
    except NoteError as error:
        return Coverage(leaf=leaf.hex(), checkpoint=at, problem=f"its note is none: {error}")
    if not seq <= checkpoint.size < at:
        problem = f"it covers {checkpoint.size} lines, which cannot be"
        return Coverage(leaf=leaf.hex(), checkpoint=at, problem=problem)
    tiles = _tiles(directory, seq, checkpoint.size, index)
    proof = tiles.proof() if tiles else []
    root = root_by(proof, leaf, index=seq - 1, size=checkpoint.size) if tiles else None
    return Coverage(
        leaf=leaf.hex(),
        checkpoint=at,
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        proof=tuple(each.hex() for each in proof),
        included=root == checkpoint.root,
        signed_by=_signer(directory, str(record["note"])),
        problem="" if tiles else "the log's oldest lines are not here any more, so no proof can be made",
    )


def _next_checkpoint(directory: Path, seq: int, index: Index | None) -> tuple[int, dict[str, Any]] | None:
    if index is not None:
        row = index.base.execute(
            "SELECT seq, segment, offset, length FROM records WHERE type = ? AND seq > ? ORDER BY seq "
            "LIMIT 1",
            (RecordType.CHECKPOINT, seq),
        ).fetchone()
        if row:
            return row[0], parsed(index.line(*row)) or {}
    for number, line in _lines(directory, index):
        if number > seq and b'"type":"checkpoint"' in line:
            record = parsed(line)
            if record and record.get("type") == RecordType.CHECKPOINT:
                return number, record
    return None


def _leaf(directory: Path, seq: int, index: Index | None) -> bytes:
    if index is not None and seq <= index.last_seq:
        line = next(index.lines(seq, seq), None)
    else:
        line = next((line for number, line in _lines(directory, index) if number == seq), None)
    if line is None:
        raise AuditCorrupt(f"no line of the log has the number {seq}; run `mcpbridge audit verify`")
    return sha256(b"\0" + line).digest()


def _tiles(directory: Path, seq: int, size: int, index: Index | None) -> Tiles | None:
    """What the proof needs; None where the log's beginning is missing."""
    tiles = Tiles(index=seq - 1, size=size)
    if index is not None and size <= index.last_seq:
        if index.first_seq != 1:
            return None
        whole = size // BLOCK
        own = (seq - 1) // BLOCK * BLOCK
        tiles.roots = index.tiles()[:whole]
        tiles.own = _leaves(index, own + 1, min(own + BLOCK, size))
        tiles.rest = _leaves(index, whole * BLOCK + 1, size)
        return tiles
    for number, line in _lines(directory, None):
        if tiles.seen + 1 != number:
            return None
        tiles.append(sha256(b"\0" + line).digest())
        if number == size:
            return tiles
    return None


def _leaves(index: Index, first: int, last: int) -> list[bytes]:
    return [sha256(b"\0" + line).digest() for line in index.lines(first, last)]


def _lines(directory: Path, index: Index | None) -> Iterator[tuple[int, bytes]]:
    """Lines that the index does not know, with their numbers."""
    for entry in entries(directory, after=index.read if index else None):
        link = link_of(entry.line)
        if link is not None:
            yield link[1], entry.line


def _signer(directory: Path, note: str) -> str:
    """The key beside the log that signed. It says which key it was, not whom to trust: see `verify`."""
    folder = directory if directory.is_dir() else directory.parent
    try:
        for key in verifier_keys(folder):
            try:
                verified(note, key)
            except NoteError:
                continue
            return f"{key.name} ({key.key_id})"
    except (AuditUnavailable, OSError):
        return ""
    return ""
