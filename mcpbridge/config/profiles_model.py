"""What an endpoint can do, as plain data: measured, documented, or asserted by whoever configures it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AuthorizationIn = Literal["header", "field"]
"""Where an MCP server's credential travels in the `mcp` tool: inside `headers`, or as `authorization`."""
McpResults = Literal["native", "function_pair"]
"""How finished hosted calls are replayed (WIRE §4.8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Capabilities of one endpoint. The defaults claim nothing."""

    name: str
    approvals_honoured: bool = False
    """`require_approval: always` really asks before a call. Hosted servers are refused without it."""
    hosted_mcp: bool = False
    """The endpoint connects to MCP servers itself."""
    authorization_in: AuthorizationIn = "header"
    mcp_results: McpResults = "function_pair"
    encrypted_reasoning: bool = False
    """`include: [reasoning.encrypted_content]` is worth asking for (WIRE §4.1)."""
    allowed_callers: bool = False
    """`allowed_callers: ["direct"]` is understood in the `mcp` tool (WIRE §1)."""
    source: str = ""
    """Where these facts come from."""
