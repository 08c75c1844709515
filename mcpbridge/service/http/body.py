"""Reading a request's body: of the right type, and no longer than the limit."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from mcpbridge.service.errors import ApiError, body_too_large, body_too_slow
from mcpbridge.service.limits import Limits


async def read_body(request: Request, limits: Limits) -> bytes:
    """Raises ApiError: 413, or 408 when it does not arrive in time."""
    try:
        async with asyncio.timeout(limits.body_seconds):
            return await _read(request, limits.body_bytes)
    except TimeoutError:
        raise body_too_slow(limits.body_seconds) from None


async def _read(request: Request, most: int) -> bytes:
    """A body that is too long is read to its end, so that its sender hears the answer, but not kept."""
    parts: list[bytes] = []
    length = 0
    async for part in request.stream():
        length += len(part)
        if length <= most:
            parts.append(part)
        else:
            parts.clear()
    if length > most:
        raise body_too_large(most)
    return b"".join(parts)


def check_content_type(request: Request) -> None:
    """A body without a type is taken as JSON. Raises ApiError."""
    given = request.headers.get("content-type", "application/json")
    if given.partition(";")[0].strip().lower() != "application/json":
        raise ApiError(
            f"Unsupported content type: '{given}'. This API method only accepts 'application/json' requests, "
            f"but you specified the header 'Content-Type: {given}'. "
            "Please try again with a supported content type.",
            code="unsupported_content_type",
        )
