"""Resources and prompts of a server, read for a program. Nothing here reaches a model by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from mcp_types import (
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    PaginatedRequestParams,
    ReadResourceResult,
    TextResourceContents,
)

from mcpbridge.adapters.mcp_servers.connection import Connection
from mcpbridge.adapters.mcp_servers.content import Parts, add_resource, fill_blocks
from mcpbridge.adapters.mcp_servers.failures import not_connected
from mcpbridge.adapters.mcp_servers.listing import all_pages
from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.errors import ServerError
from mcpbridge.ports import Json

_T = TypeVar("_T")


async def resources(connection: Connection) -> tuple[Json, ...]:
    """All pages, as plain JSON: `uri`, `name`, `description`, `mimeType`, …"""
    if connection.client.server_capabilities.resources is None and not connection.assumed:
        return ()

    async def page(cursor: str | None) -> ListResourcesResult:
        params = PaginatedRequestParams(cursor=cursor)
        return await connection.client.session.list_resources(params=params)

    pages = await _bounded(connection, lambda: _pages(connection, page, "resources"))
    return tuple(_plain(each) for one in pages for each in one.resources)


async def prompts(connection: Connection) -> tuple[Json, ...]:
    """All pages, as plain JSON: `name`, `description`, `arguments`, …"""
    if connection.client.server_capabilities.prompts is None and not connection.assumed:
        return ()

    async def page(cursor: str | None) -> ListPromptsResult:
        params = PaginatedRequestParams(cursor=cursor)
        return await connection.client.session.list_prompts(params=params)

    pages = await _bounded(connection, lambda: _pages(connection, page, "prompts"))
    return tuple(_plain(each) for one in pages for each in one.prompts)


async def read(connection: Connection, uri: str) -> str | list[dict[str, Any]]:
    """What stands at `uri`, as content parts, cut like a tool's result."""

    async def ask() -> ReadResourceResult:
        return await connection.client.session.read_resource(uri)

    found = await _bounded(connection, ask)
    parts = Parts(connection.server.bounds)
    for content in found.contents:
        if isinstance(content, TextResourceContents):
            parts.text(content.text)
        else:
            add_resource(parts, content)
    return parts.done()


async def prompt(
    connection: Connection, name: str, arguments: Mapping[str, str]
) -> tuple[tuple[str, str | list[dict[str, Any]]], ...]:
    """The messages, each as its role and content parts."""

    async def ask() -> GetPromptResult:
        return await connection.client.session.get_prompt(name, dict(arguments))

    found = await _bounded(connection, ask)
    messages: list[tuple[str, str | list[dict[str, Any]]]] = []
    for message in found.messages:
        parts = Parts(connection.server.bounds)
        fill_blocks(parts, [message.content])
        messages.append((message.role, parts.done()))
    return tuple(messages)


async def _pages(
    connection: Connection, page: Callable[[str | None], Awaitable[Any]], what: str
) -> list[Any]:
    server = connection.server
    return await all_pages(page, label=server.label, pages=server.bounds.pages, what=what)


async def _bounded(connection: Connection, ask: Callable[[], Awaitable[_T]]) -> _T:
    """Within the bounds of a listing. Raises ServerUnavailable and its kin: reading changes nothing."""
    server = connection.server
    sending = Sending(limit=server.bounds.answer_bytes)
    connection.begin(sending)
    try:
        async with sending.within(server.bounds.listing):
            return await ask()
    except ServerError:
        raise
    except Exception as error:  # boundary: whatever a server provokes in the SDK; told by name
        raise not_connected(server.label, error, sending, connection.errors.last) from error
    finally:
        connection.end(sending)
        if sending.session_lost:
            connection.retire()


def _plain(model: Any) -> Json:
    plain: Json = model.model_dump(by_alias=True, mode="json", exclude_unset=True)
    return plain
