"""A server's wish for words of the model, as the engine knows it, and the answer as the protocol has it."""

from __future__ import annotations

from typing import Any, Final

from mcp_types import (
    INTERNAL_ERROR,
    CreateMessageRequestParams,
    CreateMessageResult,
    ErrorData,
    ImageContent,
    SamplingMessage,
    TextContent,
)

from mcpbridge.adapters.mcp_servers.content import IMAGES
from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.adapters.mcp_servers.settings import BridgedServer
from mcpbridge.core.question import visible
from mcpbridge.ports import Sampling

REJECTED: Final = -1
"""What the specification answers for a person's no (2025-11-25, client/sampling, Error Handling)."""
_WANTED: Final = {
    "temperature": "a temperature",
    "stop_sequences": "stop sequences",
    "model_preferences": "a choice of model",
    "metadata": "metadata for the provider",
}


async def sampled(
    server: BridgedServer, sending: Sending, params: CreateMessageRequestParams
) -> CreateMessageResult | ErrorData:
    """The model's words. The server is not told why it gets none: a person's reasons are their own."""
    if sending.observer is None:
        return ErrorData(code=REJECTED, message="nobody can be asked")
    sending.pause()
    try:
        found = await sending.observer.sample(_wish(server, sending, params))
    finally:
        sending.go_on()
    if found.refused:
        return ErrorData(code=REJECTED, message="sampling was refused")
    if not found.text:
        return ErrorData(code=INTERNAL_ERROR, message="there is no answer")
    return CreateMessageResult(
        role="assistant",
        content=TextContent(text=found.text),
        model=found.model,
        stop_reason="maxTokens" if found.cut else "endTurn",
    )


def _wish(server: BridgedServer, sending: Sending, params: CreateMessageRequestParams) -> Sampling:
    messages: list[dict[str, Any]] = []
    problem = "it wants the model to call tools" if params.tools or params.tool_choice else ""
    for message in params.messages:
        content, strange = _content(message, most=server.bounds.file_bytes)
        problem = problem or strange
        messages.append({"role": message.role, "content": content})
    if params.max_tokens < 1 or not messages:
        problem = problem or "it asks for nothing"
    left_out = [said for name, said in _WANTED.items() if getattr(params, name) is not None]
    if params.include_context not in (None, "none"):
        left_out.append("what was said in this conversation")
    return Sampling(
        server_label=server.label,
        tool=sending.tool,
        messages=tuple(messages),
        system=params.system_prompt or "",
        max_tokens=params.max_tokens,
        left_out=tuple(left_out),
        problem=problem,
    )


def _content(message: SamplingMessage, *, most: int) -> tuple[list[dict[str, Any]], str]:
    """Content parts of the Responses API, and why they cannot be had whole."""
    parts: list[dict[str, Any]] = []
    problem = ""
    user = message.role == "user"
    for block in message.content_as_list:
        match block:
            case TextContent(text=text):
                parts.append({"type": "input_text" if user else "output_text", "text": text})
            case ImageContent(mime_type=kind, data=data) if user and kind in IMAGES and len(data) <= most:
                url = f"data:{kind};base64,{data}"
                parts.append({"type": "input_image", "image_url": url, "detail": "auto"})
            case _:
                kind = visible(str(getattr(block, "mime_type", "")), newlines=False)[:60]
                problem = f"it wants the model to look at {block.type}{f' ({kind})' if kind else ''}"
    return parts, problem
