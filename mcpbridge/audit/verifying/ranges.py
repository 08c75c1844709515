"""Whether the lines of one part of a segment are as the log wrote them, whatever stands before that part.

    {"prev":"<64 hex>","seq":1041,"ts":"2026-11-22T05:06:19.465298Z","type":"decision", … ,"crc":"<8 hex>"}

What stands in one place of all lines is cut out, joined, and compared at once with what has to stand there:
to do that with each line by itself takes longer than to hash it.

Two processes judge parts of one log at a time (see beside.py). The second runs this file by itself, without
the package around it, so nothing is imported here that takes time or memory, but the JSON parser that
pydantic brings: it reads a line in a tenth of the time of Python's own.
"""

from __future__ import annotations

import io
import os
import sys
from binascii import hexlify
from datetime import datetime
from functools import cache
from hashlib import sha256
from struct import Struct
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PART: Final = 1 << 17
"""Bytes of a part: few enough to stay in a processor's cache while they are judged."""
LONGEST: Final = 1 << 28
"""Bytes after which what has no newline is taken for no line: a file could be made of one, without an end."""
TEXTS: Final = b'"blobs":["'
SEALED: Final = b'"sealed":{"key":"'
ASKED: Final = Struct("<QQ")
"""What the second process is sent: where a part begins and ends."""
_ANSWER: Final = Struct("<QQQIQ64sBBB")
_LONGEST_BESIDE: Final = 1 << 22
"""Bytes of a line that the second process leaves to the first."""
_LEAF: Final = sha256(b"\0")
"""What the hash of every line begins with. Copying it is quicker than to begin a hash."""
_OPENING: Final = b'{"prev":"'
_PREV: Final = slice(len(_OPENING), len(_OPENING) + 64)
_SEQ: Final = '","seq":%d,"ts":"'
_NUMBER: Final = _PREV.stop + len('","seq":')
_DIGITS: Final = 18
_TIME: Final = len("2026-11-22T05:06:19.465298Z")
_SECONDS: Final = len("2026-11-22T05:06:19")
_TYPE: Final = b'","type":"'
_LONGEST_TYPE: Final = 64
"""Bytes of a type; lines with a longer one are looked into one by one."""
_AS_ZEROS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_ZEROS: Final = b"0000-00-00T00:00:00.000000Z"
_CRC: Final = ',"crc":"%08x"}'
_CRC_LENGTH: Final = len(_CRC % 0)


class Judged(NamedTuple):
    """Whole lines that follow each other as the log writes them."""

    begin: int
    """Offset of the first in its segment."""
    end: int
    """Offset after the last one's newline."""
    prev: bytes
    """Hash of the line before the first (hex), and the first one's number, as that says itself."""
    seq: int
    digests: list[bytes]
    """RFC 6962 leaf hashes."""
    letters: bytes
    """First letters of their types."""
    texts: bool
    """Whether any of them may name texts."""
    sealed: bool
    """Whether any of them may name the key of a sealed record."""

    def packed(self, start: int) -> bytes:
        """For the pipe between the processes; `start` tells which part it is about."""
        count, flags = len(self.digests), (self.texts, self.sealed, True)
        head = _ANSWER.pack(start, self.begin, self.end, count, self.seq, self.prev, *flags)
        return b"".join((head, self.letters, *self.digests))


def answered(data: bytes | bytearray) -> tuple[int, Judged | None, int] | None:
    """The part that the first answer in `data` is about, the answer, and its length; None when it is not
    whole. Raises ValueError where that is no answer."""
    if len(data) < _ANSWER.size:
        return None
    start, begin, end, count, seq, prev, texts, sealed, good = _ANSWER.unpack_from(data)
    middle, last = _ANSWER.size + count, _ANSWER.size + 33 * count
    if good > 1 or count > end - begin or bool(count) != bool(good):
        raise ValueError("this is no answer")
    if len(data) < last:
        return None
    if not good:
        return start, None, last
    digests = [bytes(data[at : at + 32]) for at in range(middle, last, 32)]
    letters = bytes(data[_ANSWER.size : middle])
    return start, Judged(begin, end, prev, seq, digests, letters, bool(texts), bool(sealed)), last


def lines_in(text: bytes) -> list[bytes]:
    """The lines of whole lines, without their newlines. Takes a third of the time of `split`, which looks at
    each byte by itself."""
    return [line[:-1] for line in io.BytesIO(text).readlines()]


def leaves_of(lines: Sequence[bytes]) -> list[bytes]:
    """SHA-256(0x00 || line) of each line."""
    fresh = _LEAF.copy
    digests: list[bytes] = []
    for line in lines:
        leaf = fresh()
        leaf.update(line)
        digests.append(leaf.digest())
    return digests


def read_part(fd: int, start: int, size: int) -> bytes:
    """Bytes of a file. The place up to which a descriptor was read belongs to both processes, so it is not
    used (where there is `pread`; elsewhere there is no second process). Raises OSError."""
    if hasattr(os, "pread"):
        return os.pread(fd, size, start)
    os.lseek(fd, start, os.SEEK_SET)
    return os.read(fd, size)


def whole_lines(fd: int, start: int, stop: int, *, longest: int = LONGEST) -> bytes:
    """The whole lines that begin between `start`, where one does, and `stop`. Raises OSError.

    What has no newline is left out, at the end of the file and after `longest` bytes.
    """
    text = read_part(fd, start, stop - start)
    if len(text) < stop - start or text.endswith(b"\n"):
        return text[: text.rfind(b"\n") + 1]
    more, at = [text], stop  # the last line ends behind the part
    while at - start <= longest and (piece := read_part(fd, at, min(PART, max(1 << 12, at - stop)))):
        cut = piece.find(b"\n") + 1
        more.append(piece[:cut] if cut else piece)
        if cut:
            return b"".join(more)
        at += len(piece)
    return text[: text.rfind(b"\n") + 1]


