"""What can be done with a stored response: retrieve, delete, cancel, list its input items."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mcpbridge.service.clients import Client
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.errors import ApiError, invalid_value
from mcpbridge.service.http.access_log import note
from mcpbridge.service.http.event_stream import kept
from mcpbridge.service.loopback import Connection
from mcpbridge.service.quirks import Quirk
from mcpbridge.service.request.include import Include
from mcpbridge.service.stored.chain import surviving_chain
from mcpbridge.service.stored.input_items import Page
from mcpbridge.service.stored.stored_response import StoredResponse


async def retrieve(endpoint: LocalEndpoint, client: Client, request: Request) -> Response:
    """The response as it is now, or its events after `starting_after`. Raises ApiError."""
    stored = _found(endpoint, client, request)
    include, streams = _include(request), _flag(request, "stream")
    starting_after = _starting_after(request)
    if not streams:
        if starting_after is not None:
            raise ApiError("'starting_after' can only be used with 'stream=true'.", param="starting_after")
        seals = include.encrypted_reasoning and Quirk.NO_ENCRYPTED_REASONING not in endpoint.quirks
        return JSONResponse(include.response(stored.with_ciphertext() if seals else stored.body))
    if stored.events is None:
        message = (
            "This response cannot be streamed: it was not created with 'background' and 'stream' set to true."
        )
        raise ApiError(message, param="stream")
    after = -1 if starting_after is None else starting_after
    stored.events.check(after)
    return kept(stored.events, after=after, connection=Connection.of(request))


async def delete(endpoint: LocalEndpoint, client: Client, request: Request) -> Response:
    """Gone at once; one that is still being made is cancelled. Raises ApiError."""
    stored = _found(endpoint, client, request)
    endpoint.shelf.remove(stored)
    if stored.job is not None:
        stored.job.cancel_soon()
    return JSONResponse({"id": stored.id, "object": "response", "deleted": True})


async def cancel(endpoint: LocalEndpoint, client: Client, request: Request) -> Response:
    """The response once it has ended; cancelling what has ended changes nothing. Raises ApiError."""
    stored = _found(endpoint, client, request)
    if not stored.background or stored.job is None:
        raise ApiError("Cannot cancel a synchronous response.")
    await stored.job.cancel()
    note(request.scope, outcome=stored.body["status"])
    return JSONResponse(Include().response(stored.body))


async def input_items(endpoint: LocalEndpoint, client: Client, request: Request) -> Response:
    """One page of what the response was made from. Raises ApiError."""
    stored = _found(endpoint, client, request)
    page = Page.read(request.query_params)
    return JSONResponse(page.of(surviving_chain(stored, endpoint.shelf), _include(request)))


def _found(endpoint: LocalEndpoint, client: Client, request: Request) -> StoredResponse:
    response_id = str(request.path_params["response_id"])
    note(request.scope, response=response_id)
    return endpoint.shelf.find(client, response_id)


def _include(request: Request) -> Include:
    """`include=a&include=b`, or as the openai client writes it, `include[]=a`."""
    query = request.query_params
    return Include.read([*query.getlist("include"), *query.getlist("include[]")])


def _flag(request: Request, name: str) -> bool:
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        raise invalid_value(name, value, "'true' and 'false'")
    return value == "true"


def _starting_after(request: Request) -> int | None:
    value = request.query_params.get("starting_after")
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) < 16):
        raise invalid_value("starting_after", value, "whole numbers from 0")
    return int(value)
