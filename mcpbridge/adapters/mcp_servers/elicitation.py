"""A server's question in the middle of a call, put to whoever follows the call."""

from __future__ import annotations

from typing import Any

from mcp_types import (
    INVALID_REQUEST,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    ErrorData,
)

from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.core.raw import mapping
from mcpbridge.ports import Elicitation, Json


async def asked(label: str, sending: Sending, params: ElicitRequestParams) -> ElicitResult | ErrorData:
    """The person's answer. The call's own clock stands still meanwhile."""
    if sending.observer is None:
        return ErrorData(code=INVALID_REQUEST, message="nobody can be asked; the question was not shown")
    sending.pause()
    try:
        answer = await sending.observer.elicit(_question(label, sending.tool, params))
    finally:
        sending.go_on()
    if answer.action != "accept" or not isinstance(params, ElicitRequestFormParams):
        return ElicitResult(action=answer.action)
    return ElicitResult(
        action="accept", content=_defaults(params.requested_schema) | dict(answer.content or {})
    )


def _defaults(schema: Json) -> dict[str, Any]:
    """What the form says about fields that the person left out (SEP-1034)."""
    fields = mapping(schema.get("properties"))
    return {name: mapping(field)["default"] for name, field in fields.items() if "default" in mapping(field)}


def _question(label: str, tool: str, params: ElicitRequestParams) -> Elicitation:
    if isinstance(params, ElicitRequestFormParams):
        return Elicitation(
            server_label=label, tool=tool, message=params.message, schema=params.requested_schema
        )
    return Elicitation(
        server_label=label,
        tool=tool,
        message=params.message,
        mode="url",
        url=params.url,
        id=params.elicitation_id or "",
    )
