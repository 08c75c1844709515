"""What a tool returned, as content parts of the Responses API, cut where it is too much, and saying so."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from mcpbridge.adapters.mcp_servers.settings import Bounds
from mcpbridge.core.raw import mapping

Part = dict[str, Any]

IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What `input_image` reads (OpenAI's published description)."""
_ENDINGS: Final = {"audio/wav": "wav", "audio/mpeg": "mp3", "application/pdf": "pdf", "text/plain": "txt"}


class Parts:
    """Collects parts up to the bounds. Whatever is left out is named in its place."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._left = bounds.result_bytes
        self._parts: list[Part] = []
        self.truncated = False
        self.size = 0

    def text(self, text: str) -> None:
        """Cut at a character; a text that does not begin any more is only counted."""
        encoded = text.encode("utf-8", "surrogatepass")
        self.size += len(encoded)
        if len(encoded) <= self._left:
            self._left -= len(encoded)
            self._parts.append({"type": "input_text", "text": text})
            return
        kept = encoded[: self._left].decode("utf-8", "ignore")
        self._left = 0
        self.truncated = True
        if kept:
            self._parts.append({"type": "input_text", "text": kept})

    def file(self, data: str, media_type: str, name: str) -> None:
        """Base64 as it came: an image where the model can look at it, else a file."""
        self.size += len(data)
        if len(data) > self._bounds.file_bytes:
            self.truncated = True
            self.note(f"{name} ({media_type}, {len(data):,} characters of base64) is too large and left out")
            return
        url = f"data:{media_type};base64,{data}"
        if media_type in IMAGES:
            self._parts.append({"type": "input_image", "image_url": url, "detail": "auto"})
        else:
            self._parts.append({"type": "input_file", "filename": name, "file_data": url})

    def note(self, sentence: str) -> None:
        """Our own words, marked as such."""
        self._parts.append({"type": "input_text", "text": f"[mcpbridge: {sentence}]"})

    def done(self) -> str | list[Part]:
        """One text where there is nothing else."""
        if self.truncated:
            shown = self._bounds.result_bytes - self._left
            self.note(f"the result was cut: it has {self.size:,} bytes, and {shown:,} of text are shown")
        if all(part["type"] == "input_text" for part in self._parts):
            return "\n".join(part["text"] for part in self._parts)
        return self._parts


def fill(parts: Parts, result: CallToolResult) -> None:
    """Everything in the result. Structured content is shown where no text says the same already."""
    texts = fill_blocks(parts, result.content)
    if result.structured_content is not None and not _said(result.structured_content, texts):
        parts.text(json.dumps(result.structured_content, ensure_ascii=False))


def fill_blocks(parts: Parts, content: Iterable[ContentBlock]) -> list[str]:
    """The blocks in their order. The texts among them."""
    texts: list[str] = []
    for block in content:
        match block:
            case TextContent(text=text):
                texts.append(text)
                parts.text(text)
            case ImageContent() | AudioContent():
                parts.file(block.data, block.mime_type, f"{block.type}.{_ending(block.mime_type)}")
            case EmbeddedResource(resource=resource):
                add_resource(parts, resource)
            case ResourceLink():
                parts.text(_link(block))
    return texts


def add_resource(parts: Parts, resource: TextResourceContents | BlobResourceContents) -> None:
    """An embedded text with its address, anything else as a file."""
    if isinstance(resource, TextResourceContents):
        parts.text(f"{resource.uri}\n{resource.text}")
        return
    kind = resource.mime_type or "application/octet-stream"
    parts.file(resource.blob, kind, _file_name(str(resource.uri), kind))


def _link(link: ResourceLink) -> str:
    """A link is shown, and never fetched."""
    said = f": {link.description}" if link.description else ""
    return f"[{link.name}]({link.uri}){said}"


def _file_name(uri: str, media_type: str) -> str:
    last = uri.partition("?")[0].rstrip("/").rpartition("/")[2]
    plain = "".join(character if character.isalnum() or character in "._-" else "_" for character in last)
    return plain[-100:] or f"file.{_ending(media_type)}"


def _ending(media_type: str) -> str:
    tail = media_type.partition("/")[2].partition(";")[0]
    return _ENDINGS.get(media_type) or "".join(c for c in tail if c.isalnum())[:10] or "bin"


def _said(structured: object, texts: Iterable[str]) -> bool:
    """Whether a text block says the same: servers repeat it there for older clients. Texts are what people
    read and the audit keeps, so `1` does not stand for `true`, as it does where Python compares."""
    same: list[object] = [structured]
    if set(mapping(structured)) == {"result"}:
        same.append(mapping(structured)["result"])
    written = [_canonical(value) for value in same]
    return any(text in same or _parsed(text) in written for text in texts)


def _parsed(text: str) -> str:
    """Canonical JSON; "" where it is none."""
    try:
        return _canonical(json.loads(text))
    except (ValueError, RecursionError):
        return ""


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)
