"""Running the local Responses service.

async with running(load_script(path)) as endpoint:      # or `with running_in_thread(...)`
    client = AsyncOpenAI(base_url=endpoint.base_url, api_key=endpoint.api_key)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeAlias, TypedDict, Unpack

from mcpbridge.service.brains.brain import Brain
from mcpbridge.service.brains.script import Script, load_script
from mcpbridge.service.brains.scripted import ScriptedBrain
from mcpbridge.service.endpoint import LocalEndpoint, local_endpoint
from mcpbridge.service.http.access_log import AccessLog
from mcpbridge.service.http.app import build_app
from mcpbridge.service.limits import Limits
from mcpbridge.service.loopback import LoopbackServer, in_thread, serving

Mind: TypeAlias = Brain | Script | str | Path
"""What stands in for the model: a Brain, or a script (a Path is a file, a str the YAML itself)."""


class Options(TypedDict, total=False):
    """How a service is set up; everything may be left out."""

    api_key: str
    """The key that clients must send (default: local-key)."""
    api_keys: Iterable[str]
    """Keys of further clients: each sees its own stored responses only."""
    quirks: Iterable[str]
    """Faults of real servers to imitate, `NAME` or `NAME:ARGUMENT`."""
    encryption_key: bytes | None
    """The 32 bytes that reasoning is encrypted with (default: random, until the service ends)."""
    models: Iterable[str]
    """What GET /v1/models lists (any model name is served)."""
    limits: Limits
    """Bounds in memory and time."""
    access_log: AccessLog | None
    """Where a line for each request goes (default: nowhere)."""
    port: int
    """The port on 127.0.0.1; 0, the default, picks a free one."""


@asynccontextmanager
async def running(mind: Mind, **options: Unpack[Options]) -> AsyncGenerator[LocalEndpoint, None]:
    """A local Responses service.

    Raises ScriptError for a script that cannot be played, and ValueError for a wrong option.
    """
    endpoint = _endpoint(mind, options)
    async with _serving_endpoint(endpoint, options, signals=False):
        yield endpoint


@contextmanager
def running_in_thread(mind: Mind, **options: Unpack[Options]) -> Generator[LocalEndpoint, None, None]:
    """`running`, in a thread with an event loop of its own."""

    def make() -> AbstractAsyncContextManager[LocalEndpoint]:
        return running(mind, **options)

    with in_thread(make) as endpoint:
        yield endpoint


def serve(
    mind: Mind,
    *,
    on_ready: Callable[[LocalEndpoint], None] = lambda _endpoint: None,
    **options: Unpack[Options],
) -> None:
    """Runs until SIGINT or SIGTERM; for a command line. `on_ready` is called once it listens."""
    endpoint = _endpoint(mind, options)

    async def until_stopped() -> None:
        async with _serving_endpoint(endpoint, options, signals=True) as server:
            on_ready(endpoint)
            await server.stopping.wait()

    asyncio.run(until_stopped())


@asynccontextmanager
async def _serving_endpoint(
    endpoint: LocalEndpoint, options: Options, *, signals: bool
) -> AsyncGenerator[LoopbackServer, None]:
    app = build_app(endpoint, options.get("access_log"))
    port, grace = options.get("port", 0), endpoint.limits.grace_seconds
    try:
        most = endpoint.limits.connections
        async with serving(app, port=port, signals=signals, grace=grace, connections=most) as server:
            endpoint.base_url = f"{server.origin}/v1"
            try:
                yield server
            finally:
                endpoint.closing.set()
                endpoint.background.cancel_soon()
    finally:
        await endpoint.hosted.aclose()


def _endpoint(mind: Mind, options: Options) -> LocalEndpoint:
    script = load_script(mind) if isinstance(mind, str | Path) else mind
    brain = ScriptedBrain(script) if isinstance(script, Script) else script
    return local_endpoint(
        brain,
        api_keys=(options.get("api_key", "local-key"), *options.get("api_keys", ())),
        quirks=options.get("quirks", ()),
        encryption_key=options.get("encryption_key"),
        inert_types=script.inert_types() if isinstance(script, Script) else frozenset(),
        models=options.get("models", ("scripted",)),
        limits=options.get("limits"),
    )
