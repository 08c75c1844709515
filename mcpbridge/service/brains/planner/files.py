"""What the planner reads of a file that came with a message: text, and what simple PDFs say."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mcpbridge.service.brains.planner.pictures import data_of, described
from mcpbridge.service.wire import Item, is_list, is_object

_LONGEST: Final = 200_000
"""Characters of a file that are read."""
_MOST_BYTES: Final = 4 * 1024 * 1024
_SHOWN: Final = re.compile(
    rb"\((?P<one>(?:[^()\\]|\\.)*)\)\s*Tj|\[(?P<many>(?:[^\[\]\\]|\\.)*)\]\s*TJ|(?P<line>T\*|ET)", re.DOTALL
)
_PIECE: Final = re.compile(rb"\(((?:[^()\\]|\\.)*)\)", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPED: Final = {b"n": b"\n", b"r": b"\n", b"t": b"\t"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What came with messages, in words: pictures, files that were read, and those that were not."""

    pictures: tuple[str, ...] = ()
    documents: tuple[tuple[str, str], ...] = ()
    """(name, text) of each file."""
    unread: tuple[str, ...] = ()


def attached(items: Sequence[Item]) -> Attached:
    """Looks at every picture and file in the contents of messages and function outputs."""
    parts = list(_parts(items))
    pictures = [described(part.get("image_url")) for part in parts if part.get("type") == "input_image"]
    files = [_read(part) for part in parts if part.get("type") == "input_file"]
    return Attached(
        pictures=tuple(pictures),
        documents=tuple((name, text) for name, text, problem in files if not problem),
        unread=tuple(f"{name} ({problem})" for name, _, problem in files if problem),
    )


def _parts(items: Sequence[Item]) -> Iterator[Item]:
    for item in items:
        for field in ("content", "output"):
            content: object = item.get(field)
            yield from (part for part in (content if is_list(content) else []) if is_object(part))


def _read(part: Item) -> tuple[str, str, str]:
    """(name, text, problem)."""
    name = str(part.get("filename") or "without a name")
    if not isinstance(part.get("file_data"), str):
        return name, "", "it is stored or elsewhere, and I do not fetch it"
    data = _bytes_of(part["file_data"])
    text = _pdf(data) if data.startswith(b"%PDF-") else _plain(data)
    return (
        (name, text[:_LONGEST], "") if text.strip() else (name, "", "I read plain text and simple PDFs only")
    )


def _bytes_of(data: str) -> bytes:
    found = data_of(data)
    if found is not None:
        return found[1]
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return data.encode()


def _plain(data: bytes) -> str:
    if b"\0" in data[:1000]:
        return ""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ""


def _pdf(data: bytes) -> str:
    """The strings that its pages show, where they are written as they are read."""
    pages = [_inflated(stream) for stream in _streams(data)]
    return "\n".join(text for page in pages if (text := "".join(_shown(page)).strip()))


def _streams(data: bytes) -> Iterator[bytes]:
    """What stands between each `stream` and its `endstream`."""
    at = data.find(b"stream")
    while at >= 0:
        end = data.find(b"endstream", at)
        if end < 0:
            return
        yield data[at + len(b"stream") : end].lstrip(b"\r\n")
        at = data.find(b"stream", end + len(b"endstream"))


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(stream, _MOST_BYTES)
    except zlib.error:
        return stream


def _shown(page: bytes) -> Iterator[str]:
    for found in _SHOWN.finditer(page):
        if found["line"] is not None:
            yield "\n"
        elif found["one"] is not None:
            yield _unescaped(found["one"]) + "\n"
        else:
            yield "".join(_unescaped(piece[1]) for piece in _PIECE.finditer(found["many"])) + "\n"


def _unescaped(written: bytes) -> str:
    def plain(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes([int(code, 8) & 255]) if code.isdigit() else _ESCAPED.get(code, code)

    return _ESCAPE.sub(plain, written).decode("latin-1")