def begin_of(fd: int, start: int, stop: int) -> int:
    """Where the first line of a part begins; `stop` when none does. Raises OSError."""
    at = start - 1
    while 0 <= at < stop and (piece := read_part(fd, at, min(1 << 12, stop - at))):
        cut = piece.find(b"\n") + 1
        if cut:
            return at + cut
        at += len(piece)
    return stop if start else 0


def judged(lines: Sequence[bytes], *, begin: int, text: bytes) -> Judged | None:
    """The judgement on the lines of `text`, which begins at that offset; None when one is not as it should
    be, or does not follow the one before it."""
    first = lines[0] if lines else b""
    number = first[_NUMBER : first.find(b",", _NUMBER, _NUMBER + _DIGITS + 1)]
    if not number.isdigit():
        return None
    prev, seq, digests = first[_PREV], int(number), leaves_of(lines)
    prevs = prev + hexlify(b"".join(digests[:-1]))
    letters = b""
    for start, end in _runs(seq, len(lines)):
        numbers = range(seq + start, seq + end)
        found = _letters(lines[start:end], prevs[64 * start : 64 * end], numbers)
        if found is None:
            return None
        letters += found
    return Judged(begin, begin + len(text), prev, seq, digests, letters, TEXTS in text, SEALED in text)


def _runs(first: int, count: int) -> Iterator[tuple[int, int]]:
    """Lines whose numbers are equally long, so that the columns stand in one place."""
    start = 0
    while start < count:
        end = min(count, 10 ** len(str(first + start)) - first)
        yield start, end
        start = end


def _letters(lines: Sequence[bytes], prevs: bytes, numbers: range) -> bytes | None:
    count = len(lines)
    time = _PREV.stop + len(_SEQ % numbers[0])
    kind = time + _TIME + len(_TYPE)
    # The slice of a line that is too short is too short itself, and then so is the column.
    fits = (
        all([line.startswith(_OPENING) for line in lines])
        and b"".join([line[_PREV] for line in lines]) == prevs
        and b"".join([line[_PREV.stop : time] for line in lines]) == (_SEQ * count % tuple(numbers)).encode()
        and {line[kind - len(_TYPE) : kind] for line in lines} == {_TYPE}
        and b"".join([line[-_CRC_LENGTH:] for line in lines])
        == (_CRC * count % tuple([crc32(line[:-_CRC_LENGTH]) for line in lines])).encode()
        and _read_as_they_begin(lines, numbers, time)
    )
    return b"".join([line[kind : kind + 1] for line in lines]) if fits else None


def _read_as_they_begin(lines: Sequence[bytes], numbers: range, time: int) -> bool:
    """Whether each line is JSON to its end, and whoever parses it finds the number, time and type that stand
    at its head: a field that stands there a second time would win."""
    read, kind = _parser(), time + _TIME + len(_TYPE)
    try:
        found = [read(line) for line in lines]
    except ValueError:
        return False
    times = b"".join([line[time : time + _TIME] for line in lines])
    types = {
        (record["type"], line[kind : kind + _LONGEST_TYPE]) for record, line in zip(found, lines, strict=True)
    }
    return (
        [record["seq"] for record in found] == list(numbers)
        and "".join([record["ts"] for record in found]).encode() == times
        and times.translate(_AS_ZEROS) == _ZEROS * len(lines)
        and all(map(_is_time, {record["ts"][:_SECONDS] for record in found}))
        and all(begins.startswith(b'%b"' % name.encode()) for name, begins in types)
    )


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


@cache
def _parser() -> Callable[[bytes], dict[str, Any]]:
    """Makes of a line the fields of its head, and raises ValueError where it is no such JSON object. What it
    takes, `json.loads` takes. Imported here, since the second process has to be told first where it is."""
    from pydantic_core._pydantic_core import SchemaValidator

    text = {"type": "typed-dict-field", "schema": {"type": "str", "strict": True}}
    number = {"type": "typed-dict-field", "schema": {"type": "int", "strict": True}}
    head: Any = {
        "type": "typed-dict",
        "extra_behavior": "ignore",
        "fields": {"seq": number, "ts": text, "type": text},
    }
    return SchemaValidator(head).validate_json


def _only_the_parser(package: str) -> None:
    """What the package in that folder imports around it takes 5 MB and 50 ms, and nobody here needs it."""
    around = ModuleType("pydantic_core")
    around.__path__ = [package]
    sys.modules[around.__name__] = around


def part_of(fd: int, start: int, stop: int, *, longest: int = LONGEST) -> Judged | None:
    """The judgement on the lines that begin in a part; None also when none does. Raises OSError."""
    begin = begin_of(fd, start, stop)
    if begin >= stop:
        return None
    text = whole_lines(fd, begin, stop, longest=longest)
    return judged(lines_in(text), begin=begin, text=text)


def _second(fd: int) -> None:
    """Answer until nobody asks any more: also when the process that asked was killed."""
    with io.FileIO(0) as questions, io.FileIO(1, "w") as answers:
        while len(asked := questions.read(ASKED.size) or b"") == ASKED.size:
            start, stop = ASKED.unpack(asked)
            found = part_of(fd, start, stop, longest=_LONGEST_BESIDE)
            answer = found.packed(start) if found else _ANSWER.pack(start, 0, 0, 0, 0, b"", 0, 0, 0)
            while answer:
                answer = answer[answers.write(answer) or 0 :]


if __name__ == "__main__":
    _only_the_parser(sys.argv[1])
    try:
        _second(int(sys.argv[2]))
    except OSError:
        os._exit(1)
