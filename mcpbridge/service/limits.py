"""How much the service holds at once: a service that runs for weeks must not grow."""

from __future__ import annotations

from dataclasses import dataclass, fields

_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds in memory and time; what exceeds them is refused or, oldest first, forgotten."""

    body_bytes: int = 64 * _MIB
    """A request's body; a longer one is answered with 413. The published API takes 50 MB of images."""
    body_seconds: float = 60.0
    """How long a request's body may take to arrive; a later one is answered with 408."""
    connections: int = 1_000
    """Open connections; beyond them a request is answered with 503."""
    stored_responses: int = 10_000
    """Stored responses of all keys together; the one unused for longest goes first."""
    stored_bytes: int = 256 * _MIB
    """The same in bytes: input, output and kept events, as JSON. Background responses that have not ended
    cannot be forgotten: one that would exceed it together with them is answered with 429."""
    event_bytes: int = 16 * _MIB
    """Events kept of one background stream, for those who resume it; the oldest go first."""
    recorded_bytes: int = 64 * _MIB
    """The bodies of requests that `LocalEndpoint.requests` remembers."""
    background_running: int = 64
    """Background responses in progress at once; others wait in the queue."""
    background_queued: int = 1_000
    """Background responses that wait; one more is answered with 429."""
    mcp_seconds: float = 60.0
    """One operation on an MCP server, connecting included."""
    mcp_result_bytes: int = 16 * _MIB
    """One answer of an MCP server."""
    grace_seconds: float = 10.0
    """How long requests may still run when the service is told to stop."""

    def __post_init__(self) -> None:
        """Raises ValueError for a limit that is too low."""
        for one in fields(self):
            value: float = getattr(self, one.name)
            least = 1 if one.name in ("background_running", "connections") else 0
            if value < least:
                raise ValueError(f"the limit {one.name} is {value}; write a number from {least} up")
