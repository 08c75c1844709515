"""Resources and prompts of a server: read for a program (`ServerToolbox.resources`, …) and for `offering`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar, cast

from mcp import MCPError
from mcp_types import (
    METHOD_NOT_FOUND,
    GetPromptResult,
    InputRequiredResult,
    InputResponses,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceResult,
    RequestParamsMeta,
    TextResourceContents,
)

from mcpbridge.adapters.mcp_servers.connection import Connection
from mcpbridge.adapters.mcp_servers.content import Parts, add_resource, fill_blocks
from mcpbridge.adapters.mcp_servers.failures import not_connected
from mcpbridge.adapters.mcp_servers.listing import all_pages
from mcpbridge.adapters.mcp_servers.rounds import NotAnswered, until_answered
from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.adapters.mcp_servers.settings import Bounds
from mcpbridge.errors import ServerError, ServerUnavailable
from mcpbridge.ports import Json

_T = TypeVar("_T")
Kind = Literal["resources", "resource_templates", "prompts"]
Page = ListResourcesResult | ListResourceTemplatesResult | ListPromptsResult


async def resources(connection: Connection) -> tuple[Json, ...]:
    """All pages, as plain JSON: `uri`, `name`, `description`, `mimeType`, …"""
    return await _all(connection, "resources")


async def templates(connection: Connection) -> tuple[Json, ...]:
    """All pages, as plain JSON: `uriTemplate`, `name`, `description`, `mimeType`, …"""
    return await _all(connection, "resource_templates")


async def prompts(connection: Connection) -> tuple[Json, ...]:
    """All pages, as plain JSON: `name`, `description`, `arguments`, …"""
    return await _all(connection, "prompts")


async def read(connection: Connection, uri: str) -> str | list[dict[str, Any]]:
    """What stands at `uri`, as content parts, cut like a tool's result."""
    found = await _bounded(connection, lambda sending: contents(connection, uri, sending, {}))
    return parts_of(found, connection.server.bounds).done()


async def prompt(
    connection: Connection, name: str, arguments: Mapping[str, str]
) -> tuple[tuple[str, str | list[dict[str, Any]]], ...]:
    """The messages, each as its role and content parts."""
    found = await _bounded(connection, lambda sending: filled_in(connection, name, arguments, sending, {}))
    messages: list[tuple[str, str | list[dict[str, Any]]]] = []
    for message in found.messages:
        parts = Parts(connection.server.bounds)
        fill_blocks(parts, [message.content])
        messages.append((message.role, parts.done()))
    return tuple(messages)


async def contents(connection: Connection, uri: str, sending: Sending, meta: Json) -> ReadResourceResult:
    """`resources/read`, with the rounds of the newer era. Raises NotAnswered, and what the SDK does."""

    async def round_(
        answers: InputResponses | None, state: str | None
    ) -> ReadResourceResult | InputRequiredResult:
        return await connection.client.session.read_resource(
            uri, input_responses=answers, request_state=state, meta=_meta(meta), allow_input_required=True
        )

    return await _until_answered(connection, round_, sending)


async def filled_in(
    connection: Connection, name: str, arguments: Mapping[str, str], sending: Sending, meta: Json
) -> GetPromptResult:
    """`prompts/get`, in the same way."""

    async def round_(
        answers: InputResponses | None, state: str | None
    ) -> GetPromptResult | InputRequiredResult:
        return await connection.client.session.get_prompt(
            name,
            dict(arguments),
            input_responses=answers,
            request_state=state,
            meta=_meta(meta),
            allow_input_required=True,
        )

    return await _until_answered(connection, round_, sending)


def parts_of(found: ReadResourceResult, bounds: Bounds) -> Parts:
    """Texts as they are, anything else as an image or a file. Nothing is fetched."""
    parts = Parts(bounds)
    for content in found.contents:
        if isinstance(content, TextResourceContents):
            parts.text(content.text)
        else:
            add_resource(parts, content)
    return parts


async def page(
    connection: Connection, kind: Kind, cursor: str | None, meta: Json
) -> tuple[list[Json], str | None]:
    """One page, as plain JSON, and the cursor of the next one."""
    found = await _page(connection, kind, cursor, meta)
    return _entries(found), found.next_cursor


async def _all(connection: Connection, kind: Kind) -> tuple[Json, ...]:
    server = connection.server
    capability = "prompts" if kind == "prompts" else "resources"
    if getattr(connection.client.server_capabilities, capability) is None and not connection.assumed:
        return ()

    async def one(cursor: str | None) -> Page:
        return await _page(connection, kind, cursor, {})

    pages = await _bounded(
        connection,
        lambda _: all_pages(one, label=server.label, pages=server.bounds.pages, what=kind.replace("_", " ")),
    )
    return tuple(entry for each in pages for entry in _entries(each))


async def _page(connection: Connection, kind: Kind, cursor: str | None, meta: Json) -> Page:
    params = PaginatedRequestParams(cursor=cursor, _meta=_meta(meta))
    session = connection.client.session
    match kind:
        case "resources":
            return await session.list_resources(params=params)
        case "resource_templates":
            try:
                return await session.list_resource_templates(params=params)
            except MCPError as error:
                if error.code != METHOD_NOT_FOUND:
                    raise
                return ListResourceTemplatesResult(
                    resource_templates=[]
                )  # many know resources, and not these
        case "prompts":
            return await session.list_prompts(params=params)


def _entries(found: Page) -> list[Json]:
    match found:
        case ListResourcesResult():
            entries: list[Any] = list(found.resources)
        case ListResourceTemplatesResult():
            entries = list(found.resource_templates)
        case ListPromptsResult():
            entries = list(found.prompts)
    return [entry.model_dump(by_alias=True, mode="json", exclude_unset=True) for entry in entries]


def _meta(meta: Json) -> RequestParamsMeta | None:
    return cast("RequestParamsMeta | None", dict(meta) or None)


async def _until_answered(
    connection: Connection,
    round_: Callable[[InputResponses | None, str | None], Awaitable[_T | InputRequiredResult]],
    sending: Sending,
) -> _T:
    rounds = connection.server.bounds.rounds
    return await until_answered(round_, connection.questions, sending, rounds=rounds)


async def _bounded(connection: Connection, ask: Callable[[Sending], Awaitable[_T]]) -> _T:
    """Within the bounds of a listing. Raises ServerUnavailable and its kin: reading changes nothing."""
    server = connection.server
    sending = Sending(limit=server.bounds.answer_bytes)
    connection.begin(sending)
    try:
        async with sending.within(server.bounds.listing):
            return await ask(sending)
    except ServerError:
        raise
    except NotAnswered as why:
        raise ServerUnavailable(f"{server.label}: {why}", server_label=server.label) from None
    except Exception as error:  # boundary: whatever a server provokes in the SDK; told by name
        raise not_connected(server.label, error, sending, connection.errors.last) from error
    finally:
        connection.end(sending)
        if sending.session_lost:
            connection.retire()
