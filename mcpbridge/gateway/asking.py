"""Asking the person at the client, through the client itself (MCP elicitation).

The client shows the question and says what was answered: whoever runs it can answer in the person's place. So
this is for clients that are trusted to ask, it has to be chosen, and the answer counts as a claim.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import mcp_types as types
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcpbridge.core.question import Question, visible
from mcpbridge.core.raw import mapping
from mcpbridge.core.ruling import Answer, Approve, Deny
from mcpbridge.ports import NobodyThere

PATIENCE: Final = 600.0
"""Seconds that a client has where neither the policy nor the configuration says: it may never come back."""
_MAX_NAME: Final = 100
_MAX_REASON: Final = 2_000
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "decision": {"type": "string", "title": "May this call run?", "enum": ["no", "yes"], "default": "no"},
        "reason": {"type": "string", "title": "Reason (the model is told)"},
    },
    "required": ["decision"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shows:
    """What a client says that it can show to its person."""

    forms: bool
    pages: bool
    numbered: bool
    """Whether a page to visit has an id on the wire, as in the older protocol only."""

    @classmethod
    def of(cls, session: ServerSession) -> Shows:
        """An empty capability means forms (2025-11-25, client/elicitation)."""
        capabilities = session.client_capabilities
        said = None if capabilities is None else capabilities.elicitation
        numbered = session.protocol_version not in MODERN_PROTOCOL_VERSIONS
        if said is None:
            return cls(forms=False, pages=False, numbered=numbered)
        forms = said.form is not None or said.url is None
        return cls(forms=forms, pages=said.url is not None, numbered=numbered)


def client_name(session: ServerSession) -> str:
    """Who said it, for the record: what the client calls itself, which is no more than that."""
    client = session.client_params
    name = client.client_info.name if client is not None else "of no name"
    return f"client {visible(name[:_MAX_NAME], newlines=False)}"


def request_for(question: Question, shows: Shows) -> types.ElicitRequest:
    """The question for the client: what a server wants to know is asked in the server's own form, under our
    words; everything else in ours, which asks for a yes."""
    wanted = question.wanted
    if wanted is None or (wanted.url and not shows.pages):
        return _form(question, _FORM)
    if wanted.url:
        number = (wanted.id or question.screen_hash) if shows.numbered else None
        return types.ElicitRequest(
            params=types.ElicitRequestURLParams(
                message=question.screen, url=wanted.url, elicitation_id=number
            )
        )
    return _form(question, dict(wanted.form))


def answer_from(result: types.ElicitResult, question: Question, shows: Shows, *, by: str) -> Answer:
    """Only an accepted form that says yes is a yes. A form that was closed is nobody's answer."""
    if result.action == "cancel":
        raise NobodyThere("the question was closed at the client")
    content = mapping(result.content)
    wanted = question.wanted
    if wanted is not None and (shows.pages or not wanted.url):
        if result.action != "accept":
            return Deny(by=by)
        return Approve(by=by, arguments=None if wanted.url else content)
    said = content.get("reason")
    reason = said[:_MAX_REASON] if isinstance(said, str) else ""
    if result.action == "accept" and content.get("decision") == "yes":
        return Approve(by=by, reason=reason)
    return Deny(by=by, reason=reason)


def _form(question: Question, schema: dict[str, Any]) -> types.ElicitRequest:
    return types.ElicitRequest(
        params=types.ElicitRequestFormParams(message=question.screen, requested_schema=schema)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientApprover:
    """Asks in the middle of a request, which the older protocol allows, on that request's own stream."""

    once_only: ClassVar[bool] = True
    """The form has no "always", so no question may speak of one."""
    session: ServerSession
    request_id: types.RequestId
    shows: Shows

    async def ask(self, question: Question) -> Answer:
        """Raises NobodyThere where the client cannot ask, or never answers."""
        try:
            async with asyncio.timeout(None if question.timeout is not None else PATIENCE):
                result = await self.session.send_request(
                    request_for(question, self.shows),
                    types.ElicitResult,
                    metadata=ServerMessageMetadata(related_request_id=self.request_id),
                )
        except TimeoutError:
            raise NobodyThere(f"the client did not answer within {PATIENCE:g} s") from None
        except MCPError as error:
            said = visible(error.error.message[:_MAX_NAME], newlines=False)
            raise NobodyThere(f"the client cannot ask ({said})") from None
        return answer_from(result, question, self.shows, by=client_name(self.session))
