"""One line of the log: how it is put together, linked to the line before, and taken apart.

    {"prev":"<64 hex>","seq":N,"ts":"…Z","type":…, … ,"crc":"<8 hex>"}

`prev` is SHA-256(0x00 || the bytes of the previous line without its newline), which is also the
line's leaf hash in an RFC 6962 tree. Exact bytes are hashed: nothing has to be re-encoded to check.

`crc` (CRC-32 of all bytes before `,"crc"`) is no evidence against an attacker. It finds what a disk did
to a line that nothing follows yet, and tells which of two neighbours was altered.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

GENESIS: Final = "0" * 64
"""The `prev` of the first line."""
_START: Final = re.compile(rb'\{"prev":"([0-9a-f]{64})","seq":([1-9][0-9]{0,17}),"ts":"')
_SAYS: Final = re.compile(
    rb'\{"prev":"[0-9a-f]{64}","seq":[0-9]{1,18},"ts":("[^"\\]*Z"),"type":("(?:[^"\\]|\\.)*")'
)
"""What a line says of itself at its head: its time, its type."""
_CRC_KEY: Final = b',"crc":"'
_CRC_LENGTH: Final = len(_CRC_KEY) + 8 + len(b'"}')


class FlawKind(StrEnum):
    """What can be wrong with a log."""

    ALTERED = "altered"
    """The line's bytes do not fit its checksum."""
    NOT_JSON = "not_json"
    NOT_A_RECORD = "not_a_record"
    """JSON, but not one of our lines."""
    BAD_PREV = "bad_prev"
    """The line does not follow the one before it."""
    SEQ_GAP = "seq_gap"
    BLOB_MISSING = "blob_missing"
    BLOB_ALTERED = "blob_altered"
    SEALED_KEY_MISSING = "sealed_key_missing"
    """And no record says that it was erased."""
    SEALED_KEY_ALTERED = "sealed_key_altered"
    CHECKPOINT_WRONG = "checkpoint_wrong"
    """A checkpoint is not about the lines before it, or its signature does not hold."""
    OTHER_LOG = "other_log"
    """A checkpoint of another log: two logs were spliced, or one was put in another's place."""
    KEY_UNVOUCHED = "key_unvouched"
    """Signed with a key that neither the one before it nor the verifier vouches for."""
    ANCHOR_DIFFERS = "anchor_differs"
    """An anchor, or the verifier itself, saw other lines than stand here now."""
    CUT_OFF = "cut_off"
    """An anchor, or the verifier itself, saw lines that are not here any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One thing wrong. `line` counts from 1; 0 where there is none that it could be about."""

    line: int
    kind: FlawKind
    message: str
    blob: str = ""
    """Name of the text that is missing or altered."""
    file: str = ""
    """Name of the segment, in a log of several; `line` counts within it."""

    def __str__(self) -> str:
        where = f"{f'{self.file} ' if self.file else ''}line {self.line}: " if self.line else ""
        return f"{where}{self.message}"


def line_hash(line: bytes) -> str:
    """What the next line's `prev` must be. `line` comes without its newline."""
    return hashlib.sha256(b"\0" + line).hexdigest()


def leaf_hash(line: bytes) -> bytes:
    """The same as bytes: what a Merkle tree over the lines is made of."""
    return hashlib.sha256(b"\0" + line).digest()


def leaf_hashes(lines: bytes) -> list[bytes]:
    """Of each of some whole lines."""
    sha256 = hashlib.sha256
    return [sha256(b"\0" + line).digest() for line in lines[:-1].split(b"\n")]


def chained(seq: int, prev: str, body: bytes) -> bytes:
    """A whole line without its newline. `body` runs from `"ts"` to the last field, without a brace."""
    head = b'{"prev":"%b","seq":%d,' % (prev.encode(), seq)
    return b'%b%b,"crc":"%08x"}' % (head, body, zlib.crc32(body, zlib.crc32(head)))


def link_of(line: bytes) -> tuple[str, int] | None:
    """`prev` and `seq` of a line that begins like ours; None otherwise."""
    found = _START.match(line)
    return (found[1].decode(), int(found[2])) if found else None


def intact(line: bytes) -> bool:
    """Whether the line's bytes fit its checksum."""
    end = len(line) - _CRC_LENGTH
    return end > 0 and line[end:] == b'%b%08x"}' % (_CRC_KEY, zlib.crc32(line[:end]))


def parsed(line: bytes) -> dict[str, Any] | None:
    """The record of a line, or None when it is not a JSON object."""
    try:
        value: Any = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType]


def flaw_of(line: bytes, *, number: int, seq: int, prev: str) -> Flaw | None:
    """What keeps `line` from being record `seq` after a line that hashes to `prev`."""
    link, record = link_of(line), parsed(line)
    if record is None:
        return Flaw(line=number, kind=FlawKind.NOT_JSON, message="this is not JSON")
    if link is None:
        return Flaw(line=number, kind=FlawKind.NOT_A_RECORD, message="this is not a record of an audit log")
    if not intact(line):
        return Flaw(line=number, kind=FlawKind.ALTERED, message="this line was altered after it was written")
    if link[1] != seq:
        message = f"record {seq} should stand here, but this is record {link[1]}"
        return Flaw(line=number, kind=FlawKind.SEQ_GAP, message=message)
    if link[0] != prev:
        message = "this line does not follow the one before it: one of the two was replaced"
        return Flaw(line=number, kind=FlawKind.BAD_PREV, message=message)
    odd = _oddity(line, link, record)
    return Flaw(line=number, kind=FlawKind.NOT_A_RECORD, message=odd) if odd else None


def _oddity(line: bytes, link: tuple[str, int], record: dict[str, Any]) -> str:
    """What keeps a linked line from being read as what its head announces; "" when nothing does."""
    head = _SAYS.match(line)
    if head is None:
        return "this is not a record of an audit log: no time and type follow its number"
    said = (*link, json.loads(head[1]), json.loads(head[2]))
    if said != tuple(record[name] for name in ("prev", "seq", "ts", "type")):
        return (
            "this line says its `prev`, `seq`, `ts` or `type` twice, and not the same: it was not written so"
        )
    try:
        datetime.fromisoformat(said[2])
    except ValueError:
        return "this is not a record of an audit log: its time is none"
    return ""
