"""Names of spans, metrics and attributes, and what is the same in all of a bridge's.

The gen_ai, mcp, server and error names are those of the semantic conventions
(https://github.com/open-telemetry/semantic-conventions-genai); what they do not cover is `mcpbridge.`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

Attributes = dict[str, str | int | float | bool | list[str]]

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
MODEL: Final = "gen_ai.request.model"
STREAM: Final = "gen_ai.request.stream"
CONVERSATION: Final = "gen_ai.conversation.id"
AGENT: Final = "gen_ai.agent.name"
TOOL: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
CALL: Final = "gen_ai.tool.call.id"
RESPONSE: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FINISH: Final = "gen_ai.response.finish_reasons"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105
METHOD: Final = "mcp.method.name"
SERVER: Final = "server.address"
PORT: Final = "server.port"
ERROR: Final = "error.type"
LABEL: Final = "mcpbridge.server_label"
OUTCOME: Final = "mcpbridge.outcome"
STATUS: Final = "mcpbridge.status"
EVIDENCE: Final = "mcpbridge.evidence"
RUN: Final = "mcpbridge.run_id"
SEQ: Final = "mcpbridge.audit.seq"
RECORD_TYPE: Final = "mcpbridge.audit.type"
RULES: Final = "mcpbridge.rule_ids"
ANSWER: Final = "mcpbridge.approval.answer"

_PROVIDERS: Final = {"openai": "openai", "azure": "azure.ai.openai"}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The model and its endpoint."""

    model: str
    provider: str
    address: str = ""
    port: int | None = None

    @classmethod
    def of(cls, *, model: str, endpoint: str, profile: str, base_url: str) -> About:
        """`endpoint` and `profile` as configured; other endpoints are named by their profile."""
        try:
            parts = urlsplit(base_url)
            host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            host, port = "", None
        provider = _PROVIDERS.get(endpoint, profile or endpoint)
        return cls(model=model, provider=provider, address=host, port=port)

    def attributes(self, operation: str) -> Attributes:
        """Of every span and metric of this operation."""
        found: Attributes = {OPERATION: operation, PROVIDER: self.provider, MODEL: self.model}
        if self.address:
            found[SERVER] = self.address
            if self.port is not None:
                found[PORT] = self.port
        return found
