"""The running service as tests and the demo see it: its address, and what it was sent."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mcpbridge.service.brains.brain import Brain
from mcpbridge.service.brains.script import Script
from mcpbridge.service.brains.scripted import ScriptedBrain
from mcpbridge.service.hosted_mcp import HostedMcp, StreamableHttpMcp
from mcpbridge.service.quirks import Quirks
from mcpbridge.service.reasoning import Sealer
from mcpbridge.service.wire import Ids, Item

_KEPT = 1000  # requests remembered; a long-lived service must not grow


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One POST /v1/responses as it came in; `body` is empty when it was no JSON object."""

    headers: Mapping[str, str] = field(repr=False)
    raw: bytes = field(repr=False)
    body: Item = field(repr=False)


@dataclass(slots=True, kw_only=True)
class LocalEndpoint:
    """A local Responses service: how it is set up, and what has reached it."""

    brain: Brain = field(repr=False)
    api_key: str = field(repr=False)
    sealer: Sealer = field(repr=False)
    quirks: Quirks
    hosted: HostedMcp = field(repr=False)
    inert_types: frozenset[str] = frozenset()
    ids: Ids = field(default_factory=Ids, repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)
    models: tuple[str, ...] = ("scripted",)
    base_url: str = ""
    """`http://127.0.0.1:PORT/v1`, once it runs."""
    requests: deque[RecordedRequest] = field(default_factory=lambda: deque(maxlen=_KEPT), repr=False)
    """The POSTs to /v1/responses, oldest first, refused ones included; bounded."""
    posts: int = 0
    """How many POSTs to /v1/responses there were; not bounded."""
    ciphertexts_expired: bool = False
    closing: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def bodies(self) -> list[Item]:
        return [request.body for request in self.requests]


def scripted_endpoint(
    script: Script,
    *,
    api_key: str = "local-key",
    quirks: Iterable[str] = (),
    encryption_key: bytes | None = None,
) -> LocalEndpoint:
    """An endpoint that plays `script`. Raises ValueError for an unknown quirk."""
    sealer = Sealer(account=api_key, key=encryption_key) if encryption_key else Sealer(account=api_key)
    return LocalEndpoint(
        brain=ScriptedBrain(script),
        api_key=api_key,
        sealer=sealer,
        quirks=Quirks.parse(quirks),
        hosted=StreamableHttpMcp(),
        inert_types=script.inert_types(),
    )
