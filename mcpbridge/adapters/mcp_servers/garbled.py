"""Answers that cannot be read, told to the requests that they were for: nobody waits for them any longer."""

from __future__ import annotations

import json
import re
from typing import Final

from mcp_types import ErrorData, JSONRPCError
from pydantic import ValidationError

from mcpbridge.adapters.mcp_servers.lines import only_id
from mcpbridge.core.raw import mapping

UNREADABLE: Final = -32098
"""Our own code (JSON-RPC leaves -32000 to -32099 to implementations): an answer came that says nothing."""
_ANSWERS: Final = re.compile(rb'"(result|error)"\s*:')
_ASKS: Final = re.compile(rb'"method"\s*:')


def unreadable(error: ValidationError) -> JSONRPCError | None:
    """What stands for a message that is none. None where it answers no request: what a program prints between
    messages, or what a server itself asks for."""
    problems = error.errors(include_url=False)
    first = problems[0]
    if first["type"] == "json_invalid":
        request_id = _answered_in(first["input"])
        why = f"it is not valid JSON ({first.get('ctx', {}).get('error', 'no value')})"
    else:
        # Where a `method` is missing, pydantic shows the whole message; what has one answers nothing.
        whole = (
            one["input"] for one in problems if one["type"] == "missing" and one["loc"][1:] == ("method",)
        )
        request_id, why = _answered(next(whole, None)), "it is no JSON-RPC message"
    if request_id is None:
        return None
    data = ErrorData(code=UNREADABLE, message=f"its answer cannot be read: {why}")
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=data)


def _answered_in(given: str | bytes) -> int | str | None:
    """Python reads some of what the SDK does not: half of a surrogate pair, bytes that are no text."""
    data = given.encode("utf-8", "surrogatepass") if isinstance(given, str) else given
    try:
        return _answered(json.loads(data.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return only_id(data, data) if _looks_like_one(data) else None


def _looks_like_one(data: bytes) -> bool:
    """Of what nobody can read: whether it begins as an answer does."""
    if not data.lstrip().startswith(b"{") or b'"jsonrpc"' not in data:
        return False
    return bool(_ANSWERS.search(data)) and not _ASKS.search(data)


def _answered(message: object) -> int | str | None:
    """The id of the request that it answers."""
    found = mapping(message)
    if "jsonrpc" not in found or "method" in found or not found.keys() & {"result", "error"}:
        return None
    request_id = found.get("id")
    return request_id if type(request_id) in (int, str) else None
