"""A server's question in the middle of a call, put to whoever follows the call."""

from __future__ import annotations

from mcp_types import (
    INVALID_REQUEST,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    ErrorData,
)

from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.ports import Elicitation


async def asked(
    label: str, sending: Sending, params: ElicitRequestParams, *, key: str = ""
) -> ElicitResult | ErrorData:
    """The person's answer. The call's own clock stands still meanwhile. `key` is how the server calls the
    question, where it has a name for it."""
    if sending.observer is None:
        return ErrorData(code=INVALID_REQUEST, message="nobody can be asked; the question was not shown")
    sending.pause()
    try:
        answer = await sending.observer.elicit(_question(label, sending.tool, params, key))
    finally:
        sending.go_on()
    if answer.action != "accept" or not isinstance(params, ElicitRequestFormParams):
        return ElicitResult(action=answer.action)
    # Nothing is added, the server's own defaults neither: what was shown and recorded is what is sent.
    return ElicitResult(action="accept", content=dict(answer.content or {}))


def _question(label: str, tool: str, params: ElicitRequestParams, key: str) -> Elicitation:
    if isinstance(params, ElicitRequestFormParams):
        return Elicitation(
            server_label=label, tool=tool, message=params.message, schema=params.requested_schema, id=key
        )
    return Elicitation(
        server_label=label,
        tool=tool,
        message=params.message,
        mode="url",
        url=params.url,
        id=params.elicitation_id or key,
    )
