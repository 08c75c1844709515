"""Connecting to MCP servers and listing their tools. Loads the mcp SDK: import it where it is used."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Tool

from mcpbridge.adapters.hosted_tools import bridged_server
from mcpbridge.adapters.logging import make_logger
from mcpbridge.adapters.oauth.declared import with_token
from mcpbridge.bridge.bridged import connect, is_bridged
from mcpbridge.cli.probe_causes import Seen, cause
from mcpbridge.config import Profile, SecretSources, ServerDeclaration, resolve_credentials
from mcpbridge.config.urls import is_loopback
from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.secret import Mask
from mcpbridge.engine.shelf import shelve
from mcpbridge.errors import ConfigurationError, ServerError, ServerUnavailable, UsageError

_PAGES: Final = 100
"""A server whose list never ends must not hold us for ever."""
_CHARACTERS_PER_TOKEN: Final = 4
_WITHIN: Final = 20.0
"""Seconds for a server that mcpbridge does not bridge, and that declares no time."""
_GOODBYE: Final = 2.0
"""Seconds for a connection to close after its time was up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCost:
    """A tool as listed. `tokens` is an estimate; `allowed` is False outside `allowed_tools`."""

    name: str
    tokens: int
    allowed: bool
    definition: dict[str, Any] = field(default_factory=dict[str, Any])
    """As the server listed it: what `policy draft` reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was found at one server. Secrets are masked."""

    label: str
    identity: str
    tools: tuple[ToolCost, ...] = ()
    missing: tuple[str, ...] = ()
    """Names in `allowed_tools` that the server does not have."""
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    """What was to be offered and is not → why, as a run says it."""
    protocol: str = ""
    problem: str = ""
    """One sentence when it failed, or when a run would offer nothing of it; then `tools` may say of what."""
    skipped: str = ""
    """Why it was not tried: only the provider can reach it."""

    @property
    def tokens(self) -> int:
        """Of the tools that may be called: what a model would see."""
        return 0 if self.problem else sum(tool.tokens for tool in self.tools if tool.allowed)


async def probe_all(
    servers: Sequence[ServerDeclaration],
    sources: SecretSources,
    *,
    within: float | None,
    profile: Profile | None = None,
    longer: str = "",
) -> list[Probe]:
    """All servers at once, in the order given. `within` is seconds for each; None is `connect_timeout` of a
    bridged server, and 20 for others. `longer` says how to wait longer. By the endpoint's `profile` a
    server `via: auto` is bridged, and then has the functions that it offers."""
    with _silence():
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_probe(server, sources, within, profile, longer)) for server in servers
            ]
        return [task.result() for task in tasks]


