"""Resources and prompts of a server as functions that a model calls, like any tool of the server.

They stand in the server's listing, so whatever is true of its tools is true of them: there is no second way.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mcpbridge.adapters.mcp_servers import resources
from mcpbridge.adapters.mcp_servers.calling import Caller
from mcpbridge.adapters.mcp_servers.connection import Connection
from mcpbridge.adapters.mcp_servers.content import Parts, fill_blocks
from mcpbridge.adapters.mcp_servers.listing import Listed
from mcpbridge.adapters.mcp_servers.rounds import NotAnswered
from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.core.offered import FUNCTIONS, names
from mcpbridge.core.question import visible
from mcpbridge.ports import Json, ToolAnswer

_TAKEN: Final = (
    "a function of mcpbridge has that name (offer: {}); to use the server's own tool instead, remove {} from "
    "offer"
)
_LACKING: Final = "the server has no {}"
_SHOWN: Final = (
    "uri", "uriTemplate", "name", "title", "description", "mimeType", "size", "annotations", "arguments",
)  # fmt: skip
"""Of an entry. Icons and whatever else a server adds are not for a model."""
_RESERVE: Final = 2_048
"""Bytes kept for saying how a list goes on."""
_CURSOR: Final = 1_500
"""Characters of a cursor that is passed on; see `_CURSOR` of core/offered.py."""
_MESSAGES: Final = 200
"""Of one prompt."""


def with_offered(connection: Connection, listed: Listed) -> Listed:
    """The listing with our functions in it. Their names are taken, also from a server's own tools: a rule
    about `label.read_resource` is about reading a resource, and about nothing else."""
    server = connection.server
    ours = {function.name: offer for offer in server.offer for function in FUNCTIONS[offer]}
    left_out: dict[str, str] = {}
    for offer in server.offer:
        if not _has(connection, offer):
            left_out |= dict.fromkeys((one.name for one in FUNCTIONS[offer]), _LACKING.format(offer))
    added = tuple(
        replace(one, server_identity=server.identity)
        for offer in server.offer
        for one in FUNCTIONS[offer]
        if one.name not in left_out
    )
    for tool in listed.tools:
        if tool.name in ours:
            offer = ours[tool.name]
            left_out[tool.name] = _TAKEN.format(offer, offer)
    kept = tuple(tool for tool in listed.tools if tool.name not in ours)
    return replace(
        listed, tools=kept + added, left_out=left_out, offered=tuple(function.name for function in added)
    )


def _has(connection: Connection, offer: str) -> bool:
    """Whether the server says that it has any; one whose protocol is fixed has said nothing."""
    return connection.assumed or getattr(connection.client.server_capabilities, offer) is not None


class OfferingCaller(Caller):
    """A Caller that knows our functions too: their calls fail, and are lost, as those of tools are."""

    def __init__(self, connection: Connection, schemas: Mapping[str, Mapping[str, Any] | None]) -> None:
        super().__init__(connection, schemas)
        self._ours = names(connection.server.offer)

    async def _rounds(self, name: str, arguments: Json, meta: Json, sending: Sending) -> ToolAnswer:
        if name not in self._ours:
            return await super()._rounds(name, arguments, meta, sending)
        reading = _Reading(connection=self._connection, arguments=arguments, meta=meta, sending=sending)
        try:
            parts = await _READERS[name](reading)
        except NotAnswered as why:
            text = f"[mcpbridge: {self._connection.server.label}: {name} was not finished: {why}]"
            return ToolAnswer(parts=text, is_error="protocol", size=len(text))
        return ToolAnswer(parts=parts.done(), truncated=parts.truncated, size=parts.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One call of one of our functions."""

    connection: Connection
    arguments: Json
    meta: Json
    sending: Sending

    async def resource(self) -> Parts:
        uri = str(self.arguments["uri"])
        found = await resources.contents(self.connection, uri, self.sending, self.meta)
        return resources.parts_of(found, self.connection.server.bounds)

    async def prompt(self) -> Parts:
        given: Mapping[str, str] = self.arguments.get("arguments") or {}
        found = await resources.filled_in(
            self.connection, str(self.arguments["name"]), given, self.sending, self.meta
        )
        parts, count = Parts(self.connection.server.bounds), len(found.messages)
        for number, message in enumerate(found.messages[:_MESSAGES], start=1):
            if parts.truncated:
                break
            parts.note(f"message {number} of {count}, written by the server for the role {message.role}")
            fill_blocks(parts, [message.content])
        if count > _MESSAGES:
            parts.truncated = True
        if not count:
            parts.note("the prompt has no messages")
        return parts

    async def listed(self, kind: resources.Kind) -> Parts:
        """Page after page as long as they fit, and how to go on."""
        bounds = self.connection.server.bounds
        parts, seen = Parts(bounds), set[str]()
        room = max(bounds.result_bytes - _RESERVE, bounds.result_bytes // 2)
        cursor: str | None = self.arguments.get("cursor")
        for number in range(bounds.pages):
            found, following = await resources.page(self.connection, kind, cursor, self.meta)
            lines = [json.dumps(_shown(one), ensure_ascii=False) for one in found]
            if number and parts.size + _size(lines) > room:
                break
            _put(parts, lines, room)
            if not following:
                return _whole(parts)
            if following in seen:
                parts.note("the list leads back to a page that was shown before, so it ends here")
                return parts
            seen.add(following)
            cursor = following
            if parts.truncated:
                break
        return _going_on(parts, cursor or "")


_READERS: Final[Mapping[str, Callable[[_Reading], Awaitable[Parts]]]] = {
    "list_resources": lambda reading: reading.listed("resources"),
    "list_resource_templates": lambda reading: reading.listed("resource_templates"),
    "read_resource": _Reading.resource,
    "list_prompts": lambda reading: reading.listed("prompts"),
    "get_prompt": _Reading.prompt,
}


def _shown(entry: Json) -> Json:
    return {name: entry[name] for name in _SHOWN if name in entry}


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode("utf-8", "surrogatepass")) + 1 for line in lines)


def _put(parts: Parts, lines: Sequence[str], room: int) -> None:
    """As many entries as there is room for. One that is cut in the middle would be no JSON."""
    used, kept = parts.size, 0
    for line in lines:
        used += _size([line])
        if used > room:
            parts.truncated = True
            break
        kept += 1
    if kept:
        parts.text("\n".join(lines[:kept]))
    parts.size += _size(lines[kept:])


def _whole(parts: Parts) -> Parts:
    if not parts.size:
        parts.note("the server lists none")
    return parts


def _going_on(parts: Parts, cursor: str) -> Parts:
    """The cursor is the server's word, so it does not stand in a sentence of ours."""
    if len(cursor) > _CURSOR or visible(cursor, newlines=False) != cursor:
        parts.truncated = True
        parts.note("the list goes on, with a cursor that cannot be passed on")
        return parts
    parts.note("the list goes on; call again with this cursor")
    parts.text(json.dumps({"cursor": cursor}, ensure_ascii=False))
    return parts
