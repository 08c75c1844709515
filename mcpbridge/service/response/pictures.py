"""Pictures for image_generation: a pattern made of the prompt, as a PNG that says it is by no image model."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mcpbridge.service.errors import ApiError, invalid_type, invalid_value, unknown_parameter
from mcpbridge.service.wire import Item

# ImageGenTool of the published API description.
_FIELDS: Final = (
    "type",
    "model",
    "quality",
    "size",
    "output_format",
    "output_compression",
    "moderation",
    "background",
    "input_fidelity",
    "input_image_mask",
    "partial_images",
    "action",
)
_SIZE: Final = re.compile(r"(\d{2,4})x(\d{2,4})")
_LONGEST, _SHORTEST = 3840, 2160  # the long and the short side at most
_STEP: Final = 16  # width and height must both be divisible by it
_PARTIAL: Final = range(4)
_STRIPE: Final = 32
_GLYPHS: Final = {
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "D": "11110 10001 10001 10001 10001 10001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "G": "01110 10001 10000 10111 10001 10001 01110",
    "I": "11111 00100 00100 00100 00100 00100 11111",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "M": "10001 11011 10101 10101 10001 10001 10001",
    "N": "10001 11001 10101 10011 10001 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    " ": "00000 00000 00000 00000 00000 00000 00000",
}
_SAYS: Final = "NO IMAGE MODEL"
_ADVANCE: Final = 6  # dots from one letter to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTool:
    """The image_generation tool of a request, as far as a pattern can follow it."""

    width: int = 1024
    height: int = 1024
    partial_images: int = 0

    @property
    def size(self) -> str:
        return f"{self.width}x{self.height}"


def read_image_tool(tool: Item, path: str) -> ImageTool:
    """Raises ApiError."""
    for name in tool:
        if name not in _FIELDS:
            raise unknown_parameter(f"{path}.{name}")
    partial: object = tool.get("partial_images") or 0
    if partial not in _PARTIAL or not isinstance(partial, int):
        raise invalid_value(f"{path}.partial_images", partial, "0, 1, 2 and 3")
    if tool.get("output_format") not in (None, "png"):
        message = f"'{path}.output_format': this local service draws 'png' only."
        raise ApiError(message, param=f"{path}.output_format", code="unsupported_value")
    width, height = _read_size(tool.get("size"), f"{path}.size")
    return ImageTool(width=width, height=height, partial_images=partial)


def _read_size(size: object, path: str) -> tuple[int, int]:
    if size in (None, "auto"):
        return 1024, 1024
    if not isinstance(size, str):
        raise invalid_type(path, "a string", size)
    found = _SIZE.fullmatch(size)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    short, long = min(width, height), max(width, height)
    fits = 0 < short <= _SHORTEST and long <= _LONGEST and long <= 3 * short
    if width % _STEP or height % _STEP or not fits:
        raise invalid_value(path, size, "'auto' and WIDTHxHEIGHT, both divisible by 16, 3840x2160 at most")
    return width, height


def drawn(prompt: str, tool: ImageTool) -> Item:
    """What an image_generation_call brings; all but `result` is refused in an input."""
    return {
        "result": base64.b64encode(_png(prompt, tool)).decode(),
        "revised_prompt": f"A pattern made of the words: {prompt} (this local service has no image model)",
        "action": "generate",
        "background": "opaque",
        "output_format": "png",
        "quality": "low",
        "size": tool.size,
    }


def sketches(prompt: str, tool: ImageTool) -> Iterator[str]:
    """The partial images on the way there, in base64."""
    for number in range(1, tool.partial_images + 1):
        yield base64.b64encode(_png(prompt, tool, rows=number / (tool.partial_images + 1))).decode()


def _png(prompt: str, tool: ImageTool, *, rows: float = 1.0) -> bytes:
    """Stripes in colours that the prompt decides, with a notice on top; the same prompt, the same bytes.

    `rows`: the part from above that is drawn already; the rest is blank.
    """
    seed = hashlib.sha256(prompt.encode()).digest()
    colours = bytes([255, 255, 255, 0, 0, 0]) + seed[:24]  # 0 is the paper, 1 the ink, then eight of its own
    drawn = int(tool.height * rows)
    stripes = [bytes([2 + (x // _STRIPE + shift) % 8 for x in range(tool.width)]) for shift in range(8)]
    blank = bytes(tool.width)
    notice = _notice(tool.width)
    lines = [
        b"\0" + (notice[y] if y < len(notice) else stripes[y // _STRIPE % 8] if y < drawn else blank)
        for y in range(tool.height)
    ]
    header = struct.pack(">IIBBBBB", tool.width, tool.height, 8, 3, 0, 0, 0)
    said = b"Comment\0A pattern made of the prompt by the mcpbridge local service: no image model drew this."
    chunks = (
        (b"IHDR", header),
        (b"PLTE", colours),
        (b"tEXt", said),
        (b"IDAT", zlib.compress(b"".join(lines))),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in (*chunks, (b"IEND", b"")))


def _notice(width: int) -> list[bytes]:
    """NO IMAGE MODEL, black on white, as large as the width allows."""
    scale = max(1, width // (len(_SAYS) * _ADVANCE + 2))
    rows: list[bytes] = []
    for dots in range(7):
        line = "".join(f"{_GLYPHS[letter].split()[dots]}0" for letter in _SAYS)
        row = bytes(scale) + b"".join(bytes([int(dot)]) * scale for dot in line)
        rows += [(row + bytes(width))[:width]] * scale
    return [bytes(width)] * scale + rows + [bytes(width)] * scale


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
