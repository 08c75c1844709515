"""Hosted tools against their pins: what the provider listed in this conversation, and listing anew.

Replaying `mcp_list_tools` pins the tools at the provider (WIRE §4.7): it does not ask the server again, so a
changed definition would never be seen. So the listings of earlier turns are not sent when a new turn begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import Declared, HostedServer
from mcpbridge.core.items import ApprovalRequest, Item, ToolListing, decode
from mcpbridge.core.raw import mapping
from mcpbridge.policy.pins import Seen


def seen(request: ApprovalRequest, conversation: Conversation, declared: Declared) -> Seen:
    """The tool of `request`, as first and as last listed here."""
    server = declared.servers[request.server_label]
    listings = list(_listings(conversation, server))
    if not listings:
        return Seen(now=None, first=None)
    if len(listings) == 1:
        now = _definition(listings[0], request.name, server)
        return Seen(now=now, first=now)
    # Tools that are loaded on demand come piece by piece, so only a definition can have changed there.
    earlier, latest = (listings, listings[::-1]) if server.deferred else (listings[:1], listings[-1:])
    return Seen(now=_shown(latest, request.name, server), first=_shown(earlier, request.name, server))


def _shown(listings: Sequence[Item], name: str, server: HostedServer) -> ToolDefinition | None:
    """The definition in the first of these listings that has one."""
    found = (_definition(listing, name, server) for listing in listings)
    return next((one for one in found if one is not None), None)


def _listings(conversation: Conversation, server: HostedServer) -> Iterator[Item]:
    for entry in conversation.entries:
        item = entry.item
        if (
            item.get("type") == "mcp_list_tools"
            and item.get("server_label") == server.label
            and not item.get("error")
        ):
            yield item


def _definition(listing: Item, name: str, server: HostedServer) -> ToolDefinition | None:
    tools = [tool for tool in cast("list[Mapping[str, Any]]", listing["tools"]) if tool.get("name") == name]
    decoded = decode({**listing, "tools": tools[:1]})
    assert isinstance(decoded, ToolListing)
    return replace(decoded.tools[0], server_identity=server.identity) if decoded.tools else None


def without_listings(conversation: Conversation) -> Conversation:
    """The conversation as it is sent when the provider shall list the tools anew. Nothing is forgotten."""
    if not conversation.tools:
        return conversation  # nothing was ever listed
    stale = [
        index
        for index, entry in enumerate(conversation.entries)
        if entry.sent and mapping(entry.item).get("type") == "mcp_list_tools"
    ]
    if not stale:
        return conversation
    entries = list(conversation.entries)
    for index in stale:
        entries[index] = replace(entries[index], sent=())
    return replace(conversation, entries=tuple(entries))
