"""From Responses content parts, which is what the gate gives, to MCP content blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import mcp_types as types

from mcpbridge.core.raw import mapping

_BASE64: Final = ";base64"


def blocks(output: Any) -> list[types.ContentBlock]:
    """What a function call gave, text or parts. Nothing of it is left out: what has no block becomes text."""
    if isinstance(output, str):
        return [types.TextContent(text=output)]
    return [_block(mapping(part)) for part in output]


def _block(part: Mapping[str, Any]) -> types.ContentBlock:
    match part.get("type"):
        case "input_text" | "output_text":
            return types.TextContent(text=str(part.get("text", "")))
        case "input_image":
            return _image(str(part.get("image_url", "")))
        case "input_file":
            return _file(part)
        case kind:
            return types.TextContent(text=f"[{kind}]")


def _image(url: str) -> types.ContentBlock:
    kind, data = _data_url(url)
    if data is None:
        return types.ResourceLink(name="image", uri=url, mime_type="image/*")
    return types.ImageContent(data=data, mime_type=kind)


def _file(part: Mapping[str, Any]) -> types.ContentBlock:
    name = str(part.get("filename") or "file")
    if "file_url" in part:
        return types.ResourceLink(name=name, uri=str(part["file_url"]))
    kind, data = _data_url(str(part.get("file_data", "")))
    if data is None:
        return types.TextContent(text=f"[file {name}]")
    if kind.startswith("audio/"):
        return types.AudioContent(data=data, mime_type=kind)
    resource = types.BlobResourceContents(uri=f"file:///{name}", mime_type=kind, blob=data)
    return types.EmbeddedResource(resource=resource)


def _data_url(url: str) -> tuple[str, str | None]:
    """Media type and base64 of a `data:` URL (RFC 2397)."""
    if not url.startswith("data:"):
        return "", None
    head, _, data = url[len("data:") :].partition(",")
    if head.endswith(_BASE64):
        return head.removesuffix(_BASE64) or "text/plain", data
    import base64

    return head or "text/plain", base64.b64encode(unquote_to_bytes(data)).decode()
