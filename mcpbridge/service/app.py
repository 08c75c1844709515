"""The HTTP face: routes, authentication, and one POST's way through checks, faults and performance."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcpbridge.service.brains.script import Fault
from mcpbridge.service.endpoint import LocalEndpoint, RecordedRequest
from mcpbridge.service.errors import ApiError, default_error
from mcpbridge.service.event_stream import EventStream
from mcpbridge.service.input import check_input, replays_ciphertext
from mcpbridge.service.loopback import Connection
from mcpbridge.service.request import CreateRequest, read_request
from mcpbridge.service.respond import Happening, Performance
from mcpbridge.service.response import begun_response, ended_response
from mcpbridge.service.sight import in_view, look
from mcpbridge.service.wire import Item, is_object


def build_app(endpoint: LocalEndpoint) -> Starlette:
    """The ASGI application of an endpoint."""

    async def create(request: Request) -> Response:
        endpoint.posts += 1
        raw = await request.body()
        endpoint.requests.append(_record(request, raw))
        _authenticate(request, endpoint)
        return await _create(endpoint, raw, Connection.of(request))

    async def models(request: Request) -> Response:
        _authenticate(request, endpoint)
        return JSONResponse({"object": "list", "data": [_model(name) for name in endpoint.models]})

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "service": "mcpbridge local Responses service"})

    return Starlette(
        routes=[
            Route("/v1/responses", _answering_errors(create), methods=["POST"]),
            Route("/v1/models", _answering_errors(models), methods=["GET"]),
            Route("/healthz", healthz, methods=["GET"]),
        ],
        exception_handlers={404: _not_found, 405: _not_found},
    )


_Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def _answering_errors(inner: _Endpoint) -> _Endpoint:
    async def answer(request: Request) -> Response:
        try:
            return await inner(request)
        except ApiError as error:
            return JSONResponse(error.payload(), status_code=error.status)

    return answer


async def _not_found(request: Request, _error: Exception) -> Response:
    error = ApiError(f"Invalid URL ({request.method} {request.url.path})", status=404)
    return JSONResponse(error.payload(), status_code=404)


def _authenticate(request: Request, endpoint: LocalEndpoint) -> None:
    given = request.headers.get("authorization", "")
    if not given:
        message = "You didn't provide an API key. Send it as a bearer token in the Authorization header."
        raise ApiError(message, status=401)
    if not hmac.compare_digest(given.encode(), f"Bearer {endpoint.api_key}".encode()):
        raise ApiError("Incorrect API key provided.", status=401, code="invalid_api_key")


def _record(request: Request, raw: bytes) -> RecordedRequest:
    try:
        body: object = json.loads(raw)
    except ValueError:
        body = None
    return RecordedRequest(headers=dict(request.headers), raw=raw, body=body if is_object(body) else {})


def _model(name: str) -> Item:
    return {"id": name, "object": "model", "created": 0, "owned_by": "mcpbridge-local"}


async def _create(endpoint: LocalEndpoint, raw: bytes, connection: Connection) -> Response:
    request = read_request(raw, endpoint.quirks)
    performance = _prepare(endpoint, request)
    post, stream = endpoint.posts, request.stream
    fault = endpoint.brain.next_fault(performance.sight, post=post, stream=stream)
    begun = begun_response(request, endpoint.ids.new("resp"), int(endpoint.clock()), endpoint.quirks)
    happenings = performance.play()
    if fault is not None:
        if fault.at == "after_effects":
            happenings = _replay([happening async for happening in happenings])
        struck = await _strike(endpoint, fault, connection)
        if struck is not None:
            return struck

    def ended() -> Item:
        return ended_response(begun, performance, int(endpoint.clock()))

    if stream:
        cut = fault.cut_stream_after if fault else None
        return EventStream(
            begun=begun, happenings=happenings, ended=ended, cut_after=cut, connection=connection
        )
    async for _ in happenings:
        pass
    return JSONResponse(ended())


def _prepare(endpoint: LocalEndpoint, request: CreateRequest) -> Performance:
    replays = replays_ciphertext(request.items)
    expired = replays and not endpoint.ciphertexts_expired
    endpoint.ciphertexts_expired = endpoint.ciphertexts_expired or replays
    checked = check_input(
        request, endpoint.sealer, endpoint.quirks, inert=endpoint.inert_types, expired=expired
    )
    return Performance(
        request=request,
        checked=checked,
        visible=in_view(checked, endpoint.quirks),
        looked=look(request, checked, endpoint.quirks),
        brain=endpoint.brain,
        hosted=endpoint.hosted,
        sealer=endpoint.sealer,
        ids=endpoint.ids,
    )


async def _replay(happenings: Sequence[Happening]) -> AsyncIterator[Happening]:
    for happening in happenings:
        yield happening


async def _strike(endpoint: LocalEndpoint, fault: Fault, connection: Connection) -> Response | None:
    """The answer that the fault gives instead of ours, if it gives one."""
    if fault.delay is not None:
        try:
            async with asyncio.timeout(fault.delay):
                await endpoint.closing.wait()
        except TimeoutError:
            pass
    if fault.drop:
        await connection.drop()
        return Response(status_code=500)
    if fault.status is None:
        return None
    if isinstance(fault.body, str):
        return Response(fault.body, status_code=fault.status, headers=fault.headers)
    body = default_error(fault.status).payload() if fault.body is None else fault.body
    return JSONResponse(body, status_code=fault.status, headers=fault.headers)
