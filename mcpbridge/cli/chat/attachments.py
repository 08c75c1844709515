"""Images and documents by path, as parts of a message."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mcpbridge.errors import UsageError

MAX_IMAGE_URL: Final = 20_971_520
MAX_FILE_DATA: Final = 73_400_320
"""Characters: `maxLength` of `image_url` and `file_data` in the published description of the API."""
IMAGE_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
_AT: Final = re.compile(r"(?:(?<=\s)|^)@(?P<path>\"[^\"]+\"|\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """One part, and how it is told to the person."""

    part: Mapping[str, Any]
    told: str


def image(path: str) -> Attached:
    """An `input_image` with its bytes. Its content counts, not its name. Raises UsageError."""
    content = _content(path, "image", MAX_IMAGE_URL)
    kind = _image_type(content)
    if kind is None:
        raise UsageError(f"{path} is no PNG, JPEG, GIF or WebP image; the API takes no other")
    url = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    if len(url) > MAX_IMAGE_URL:
        raise _too_large(path, "image", len(content), MAX_IMAGE_URL)
    part = {"type": "input_image", "image_url": url, "detail": "auto"}
    return Attached(part=part, told=f"{path} ({kind}, {_size(len(content))})")


def document(path: str) -> Attached:
    """An `input_file` with the bytes of a PDF. Raises UsageError."""
    content = _content(path, "file", MAX_FILE_DATA)
    if not content.startswith(b"%PDF-"):
        raise UsageError(f"{path} is no PDF; paste text into the message, and use /image for an image")
    data = f"data:application/pdf;base64,{base64.b64encode(content).decode()}"
    if len(data) > MAX_FILE_DATA:
        raise _too_large(path, "file", len(content), MAX_FILE_DATA)
    part = {"type": "input_file", "filename": Path(path).name, "file_data": data}
    return Attached(part=part, told=f"{path} (application/pdf, {_size(len(content))})")


def named_images(text: str) -> list[Attached]:
    """The images that a message names as `@path`. An `@word` that does not end like an image's name is only
    a word, as in an address or a handle."""
    paths = [found["path"].strip('"').rstrip(".,;:!?)") for found in _AT.finditer(text)]
    return [image(path) for path in dict.fromkeys(paths) if Path(path).suffix.lower() in IMAGE_SUFFIXES]


def path_and_text(rest: str) -> tuple[str, str]:
    """`PATH text`, where a path with spaces is in quotes."""
    if rest[:1] in ("'", '"'):
        closing = rest.find(rest[0], 1)
        if closing > 0:
            return rest[1:closing], rest[closing + 1 :].strip()
    path, _, text = rest.partition(" ")
    return path, text.strip()


def _content(path: str, what: str, limit: int) -> bytes:
    try:
        file = Path(path).expanduser()
        size = file.stat().st_size
        if not file.is_file():
            raise UsageError(f"{path} is no file")
        if size > limit:
            raise _too_large(path, what, size, limit)
        return file.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # a name with a zero byte, a home of nobody
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"the {what} {path} cannot be read: {reason}") from None


def _image_type(content: bytes) -> str | None:
    """By its first bytes (https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern)."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content[:4] == b"RIFF" and content[8:14] == b"WEBPVP":
        return "image/webp"
    return None


def _too_large(path: str, what: str, size: int, limit: int) -> UsageError:
    return UsageError(f"the {what} {path} has {_size(size)}; the API takes up to {_size(limit * 3 // 4)}")


def _size(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB" if count >= 1_000_000 else f"{max(count, 1) / 1000:.1f} kB"
