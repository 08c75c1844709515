"""The bridged servers of one conversation: looked at before each request, and before each call is decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import BridgedServer, Declared
from mcpbridge.engine.events import Event, Notice
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.listings import record_listing, unlisted
from mcpbridge.engine.shelf import Shelf, remembered, shelve
from mcpbridge.errors import ServerError
from mcpbridge.ports import Listing, LocalTool, Toolbox

_MOST_TOLD: Final = 20
"""Notices about what one listing leaves out; a server may list thousands of such names."""


@dataclass(kw_only=True)
class Toolboxes:
    """The connections that all conversations of a bridge share, and what each server listed last."""

    openers: dict[str, Callable[[], Toolbox]] = field(default_factory=dict[str, Callable[[], Toolbox]])
    """Label → what makes its toolbox, when it is first used and after all were closed."""
    _open: dict[str, Toolbox] = field(default_factory=dict[str, Toolbox], init=False)
    _shelves: dict[str, tuple[Listing, Shelf]] = field(
        default_factory=dict[str, "tuple[Listing, Shelf]"], init=False
    )

    def box(self, label: str) -> Toolbox:
        """The connection to one server."""
        if label not in self._open:
            self._open[label] = self.openers[label]()
        return self._open[label]

    async def shelf(self, server: BridgedServer, *, fresh: bool) -> Shelf:
        """The server's tools; `fresh` as in `Toolbox.tools`. Raises ServerError."""
        box = self.box(server.label)
        listing = await box.tools(fresh=fresh)
        made = self._shelves.get(server.label)
        if made is None or made[0] is not listing or made[1].server != server:
            made = (listing, shelve(box, server, listing))
            self._shelves[server.label] = made
        return made[1]

    async def close(self, *labels: str) -> None:
        """Close these connections, or all; they open again when they are used again."""
        chosen = labels or tuple(self._open)
        boxes = [self._open.pop(label) for label in chosen if label in self._open]
        for label in chosen:
            self._shelves.pop(label, None)
        # Nobody else knows them any more: whoever stops waiting, they are closed.
        await asyncio.shield(asyncio.gather(*(box.close() for box in boxes)))


Watch = Callable[[Mapping[str, LocalTool]], Mapping[str, LocalTool]]


@dataclass(kw_only=True)
class Shelves:
    """What can run here in one turn of one conversation: Python functions, and tools of bridged servers."""

    toolboxes: Toolboxes
    declared: Declared
    own: Mapping[str, LocalTool]
    """Python functions, by name."""
    journal: Journal
    watch: Watch | None = None
    """What stands around each of them, for whoever looks on."""
    relist: bool = True
    """Whether servers are asked anew in each turn, whatever they announce."""
    _asked: set[str] = field(default_factory=set[str], init=False)
    """Servers that were asked in this turn."""
    _now: dict[str, Shelf] = field(default_factory=dict[str, Shelf], init=False)
    _lost: set[str] = field(default_factory=set[str], init=False)
    """Servers of which it was told that they cannot be reached."""

    def next_turn(self) -> None:
        """The user has spoken."""
        self._asked.clear()

    @property
    def tools(self) -> Mapping[str, LocalTool]:
        """Function name → what runs, as of the last look."""
        found: dict[str, LocalTool] = dict(self.own)
        for shelf in self._now.values():
            found.update(shelf.tools)
        return found if self.watch is None else self.watch(found)

    @property
    def functions(self) -> tuple[Mapping[str, Any], ...]:
        """The wire's function tools of the bridged servers, in the order in which these are declared."""
        shelves = [self._now[label] for label in self.declared.bridged if label in self._now]
        return tuple(function for shelf in shelves for function in shelf.functions)

    def needed(self, conversation: Conversation) -> set[str]:
        """The servers whose tools the pending calls name."""
        names = (call.name for call in conversation.pending)
        labels = {conversation.bridged[name].server_label for name in names if name in conversation.bridged}
        return labels & self.declared.bridged.keys()

    async def look(
        self, conversation: Conversation, labels: Iterable[str]
    ) -> tuple[Conversation, list[Event]]:
        """Ask servers for their tools, side by side; what is new or changed is on record when it returns.

        A server that was listed here before, and cannot be reached now, stops nothing: a call will tell the
        model. One that never was raises ServerError, unless it is optional.
        """
        servers = [self.declared.bridged[label] for label in labels]
        if len(servers) == 1:  # the usual case, without a task of its own
            found = [await self._shelf(servers[0])]
        else:
            found = await asyncio.gather(*(self._shelf(server) for server in servers))
        events: list[Event] = []
        for server, shelf in zip(servers, found, strict=True):
            if isinstance(shelf, ServerError):
                events += await self._unavailable(conversation, server, shelf)
                continue
            self._now[server.label] = shelf
            self._lost.discard(server.label)
            conversation, told = await self._taken(conversation, shelf)
            events += told
        return conversation, events

    async def _shelf(self, server: BridgedServer) -> Shelf | ServerError:
        fresh = self.relist and server.label not in self._asked
        try:
            found = await self.toolboxes.shelf(server, fresh=fresh)
        except ServerError as error:
            return error
        self._asked.add(server.label)
        return found

    async def _taken(self, conversation: Conversation, shelf: Shelf) -> tuple[Conversation, list[Event]]:
        server = shelf.server
        if conversation.tools.get(server.label) == shelf.hashes:
            return conversation, []
        after = conversation.listed(server.label, server.identity, shelf.hashes, shelf.new_to(conversation))
        definitions = [tool.definition for tool in shelf.tools.values()]
        event = await record_listing(
            conversation,
            after,
            server.label,
            definitions,
            self.journal,
            identity=server.identity,
            facts=shelf.facts,
        )
        known = conversation.tools.get(server.label)
        missing = unlisted(server.label, server.allowed_tools, {*shelf.hashes, *shelf.left_out}, known)
        return after, [event, *(_fallback(server) if known is None else []), *missing, *_left_out(shelf)]

    async def _unavailable(
        self, conversation: Conversation, server: BridgedServer, error: ServerError
    ) -> list[Event]:
        label = server.label
        if label not in self._lost:
            fields = {"server_label": label, "error": type(error).__name__, "reason": str(error)}
            await self.journal.note("server_unavailable", conversation, **fields)
        if label in conversation.tools:
            self._now.setdefault(label, remembered(self.toolboxes.box(label), server, conversation))
        elif not server.optional:
            raise error
        if label in self._lost:
            return []
        self._lost.add(label)
        return [Notice(type="server_unavailable", message=str(error), fields={"server_label": label})]


def _fallback(server: BridgedServer) -> list[Event]:
    if not server.fallback:
        return []
    message = f"{server.label} (via: auto) is connected to from here: {server.fallback}"
    return [Notice(type="capability_fallback", message=message, fields={"server_label": server.label})]


def _left_out(shelf: Shelf) -> list[Event]:
    label = shelf.server.label
    told: list[Event] = [
        Notice(
            type="tool_left_out",
            message=f"{label}.{name} is not offered to the model: {why}",
            fields={"server_label": label, "tool": name},
        )
        for name, why in islice(shelf.left_out.items(), _MOST_TOLD)
    ]
    more = len(shelf.left_out) - _MOST_TOLD
    if more > 0:
        message = f"not offered either: {more} more of {label}; the record of its listing says which, and why"
        told.append(Notice(type="tool_left_out", message=message, fields={"server_label": label}))
    return told
