"""Running the local Responses service.

async with running(load_script(path)) as endpoint:      # or `with running_in_thread(...)`
    client = AsyncOpenAI(base_url=endpoint.base_url, api_key=endpoint.api_key)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

from mcpbridge.service.app import build_app
from mcpbridge.service.brains.script import Script, load_script
from mcpbridge.service.endpoint import LocalEndpoint, scripted_endpoint
from mcpbridge.service.loopback import LoopbackServer, in_thread, serving


@asynccontextmanager
async def running(
    script: Script | str | Path,
    *,
    api_key: str = "local-key",
    quirks: Iterable[str] = (),
    encryption_key: bytes | None = None,
    port: int = 0,
) -> AsyncGenerator[LocalEndpoint, None]:
    """A local Responses service that plays `script` (a Path is a file, a str the YAML itself).

    Raises ScriptError, and ValueError for an unknown quirk. Port 0 picks a free one.
    """
    endpoint = _endpoint(script, api_key, quirks, encryption_key)
    async with _serving_endpoint(endpoint, port, signals=False):
        yield endpoint


@contextmanager
def running_in_thread(
    script: Script | str | Path,
    *,
    api_key: str = "local-key",
    quirks: Iterable[str] = (),
    encryption_key: bytes | None = None,
    port: int = 0,
) -> Generator[LocalEndpoint, None, None]:
    """`running`, in a thread with an event loop of its own."""

    def make() -> AbstractAsyncContextManager[LocalEndpoint]:
        return running(script, api_key=api_key, quirks=quirks, encryption_key=encryption_key, port=port)

    with in_thread(make) as endpoint:
        yield endpoint


def serve(
    script: Script | str | Path,
    *,
    port: int = 0,
    api_key: str = "local-key",
    quirks: Iterable[str] = (),
    on_ready: Callable[[LocalEndpoint], None] = lambda _endpoint: None,
) -> None:
    """Runs until SIGINT or SIGTERM; for a command line. `on_ready` is called once it listens."""
    endpoint = _endpoint(script, api_key, quirks, None)

    async def until_stopped() -> None:
        async with _serving_endpoint(endpoint, port, signals=True) as server:
            on_ready(endpoint)
            await server.stopping.wait()

    asyncio.run(until_stopped())


@asynccontextmanager
async def _serving_endpoint(
    endpoint: LocalEndpoint, port: int, *, signals: bool
) -> AsyncGenerator[LoopbackServer, None]:
    async with serving(build_app(endpoint), port=port, signals=signals) as server:
        endpoint.base_url = f"{server.origin}/v1"
        try:
            yield server
        finally:
            endpoint.closing.set()


def _endpoint(
    script: Script | str | Path, api_key: str, quirks: Iterable[str], encryption_key: bytes | None
) -> LocalEndpoint:
    played = script if isinstance(script, Script) else load_script(script)
    return scripted_endpoint(played, api_key=api_key, quirks=quirks, encryption_key=encryption_key)
