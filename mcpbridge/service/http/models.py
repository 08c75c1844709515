"""GET /v1/models: what a client that lists models finds. Any model name is served."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mcpbridge.service.clients import Client
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.errors import ApiError
from mcpbridge.service.wire import Item


async def list_models(endpoint: LocalEndpoint, _client: Client, _request: Request) -> Response:
    return JSONResponse({"object": "list", "data": [_model(name) for name in endpoint.models]})


async def get_model(endpoint: LocalEndpoint, _client: Client, request: Request) -> Response:
    """Raises ApiError 404."""
    name = str(request.path_params["model"])
    if name not in endpoint.models:
        message = f"The model '{name}' does not exist or you do not have access to it."
        raise ApiError(message, status=404, param="model", code="model_not_found")
    return JSONResponse(_model(name))


def _model(name: str) -> Item:
    return {"id": name, "object": "model", "created": 0, "owned_by": "mcpbridge-local"}
