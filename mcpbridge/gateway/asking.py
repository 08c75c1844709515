"""Asking the person at the client, through the client itself (MCP elicitation).

The client shows the question and says what was answered: whoever runs it can answer in the person's place. So
this is for clients that are trusted to ask, it has to be chosen, and the answer counts as a claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import mcp_types as types
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError

from mcpbridge.core.question import Question
from mcpbridge.core.raw import mapping
from mcpbridge.core.ruling import Answer, Approve, Deny
from mcpbridge.ports import NobodyThere

_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "decision": {"type": "string", "title": "May this call run?", "enum": ["no", "yes"], "default": "no"},
        "reason": {"type": "string", "title": "Reason (the model is told)"},
    },
    "required": ["decision"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientApprover:
    """Asks whoever sits at one client. `by` is what the client calls itself."""

    session: ServerSession
    by: str

    async def ask(self, question: Question) -> Answer:
        """Only an accepted form that says yes is a yes."""
        try:
            result = await self.session.elicit_form(question.screen, _FORM)
        except MCPError as error:
            raise NobodyThere(f"the client cannot ask ({error.error.message[:100]})") from None
        content = mapping(result.content)
        reason = content.get("reason")
        said = reason if isinstance(reason, str) else ""
        if result.action == "accept" and content.get("decision") == "yes":
            return Approve(by=self.by, reason=said)
        return Deny(by=self.by, reason=said)


def can_ask(session: ServerSession) -> bool:
    """Whether the client says that it can show a form, and can be asked within a call."""
    wanted = types.ClientCapabilities(elicitation=types.ElicitationCapability())
    return session.can_send_request and session.check_client_capability(wanted)
