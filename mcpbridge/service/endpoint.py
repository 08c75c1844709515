"""The running service as tests and the demo see it: its address, and what it was sent."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mcpbridge.service.brains.brain import Brain
from mcpbridge.service.clients import Clients
from mcpbridge.service.limits import Limits
from mcpbridge.service.mcp.hosted import HostedMcp, PooledMcp
from mcpbridge.service.mcp.sessions import SessionLimits
from mcpbridge.service.quirks import Quirks
from mcpbridge.service.recorded import RecordedRequest, RecordedRequests
from mcpbridge.service.stored.background import Background
from mcpbridge.service.stored.shelf import Shelf
from mcpbridge.service.wire import Ids, Item


@dataclass(slots=True, kw_only=True)
class LocalEndpoint:
    """A local Responses service: how it is set up, and what has reached it."""

    brain: Brain = field(repr=False)
    clients: Clients = field(repr=False)
    quirks: Quirks
    hosted: HostedMcp = field(repr=False)
    limits: Limits = field(default_factory=Limits)
    inert_types: frozenset[str] = frozenset()
    ids: Ids = field(default_factory=Ids, repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)
    models: tuple[str, ...] = ("scripted",)
    base_url: str = ""
    """`http://127.0.0.1:PORT/v1`, once it runs."""
    requests: deque[RecordedRequest] = field(init=False, repr=False)
    """The POSTs to /v1/responses, oldest first, refused ones included (without their body where the
    key was wrong); bounded."""
    shelf: Shelf = field(init=False, repr=False)
    """Stored responses."""
    background: Background = field(init=False, repr=False)
    posts: int = 0
    """How many POSTs to /v1/responses there were; not bounded."""
    ciphertexts_expired: bool = False
    closing: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def __post_init__(self) -> None:
        self.requests = RecordedRequests(self.limits.recorded_bytes)
        self.shelf = Shelf(limits=self.limits)
        self.background = Background(limits=self.limits)

    @property
    def api_key(self) -> str:
        """The first key."""
        return self.clients.first_key

    @property
    def bodies(self) -> list[Item]:
        """What clients sent to POST /v1/responses, parsed: for tests that look at what their agent says."""
        return [request.body for request in self.requests]


def local_endpoint(
    brain: Brain,
    *,
    api_keys: Sequence[str] = ("local-key",),
    quirks: Iterable[str] = (),
    encryption_key: bytes | None = None,
    inert_types: frozenset[str] = frozenset(),
    models: Iterable[str] = ("scripted",),
    limits: Limits | None = None,
) -> LocalEndpoint:
    """An endpoint where `brain` stands in for the model.

    Raises ValueError for an unknown quirk, and for keys that are empty or given twice.
    """
    limits = limits or Limits()
    sessions = SessionLimits(seconds=limits.mcp_seconds, result_bytes=limits.mcp_result_bytes)
    return LocalEndpoint(
        brain=brain,
        clients=Clients.of(api_keys, encryption_key),
        quirks=Quirks.parse(quirks),
        hosted=PooledMcp(sessions),
        inert_types=inert_types,
        models=tuple(models),
        limits=limits,
    )