@contextmanager
def _silence() -> Generator[None]:
    """The SDK logs what it meets; here the cause is told once, in one sentence."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


async def _probe(
    server: ServerDeclaration,
    sources: SecretSources,
    within: float | None,
    profile: Profile | None,
    longer: str,
) -> Probe:
    if server.via == "bridge" or (profile is not None and is_bridged(server, profile)):
        return await _probe_bridged(server, sources, within, longer)
    within = _WITHIN if within is None else within
    if server.url is None:
        return _result(server, skipped="only the provider can reach it: it has no url")
    mask = Mask()
    try:
        async with asyncio.timeout(within):
            headers = await _headers(server, sources, mask)
    except TimeoutError:
        return _result(server, problem=f"{server.label}: no token within {within:g} s{longer}")
    except (ServerError, ConfigurationError, UsageError) as error:
        return _result(server, problem=mask.text(str(error)))
    visit = _Visit(url=server.url, headers=headers, timeout=within)
    try:
        tools = await visit.tools()
    except _Failed as failed:
        sentence = cause(
            failed.error, visit.seen, url=server.url, timeout=within, credential=_credential(server)
        )
        host = urlsplit(server.url).netloc
        sentence += longer if failed.error is None else ""
        return _result(server, problem=mask.text(f"{server.label} at {host}: {sentence}"))
    return _found(server, [_definition(tool) for tool in tools], visit.protocol, mask, {})


async def _probe_bridged(
    server: ServerDeclaration, sources: SecretSources, within: float | None, longer: str
) -> Probe:
    """Over the connection that a run would use, which has its own clock: `connect_timeout`. What is found is
    what a run would offer."""
    mask = Mask()
    box = connect(server, sources, mask, make_logger(mask, format="console", level="error"))
    try:
        async with asyncio.timeout(within):
            listing = await box.tools()
    except TimeoutError:
        return _result(server, problem=f"{server.label}: no list of tools within {within:g} s{longer}")
    except (ServerError, ConfigurationError, UsageError) as error:
        return _result(server, problem=mask.text(str(error)))
    finally:
        await box.close()
    try:
        left_out = shelve(box, bridged_server(server), listing).left_out
    except ServerUnavailable as error:
        found = _found(server, listing.tools, listing.protocol, mask, {})
        return replace(found, problem=mask.text(str(error)))
    return _found(server, listing.tools, listing.protocol, mask, left_out)


def _found(
    server: ServerDeclaration,
    tools: Sequence[ToolDefinition],
    protocol: str,
    mask: Mask,
    left_out: Mapping[str, str],
) -> Probe:
    names = {*(tool.name for tool in tools), *left_out}
    return _result(
        server,
        tools=tuple(_cost(tool, server, mask) for tool in tools if tool.name not in left_out),
        missing=tuple(name for name in server.allowed_tools or () if name not in names),
        left_out={mask.text(name): mask.text(why) for name, why in left_out.items()},
        protocol=protocol,
    )


def _result(server: ServerDeclaration, **found: Any) -> Probe:
    return Probe(label=server.label, identity=server.identity, **found)


def _credential(server: ServerDeclaration) -> bool:
    return bool(server.credential_headers) or server.authorization is not None or server.oauth is not None


async def _headers(server: ServerDeclaration, sources: SecretSources, mask: Mask) -> dict[str, str]:
    """What the provider would send on our behalf, with the token always in a header. Raises AuthRefused
    where somebody has to log in first."""
    given = with_token(server, sources, mask)
    found = await resolve_credentials(given, sources, authorization_in="header")
    mask.add(found.sensitive)
    headers = {name: value.reveal() for name, value in found.headers.items()}
    if found.authorization is not None:
        headers["Authorization"] = f"Bearer {found.authorization.reveal()}"
    return headers


def _definition(tool: Tool) -> ToolDefinition:
    plain = tool.model_dump(mode="json", by_alias=True, exclude_none=True)
    return ToolDefinition(
        name=tool.name,
        description=tool.description or "",
        input_schema=plain.get("inputSchema") or {},
        output_schema=plain.get("outputSchema"),
        annotations=plain.get("annotations") or {},
    )


def _cost(tool: ToolDefinition, server: ServerDeclaration, mask: Mask) -> ToolCost:
    shown = {"name": tool.name, "description": tool.description, "parameters": tool.input_schema}
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"), default=dict)
    whole = {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": tool.annotations,
    }
    return ToolCost(
        name=mask.text(tool.name),
        tokens=math.ceil(len(text) / _CHARACTERS_PER_TOKEN),
        allowed=server.callable_tools is None or tool.name in server.callable_tools,
        definition=mask.value({key: value for key, value in whole.items() if value not in (None, "", {})}),
    )


class _Failed(Exception):
    """A visit that came to nothing; `error` is what the SDK made of it, None when time was up."""

    def __init__(self, error: BaseException | None) -> None:
        super().__init__()
        self.error = error


@dataclass(kw_only=True)
class _Visit:
    """One connection. The SDK cancels the task that opened it when a request fails, so it has its own."""

    url: str
    headers: dict[str, str] = field(repr=False)
    timeout: float
    seen: Seen = field(default_factory=Seen)
    protocol: str = ""

    async def tools(self) -> list[Tool]:
        """Every tool. Raises _Failed."""
        task = asyncio.create_task(self._list())
        try:
            await asyncio.wait({task}, timeout=self.timeout)
            if not task.done():
                raise _Failed(None)
            if task.cancelled():
                raise _Failed(self.seen.failure or asyncio.CancelledError())
            error = task.exception()
            if error is not None:
                raise _Failed(error)
            return task.result()
        finally:
            task.cancel()
            await asyncio.wait({task}, timeout=_GOODBYE)

    async def _list(self) -> list[Tool]:
        local = is_loopback(urlsplit(self.url).hostname or "")
        http = _WatchedClient(
            self.seen,
            headers=self.headers,
            timeout=self.timeout,
            trust_env=not local,  # a proxy is for the way out
            event_hooks={"response": [self.seen.response]},
        )
        async with http, Client(streamable_http_client(self.url, http_client=http)) as client:
            self.protocol = client.protocol_version
            return await _all_tools(client)


class _WatchedClient(httpx2.AsyncClient):
    """Remembers why a request did not get through: the SDK tells only that it did not."""

    def __init__(self, seen: Seen, **settings: Any) -> None:
        super().__init__(**settings)
        self._seen = seen

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        try:
            return await super().send(request, **options)
        except httpx2.TransportError as error:
            if request.method == "POST":
                self._seen.failure = error
            raise


async def _all_tools(client: Client) -> list[Tool]:
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools.extend(page.tools)
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools
