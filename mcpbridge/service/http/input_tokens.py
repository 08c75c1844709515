"""POST /v1/responses/input_tokens: how large a request would be."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mcpbridge.service.clients import Client
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.http.body import check_content_type
from mcpbridge.service.request.create import read_count_request
from mcpbridge.service.response.body import input_tokens
from mcpbridge.service.stored.chain import recalled


async def count(endpoint: LocalEndpoint, client: Client, http: Request, raw: bytes) -> Response:
    """Counted as `usage` counts it; nothing is checked for completeness. Raises ApiError."""
    check_content_type(http)
    request = recalled(read_count_request(raw), endpoint.shelf, client)
    return JSONResponse({"object": "response.input_tokens", "input_tokens": input_tokens(request)})
