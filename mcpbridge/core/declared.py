"""What a request declares. A response is read against it: nothing undeclared is ever taken over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcpbridge.core.items import UNGATED_KINDS, HostedToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedServer:
    """A hosted MCP server as the core needs to know it: no credential, no way to reach it."""

    label: str
    identity: str
    """URL (with a hash of its query), or `connector:…`: what decisions and grants are bound to."""
    allowed_tools: frozenset[str] | None = None
    observed: bool = False
    """True when the server was opted out of approvals (`observe: true`)."""
    trusted: bool = False
    """True when policies may believe its tools' annotations (`trust_annotations: true`)."""
    deferred: bool = False
    """True when its tools are loaded on demand, so that no listing is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingTerms:
    """On which terms a server gets words of the model."""

    review: bool = False
    """Whether a person sees them before the server does."""
    max_tokens: int = 1_024
    max_requests: int = 3
    """In one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgedServer:
    """An MCP server that mcpbridge connects to, as the core needs to know it."""

    label: str
    identity: str
    """URL (with a hash of its query), or `stdio:…`."""
    allowed_tools: frozenset[str] | None = None
    trusted: bool = False
    optional: bool = False
    """True when a conversation goes on without it where its tools cannot be listed."""
    max_tools: int = 128
    idempotent: frozenset[str] = frozenset()
    """Tools whose call may simply be made again when nobody knows whether it took effect."""
    call_timeout: float | None = None
    """Seconds for one call; None leaves it to the engine."""
    sampling: SamplingTerms | None = None
    """None: it gets none."""
    fallback: str = ""
    """Why it is bridged though `via: auto` would leave it to the provider; empty where it is no fallback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Servers, functions and built-in tools of the current request."""

    servers: Mapping[str, HostedServer] = field(default_factory=dict[str, HostedServer])
    bridged: Mapping[str, BridgedServer] = field(default_factory=dict[str, BridgedServer])
    functions: frozenset[str] = frozenset()
    ungated: frozenset[str] = frozenset()
    """Types of built-in tools that the configuration accepted as running without asking."""
    containers: frozenset[str] | None = None
    """Where code may run; None when the provider picks a container by itself."""
    origin: str = ""
    """`endpoint|model`: where reasoning ciphertext made now will be valid."""

    def accepts(self, call: HostedToolCall) -> bool:
        """Whether a built-in tool was declared and accepted, and ran where it may."""
        if not any(tool in self.ungated for tool in UNGATED_KINDS.get(call.kind, ())):
            return False
        anywhere = call.kind != "code_interpreter_call" or self.containers is None
        return anywhere or call.container_id in (self.containers or ())

    def identity(self, label: str) -> str | None:
        """Which server a label means; None where it is not declared."""
        server = self.servers.get(label) or self.bridged.get(label)
        return None if server is None else server.identity

    @property
    def runs_unasked(self) -> bool:
        """Whether the provider may execute something without asking, in any request."""
        return bool(self.ungated) or any(server.observed for server in self.servers.values())


def named_containers(hosted_tools: Iterable[Mapping[str, Any]]) -> frozenset[str] | None:
    """The containers that `code_interpreter` tools name; None where one leaves it to the provider."""
    named = [tool.get("container") for tool in hosted_tools if tool.get("type") == "code_interpreter"]
    if not all(isinstance(container, str) for container in named):
        return None
    return frozenset(str(container) for container in named)
