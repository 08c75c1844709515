"""What a function may return, and how it is sent: text, JSON text, or content parts."""

from __future__ import annotations

import mimetypes
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast

from mcpbridge.errors import ToolFailed, UsageError

MAX_OUTPUT_BYTES: Final = 10_485_760
"""The longest text the Responses API takes as a function's output (`FunctionCallOutputItemParam.output`
and `InputTextContentParam.text` in OpenAI's published description, snapshot 2026-08-21)."""

_SIGNATURES: Final = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}
"""First bytes of the formats the API reads; WebP has its mark at byte 8 (RFC 9649 §2.4)."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture for the model: `data` (bytes, or a Path that is read when the call ends) or a `url`.

    The media type is recognised for PNG, JPEG, GIF and WebP. Return it alone or in a list, mixed with
    text and files.
    """

    data: bytes | Path | None = field(default=None, repr=False)
    media_type: str | None = None
    url: str | None = None
    detail: Literal["auto", "low", "high", "original"] = "auto"
    unwritable: object = field(default_factory=object, init=False, repr=False, compare=False)
    """pydantic refuses it: an Image inside a dict is an error, not a dump of its bytes and path."""

    def __post_init__(self) -> None:
        if (self.data is None) == (self.url is None):
            raise UsageError("Image takes either data or url")
        if self.url is not None and not self.url.startswith(("https://", "http://", "data:image/")):
            raise UsageError("Image(url=…) must begin with https://, http:// or data:image/")
        if self.data is not None:
            _require_bytes_or_path(self.data, "Image")

    def part(self, limit: int) -> dict[str, Any]:
        """The `input_image` content part."""
        if self.data is None:
            return {"type": "input_image", "image_url": self.url, "detail": self.detail}
        content = _content(self.data, limit)
        kind = self.media_type or _image_type(content)
        return {"type": "input_image", "image_url": _data_url(content, kind), "detail": self.detail}


@dataclass(frozen=True, slots=True)
class File:
    """A file for the model: bytes, or a Path that is read when the call ends.

    `filename` defaults to the path's own, `media_type` to what the file name's ending says.
    """

    data: bytes | Path = field(repr=False)
    filename: str = ""
    media_type: str | None = None
    unwritable: object = field(default_factory=object, init=False, repr=False, compare=False)
    """As in Image."""

    def __post_init__(self) -> None:
        _require_bytes_or_path(self.data, "File")
        if not self.filename and not isinstance(self.data, Path):
            raise UsageError("File(bytes) needs a filename: the model is shown it")

    def part(self, limit: int) -> dict[str, Any]:
        """The `input_file` content part."""
        name = self.filename or cast("Path", self.data).name
        kind = self.media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        return {
            "type": "input_file",
            "filename": name,
            "file_data": _data_url(_content(self.data, limit), kind),
        }


def encode(result: object, *, label: str, limit: int) -> str | list[dict[str, Any]]:
    """Text as it is, None as "", parts as content, everything else as JSON text.

    Raises ToolFailed where the result cannot be sent or is larger than `limit` bytes, OSError where a
    Path cannot be read.
    """
    try:
        encoded, size = _measured(result, limit)
    except ValueError as error:
        raise ToolFailed(f"{label} ran, but its result cannot be sent: it is not text or JSON") from error
    except _TooLarge as error:
        raise ToolFailed(_too_large(label, error.size, limit)) from error
    if size > limit:
        raise ToolFailed(_too_large(label, size, limit))
    return encoded


def _measured(result: object, limit: int) -> tuple[str | list[dict[str, Any]], int]:
    if result is None:
        return "", 0
    if (entries := _mixed(result)) is not None:
        return _parts(entries, limit)
    return _text(result if isinstance(result, str) else _json(result))


def reads_files(result: object) -> bool:
    """Whether encoding this result reads from disk, which belongs in a thread."""
    return any(
        isinstance(entry, Image | File) and isinstance(entry.data, Path) for entry in _mixed(result) or ()
    )


class _TooLarge(Exception):
    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


def _too_large(label: str, size: int, limit: int) -> str:
    return f"{label} ran, but its result is too large to send: {size:,} bytes of at most {limit:,}"


def _mixed(result: object) -> Sequence[object] | None:
    """The entries when an image or a file is among them; None for anything that is plain JSON."""
    entries = cast("Sequence[object]", result) if isinstance(result, list | tuple) else (result,)
    return entries if any(isinstance(entry, Image | File) for entry in entries) else None


def _parts(entries: Sequence[object], limit: int) -> tuple[list[dict[str, Any]], int]:
    parts: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        parts.append(_part(entry, limit - size))
        size += sum(len(value.encode()) for value in _strings(parts[-1]))
        if size > limit:
            raise _TooLarge(size)
    return parts, size


def _part(entry: object, limit: int) -> dict[str, Any]:
    if isinstance(entry, Image | File):
        return entry.part(limit)
    text = entry if isinstance(entry, str) else _json(entry)
    return {"type": "input_text", "text": _text(text)[0]}


def _strings(part: Mapping[str, Any]) -> list[str]:
    return [part[key] for key in ("text", "image_url", "file_data") if key in part]


def _text(text: str) -> tuple[str, int]:
    plain = str.__str__(text)
    return plain, len(plain.encode())


def _json(value: object) -> str:
    from pydantic_core import to_json

    return to_json(value, inf_nan_mode="strings").decode()


def _content(data: bytes | Path, limit: int) -> bytes:
    size = len(data) if isinstance(data, bytes) else data.stat().st_size
    if size > limit:
        raise _TooLarge(size)
    return data if isinstance(data, bytes) else data.read_bytes()


def _data_url(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{b64encode(content).decode()}"


def _image_type(content: bytes) -> str:
    for mark, media_type in _SIGNATURES.items():
        if content.startswith(mark):
            return media_type
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    raise UsageError("Image: these bytes are not PNG, JPEG, GIF or WebP; give media_type")


def _require_bytes_or_path(data: object, kind: str) -> None:
    if not isinstance(data, bytes | Path):
        raise UsageError(f"{kind}(data) takes bytes or a pathlib.Path, not {type(data).__name__}")
