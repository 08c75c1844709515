"""What a request declares. A response is read against it: nothing undeclared is ever taken over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpbridge.core.items import UNGATED_KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedServer:
    """A hosted MCP server as the core needs to know it: no credential, no way to reach it."""

    label: str
    identity: str
    """URL (with a hash of its query), or `connector:…`: what decisions and grants are bound to."""
    allowed_tools: frozenset[str] | None = None
    observed: bool = False
    """True when the server was opted out of approvals (`observe: true`)."""
    deferred: bool = False
    """True when its tools are loaded on demand, so that no listing is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Servers, functions and built-in tools of the current request."""

    servers: Mapping[str, HostedServer] = field(default_factory=dict[str, HostedServer])
    functions: frozenset[str] = frozenset()
    ungated: frozenset[str] = frozenset()
    """Types of built-in tools that the configuration accepted as running without asking."""
    origin: str = ""
    """`endpoint|model`: where reasoning ciphertext made now will be valid."""

    def accepts_kind(self, kind: str) -> bool:
        """Whether a built-in tool's item kind was declared and accepted."""
        return any(tool in self.ungated for tool in UNGATED_KINDS.get(kind, ()))

    @property
    def runs_unasked(self) -> bool:
        """Whether the provider may execute something without asking, in any request."""
        return bool(self.ungated) or any(server.observed for server in self.servers.values())
