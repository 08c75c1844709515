"""Faults that the brain wants: an answer that is late, wrong, or none."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from mcpbridge.service.brains.script import Fault
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.errors import default_error
from mcpbridge.service.loopback import Connection
from mcpbridge.service.response.performance import wait


async def strike(endpoint: LocalEndpoint, fault: Fault, connection: Connection) -> Response | None:
    """The answer that the fault gives instead of ours, if it gives one."""
    if fault.delay is not None:
        await wait(endpoint.closing, fault.delay)
    if fault.drop:
        await connection.drop()
        return Response(status_code=500)
    if fault.status is None:
        return None
    if isinstance(fault.body, str):
        return Response(fault.body, status_code=fault.status, headers=fault.headers)
    body = default_error(fault.status).payload() if fault.body is None else fault.body
    return JSONResponse(body, status_code=fault.status, headers=fault.headers)
