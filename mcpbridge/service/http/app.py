"""The routes of the API, and what holds for all of them: the key, the limit, errors as the API words them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcpbridge.service.clients import Client
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.errors import ApiError, server_error, service_stopped
from mcpbridge.service.http import stored
from mcpbridge.service.http.access_log import AccessLog, Logged, note
from mcpbridge.service.http.body import read_body
from mcpbridge.service.http.create import create
from mcpbridge.service.http.input_tokens import count
from mcpbridge.service.http.models import get_model, list_models
from mcpbridge.service.recorded import RecordedRequest

_log = logging.getLogger(__name__)
_Answer: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
_Stored: TypeAlias = Callable[[LocalEndpoint, Client, Request], Coroutine[Any, Any, Response]]


def build_app(endpoint: LocalEndpoint, access_log: AccessLog | None = None) -> Starlette:
    """The ASGI application of an endpoint; with `access_log`, a line for each request."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None, None]:
        yield
        await endpoint.background.stop()

    async def post(request: Request) -> Response:
        endpoint.posts += 1
        number = endpoint.posts
        headers = dict(request.headers)
        try:
            client = _client(endpoint, request)
        except ApiError:  # a stranger's body is not read
            endpoint.requests.append(RecordedRequest(headers=headers, raw=b""))
            raise
        raw = await read_body(request, endpoint.limits)
        endpoint.requests.append(RecordedRequest(headers=headers, raw=raw))
        return await create(endpoint, client, request, raw, number)

    async def input_tokens(request: Request) -> Response:
        client = _client(endpoint, request)
        return await count(endpoint, client, request, await read_body(request, endpoint.limits))

    def known(answer: _Stored) -> _Answer:
        async def answer_client(request: Request) -> Response:
            return await answer(endpoint, _client(endpoint, request), request)

        return _answering_errors(answer_client)

    one = "/v1/responses/{response_id}"
    logged = [Middleware(Logged, log=access_log, quirks=endpoint.quirks)] if access_log else []
    return Starlette(
        routes=[
            Route("/v1/responses", _answering_errors(post), methods=["POST"]),
            Route("/v1/responses/input_tokens", _answering_errors(input_tokens), methods=["POST"]),
            Route("/v1/responses/compact", _no_compaction, methods=["POST"]),
            Route(one, known(stored.retrieve), methods=["GET"]),
            Route(one, known(stored.delete), methods=["DELETE"]),
            Route(f"{one}/cancel", known(stored.cancel), methods=["POST"]),
            Route(f"{one}/input_items", known(stored.input_items), methods=["GET"]),
            Route("/v1/models", known(list_models), methods=["GET"]),
            Route("/v1/models/{model:path}", known(get_model), methods=["GET"]),
            Route("/healthz", _healthz, methods=["GET"]),
        ],
        exception_handlers={404: _no_address, 405: _no_method},
        middleware=logged,
        lifespan=lifespan,
    )


def _answering_errors(inner: _Answer) -> _Answer:
    async def answer(request: Request) -> Response:
        try:
            return await inner(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except ApiError as error:
            refused = error
        except asyncio.CancelledError:  # by the server, which stops: whoever waits is told
            refused = service_stopped()
        except Exception:  # noqa: BLE001 # boundary: a bug or a broken brain costs one request
            _log.exception("%s %s failed", request.method, request.url.path)
            refused = server_error()
        note(request.scope, error=refused.code or refused.type)
        return JSONResponse(refused.payload(), status_code=refused.status)

    return answer


def _client(endpoint: LocalEndpoint, request: Request) -> Client:
    client = endpoint.clients.authenticate(request.headers.get("authorization", ""))
    note(request.scope, key=client.fingerprint)
    return client


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"status": "ok", "service": "mcpbridge local Responses service"})


async def _no_address(request: Request, _error: Exception) -> Response:
    error = ApiError(f"Invalid URL ({request.method} {request.url.path})", status=404)
    return JSONResponse(error.payload(), status_code=error.status)


async def _no_compaction(_request: Request) -> Response:
    error = ApiError("This local service does not compact conversations.", status=404, code="unsupported")
    return JSONResponse(error.payload(), status_code=error.status)


async def _no_method(request: Request, error: Exception) -> Response:
    refused = ApiError(f"Invalid method for URL ({request.method} {request.url.path})", status=405)
    allowed = error.headers if isinstance(error, HTTPException) else None
    return JSONResponse(refused.payload(), status_code=refused.status, headers=allowed)
