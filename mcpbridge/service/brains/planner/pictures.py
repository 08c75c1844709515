"""What the planner sees in a picture: its kind, its size, and of a PNG the colour most of it has."""

from __future__ import annotations

import base64
import binascii
import colorsys
import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_DATA_URL: Final = re.compile(r"data:(?P<type>[\w.+/-]*)(?:;[\w=.-]+)*;base64,(?P<data>.*)", re.DOTALL)
_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_SAMPLES: Final = 1_000_000
"""Bytes of a picture that are looked at; of a larger one, the upper rows."""
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_HUES: Final = (
    (20, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (200, "cyan"), (260, "blue"),
    (290, "purple"), (335, "pink"), (361, "red"),
)  # fmt: skip
_SIZED_JPEG: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


class NotReadable(ValueError):
    """The picture or file is not what it says it is; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    width: int
    height: int
    depth: int
    kind: int
    interlaced: bool

    @property
    def channels(self) -> int:
        return _CHANNELS[self.kind]

    @property
    def row(self) -> int:
        """Bytes in a row, without its filter."""
        return (self.width * self.channels * self.depth + 7) // 8


def described(url: object) -> str:
    """One picture in words, from its data URL; an address elsewhere is not fetched."""
    if not isinstance(url, str):
        return "a stored picture, which I cannot open"
    found = data_of(url)
    if found is None:
        return "a picture at an address elsewhere, which I do not fetch"
    try:
        return _seen(found[1])
    except NotReadable as problem:
        return f"a picture that I cannot read: {problem}"


def data_of(url: str) -> tuple[str, bytes] | None:
    """(media type, bytes) of a base64 data URL."""
    found = _DATA_URL.fullmatch(url[: _MOST_BYTES * 2])
    if found is None:
        return None
    try:
        return found["type"], base64.b64decode(found["data"], validate=True)
    except binascii.Error:
        return found["type"], b""


def _seen(data: bytes) -> str:
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(b"\xff\xd8"):
        width, height = _jpeg_size(data)
        return f"a JPEG picture, {width} x {height} (I read colours of PNG pictures only)"
    if data.startswith((b"GIF87a", b"GIF89a")) and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
        return f"a GIF picture, {width} x {height} (I read colours of PNG pictures only)"
    raise NotReadable("it is no PNG, JPEG or GIF")


def _png(data: bytes) -> str:
    header, palette, packed = _chunks(data)
    size = f"a PNG picture, {header.width} x {header.height}"
    if header.interlaced:
        return f"{size}, interlaced (I do not read colours of those)"
    rows = list(_rows(header, packed))
    if not rows:
        raise NotReadable("its pixels are missing")
    counted = Counter(_name(pixel) for pixel in _pixels(header, palette, rows))
    name, most = counted.most_common(1)[0]
    part = "" if len(rows) == header.height else f" of its upper {len(rows)} rows"
    return f"{size}, {round(100 * most / counted.total())} %{part} {name}"


def _chunks(data: bytes) -> tuple[_Header, bytes, bytes]:
    """(header, palette, compressed pixels)."""
    at, header, palette, packed = len(_PNG), None, b"", bytearray()
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR" and length == 13:
            header = _header(body)
        elif kind == b"PLTE":
            palette = body
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    if header is None:
        raise NotReadable("its header is missing")
    return header, palette, bytes(packed)


def _header(body: bytes) -> _Header:
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", body)
    if kind not in _CHANNELS or depth not in (1, 2, 4, 8, 16) or not width or not height:
        raise NotReadable("its header is wrong")
    return _Header(width=width, height=height, depth=depth, kind=kind, interlaced=bool(interlaced))


def _rows(header: _Header, packed: bytes) -> Iterator[bytes]:
    """The rows from the top, unfiltered, as many as the bound lets through."""
    length = header.row + 1
    wanted = min(header.height, max(1, _MOST_SAMPLES // length))
    if wanted * length > _MOST_BYTES:
        raise NotReadable("its rows are too long")
    try:
        plain = zlib.decompressobj().decompress(packed, wanted * length)
    except zlib.error:
        raise NotReadable("its pixels cannot be unpacked") from None
    step = max(1, header.channels * header.depth // 8)
    before = bytes(header.row)
    for start in range(0, len(plain) - length + 1, length):
        before = _unfiltered(plain[start], plain[start + 1 : start + length], before, step)
        yield before


def _unfiltered(filter: int, row: bytes, above: bytes, step: int) -> bytes:
    """One row as PNG's filter 0 to 4 meant it."""
    if filter == 0:
        return row
    done = bytearray(row)
    for at in range(len(row)):
        left = done[at - step] if at >= step else 0
        corner = above[at - step] if at >= step else 0
        up = above[at]
        added = (0, left, up, (left + up) // 2, _paeth(left, up, corner))[filter % 5]
        done[at] = (row[at] + added) & 255
    return bytes(done)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))


def _pixels(header: _Header, palette: bytes, rows: Sequence[bytes]) -> Iterator[tuple[int, int, int]]:
    """At most some ten thousand pixels, evenly spread."""
    across = max(1, header.width // 100)
    for row in rows[:: max(1, len(rows) // 100)]:
        for column in range(0, header.width, across):
            sample = [_sample(header, row, column, channel) for channel in range(header.channels)]
            yield _colour(header.kind, palette, sample)


def _sample(header: _Header, row: bytes, column: int, channel: int) -> int:
    place = column * header.channels + channel
    if header.depth >= 8:
        return row[place * header.depth // 8]
    bits = row[place * header.depth // 8] >> (8 - header.depth - place * header.depth % 8)
    value = bits & ((1 << header.depth) - 1)
    return value if header.kind == 3 else value * 255 // ((1 << header.depth) - 1)


def _colour(kind: int, palette: bytes, sample: Sequence[int]) -> tuple[int, int, int]:
    if kind == 3:
        entry = palette[sample[0] * 3 : sample[0] * 3 + 3]
        return (entry[0], entry[1], entry[2]) if len(entry) == 3 else (0, 0, 0)
    if kind in (0, 4):
        return sample[0], sample[0], sample[0]
    return sample[0], sample[1], sample[2]


def _name(pixel: tuple[int, int, int]) -> str:
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in pixel))
    if value < 0.2:
        return "black"
    if saturation < 0.15:
        return "white" if value > 0.9 else "grey"
    name = next(name for until, name in _HUES if hue * 360 < until)
    return "brown" if name == "orange" and value < 0.7 else name


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _SIZED_JPEG:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    raise NotReadable("its size is missing")
