"""POST /v1/responses: one request's way through checks, faults and performance."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mcpbridge.service.clients import Client
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.http.access_log import note
from mcpbridge.service.http.body import check_content_type
from mcpbridge.service.http.event_stream import encode, kept, streamed
from mcpbridge.service.http.faults import strike
from mcpbridge.service.items.checks import check_input, replays_ciphertext
from mcpbridge.service.items.sight import in_view, look
from mcpbridge.service.loopback import Connection
from mcpbridge.service.request.create import CreateRequest, read_request
from mcpbridge.service.response.body import begun_response
from mcpbridge.service.response.making import Making
from mcpbridge.service.response.performance import Happening, Performance
from mcpbridge.service.stored.background import BackgroundJob
from mcpbridge.service.stored.chain import recalled
from mcpbridge.service.stored.event_log import EventLog
from mcpbridge.service.stored.stored_response import StoredResponse
from mcpbridge.service.wire import Item


async def create(endpoint: LocalEndpoint, client: Client, http: Request, raw: bytes, post: int) -> Response:
    """Raises ApiError. `post`: which POST of the service this is, from 1."""
    check_content_type(http)
    request = recalled(read_request(raw, endpoint.quirks), endpoint.shelf, client)
    making = _making(endpoint, client, request)
    note(http.scope, response=making.body["id"], model=request.model)
    fault = endpoint.brain.next_fault(making.performance.sight, post=post, stream=request.stream)
    connection = Connection.of(http)
    if fault is not None:
        if fault.at == "after_effects":
            making.happenings = _replay([happening async for happening in making.happenings])
        struck = await strike(endpoint, fault, connection)
        if struck is not None:
            return struck
    cut_after = fault.cut_stream_after if fault else None
    if request.background:
        return _in_background(endpoint, client, making, connection, cut_after)
    if request.stream:
        return streamed(making, http, cut_after)
    answer = await making.response()
    note(http.scope, outcome=answer["status"])
    return JSONResponse(answer)


def _making(endpoint: LocalEndpoint, client: Client, request: CreateRequest) -> Making:
    performance = _performance(endpoint, client, request)
    begun = begun_response(request, endpoint.ids.new("resp"), int(endpoint.clock()), endpoint.quirks)

    def keep(body: Item) -> None:
        if request.store and not request.background:
            endpoint.shelf.put(_stored(endpoint, client, performance, body))

    return Making(
        body=begun,
        performance=performance,
        happenings=performance.play(),
        clock=endpoint.clock,
        keep=keep,
    )


def _in_background(
    endpoint: LocalEndpoint, client: Client, making: Making, connection: Connection, cut_after: int | None
) -> Response:
    queued = making.body
    stored = _stored(endpoint, client, making.performance, queued)
    input_bytes = stored.measured()
    endpoint.background.check_room(input_bytes)
    if making.performance.request.stream:
        stored.events = EventLog(max_bytes=endpoint.limits.event_bytes)

    def show(body: Item) -> None:
        stored.body = body
        if endpoint.shelf.keeps(stored):  # it may have been deleted meanwhile
            endpoint.shelf.put(stored)

    making.keep = show
    job = BackgroundJob(
        making=making,
        slots=endpoint.background.slots,
        encode=encode,
        show=show,
        input_bytes=input_bytes,
        events=stored.events,
    )
    stored.job = job
    endpoint.shelf.put(stored)
    endpoint.background.start(job)
    if stored.events is not None:
        return kept(stored.events, after=-1, connection=connection, cut_after=cut_after)
    return JSONResponse(queued)


def _stored(endpoint: LocalEndpoint, client: Client, performance: Performance, body: Item) -> StoredResponse:
    stored = StoredResponse.of(performance.request, body, client, endpoint.ids.new)
    stored.thoughts = performance.thoughts
    stored.binding = performance.checked.binding
    return stored


def _performance(endpoint: LocalEndpoint, client: Client, request: CreateRequest) -> Performance:
    replays = replays_ciphertext(request.items[request.prior :])
    expired = replays and not endpoint.ciphertexts_expired
    endpoint.ciphertexts_expired = endpoint.ciphertexts_expired or replays
    checked = check_input(
        request, client.sealer, endpoint.quirks, inert=endpoint.inert_types, expired=expired
    )
    return Performance(
        request=request,
        checked=checked,
        visible=in_view(checked, endpoint.quirks),
        looked=look(request, checked, endpoint.quirks),
        brain=endpoint.brain,
        hosted=endpoint.hosted.of(client.key),
        sealer=client.sealer,
        ids=endpoint.ids,
        closing=endpoint.closing,
    )


async def _replay(happenings: Sequence[Happening]) -> AsyncIterator[Happening]:
    for happening in happenings:
        yield happening
