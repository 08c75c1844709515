"""One response being made: list tools, execute what was approved, then let the model act until it is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from mcpbridge.service.brains.acts import (
    Act,
    Amend,
    Announce,
    CallFunction,
    End,
    Produce,
    Refuse,
    Say,
    Think,
    UseMcp,
)
from mcpbridge.service.brains.brain import Brain
from mcpbridge.service.errors import ApiError
from mcpbridge.service.hosted_mcp import HostedMcp, Outcome, protocol_error
from mcpbridge.service.input import CheckedInput
from mcpbridge.service.reasoning import Sealer
from mcpbridge.service.request import CreateRequest
from mcpbridge.service.sight import Seen, Sight, result_of, tools_in
from mcpbridge.service.tools import McpDeclaration
from mcpbridge.service.wire import Ids, Item

_PASSES = 32  # a brain that feeds itself for ever ends with an error instead
_WAITS_FOR_CLIENT = frozenset(
    [
        "function_call",
        "custom_tool_call",
        "computer_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
        "mcp_approval_request",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A hosted operation starts; the item is not finished."""

    item: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """An output item as it will stand in the response."""

    item: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A stream event that the script wants sent."""

    event: Item


Happening: TypeAlias = Begun | Finished | Told


@dataclass(slots=True, kw_only=True)
class Performance:
    """Plays one response; it is the Scene its brain looks at.

    Consume `play()` to its end; then output and `end` are final. `visible` are the items of the input that
    the model sees.
    """

    request: CreateRequest
    checked: CheckedInput
    visible: Sequence[Item]
    looked: Sight
    brain: Brain
    hosted: HostedMcp
    sealer: Sealer
    ids: Ids
    output: list[Item] = field(default_factory=list[Item])
    end: End | None = None
    """None: completed."""
    extra: Item = field(default_factory=Item)
    _tools: dict[str, list[Item]] = field(default_factory=dict[str, list[Item]])
    _results: list[Seen] = field(default_factory=list[Seen])
    _waiting: bool = False

    @property
    def sight(self) -> Sight:
        return self.looked.plus(*self._results)

    @property
    def items(self) -> Sequence[Item]:
        return (*self.visible, *self.output)

    @property
    def listed(self) -> Mapping[str, Sequence[Item]]:
        return self._tools

    async def play(self) -> AsyncIterator[Happening]:
        """Raises ApiError when a tool list cannot be read or the brain knows no answer."""
        async for happening in self._list_tools():
            yield happening
        async for happening in self._execute_approved():
            yield happening
        for _ in range(_PASSES):
            self._take_in()
            async for act in self.brain.act(self):
                async for happening in self._perform(act):
                    yield happening
            if self._waiting or not self._results or self.end is not None:
                return
            self.looked = self.looked.aware()
        raise ApiError(f"The script did not come to an end in {_PASSES} passes.", code="script_loops")

    def _take_in(self) -> None:
        """What has come in is known, and no longer waits to be told."""
        self.looked, self._results = self.sight, []

    async def _list_tools(self) -> AsyncIterator[Happening]:
        for replayed in self.checked.items:
            if replayed.get("type") == "mcp_list_tools":
                self._tools[replayed["server_label"]] = replayed["tools"]
        for server in self.request.servers:
            if server.label in self._tools:
                continue
            item: Item = {"type": "mcp_list_tools", "id": self.ids.new("mcpl"), "server_label": server.label}
            yield Begun(item={**item, "tools": []})
            try:
                tools = await self.hosted.list_tools(server)
            except ApiError as error:
                yield Finished(item={**item, "tools": [], "error": error.message})
                raise
            self._tools[server.label] = [tool for tool in tools if server.allowed.matches(tool)]
            listing = {**item, "tools": self._tools[server.label], "error": None}
            self.looked = Sight(seen=(*self.looked.seen, tools_in(listing)), fresh=self.looked.fresh)
            yield self._emit(listing)

    async def _execute_approved(self) -> AsyncIterator[Happening]:
        for approval in self.checked.approvals:
            if not approval.live:
                continue
            request = approval.request
            label, name, arguments = request["server_label"], request["name"], request["arguments"]
            async for happening in self._execute(label, name, arguments, request["id"]):
                yield happening

    async def _perform(self, act: Act) -> AsyncIterator[Happening]:
        match act:
            case UseMcp(server_label=label, name=name, arguments=arguments):
                async for happening in self._use_mcp(label, name, arguments):
                    yield happening
            case Announce(event=event):
                yield Told(event=event)
            case Amend(fields=fields):
                self.extra.update(fields)
            case End():
                self.end = act
            case Think():
                yield self._emit(self._reasoning(act))
            case CallFunction() | Say() | Refuse() | Produce():
                self._take_in()
                yield self._emit(self._item(act))

    def _item(self, act: CallFunction | Say | Refuse | Produce) -> Item:
        match act:
            case CallFunction():
                return {
                    "type": "function_call",
                    "id": self._new_id("fc"),
                    "call_id": self.ids.new("call")[:29],
                    "name": act.name,
                    "arguments": act.arguments,
                    "status": "completed",
                }
            case Say():
                part: Item = {"type": "output_text", "text": act.text, "annotations": [], "logprobs": []}
                return self._message(part, act.phase)
            case Refuse():
                return self._message({"type": "refusal", "refusal": act.text}, None)
            case Produce():
                return act.item

    def _message(self, part: Item, phase: str | None) -> Item:
        message = {"type": "message", "id": self._new_id("msg"), "status": "completed", "role": "assistant"}
        return {**message, "content": [part], **({"phase": phase} if phase else {})}

    def _reasoning(self, act: Think) -> Item:
        item_id = self.ids.new("rs")
        item: Item = {"type": "reasoning", "id": item_id, "summary": []}
        if act.summary:
            item["summary"].append({"type": "summary_text", "text": act.summary})
        if self.request.encrypted_reasoning:
            thought = act.summary if act.thought is None else act.thought
            item["encrypted_content"] = self.sealer.seal(thought, item_id=item_id, model=self.request.model)
        return item

    async def _use_mcp(self, label: str, tool: str, arguments: str) -> AsyncIterator[Happening]:
        server = self.request.server(label)
        listed = self._listed(label, tool) or {"name": tool}
        if server is None or server.asks_before(listed):
            request = {"type": "mcp_approval_request", "id": self._new_id("mcpr"), "server_label": label}
            yield self._emit({**request, "name": tool, "arguments": arguments})
            return
        async for happening in self._execute(label, tool, arguments, None):
            yield happening

    async def _execute(
        self, label: str, name: str, arguments: str, approval_request_id: str | None
    ) -> AsyncIterator[Happening]:
        item: Item = {
            "type": "mcp_call",
            "id": self._new_id("mcp"),
            "server_label": label,
            "name": name,
            "arguments": arguments,
            "approval_request_id": approval_request_id,
            "output": None,
            "error": None,
        }
        yield Begun(item={**item, "status": "in_progress"})
        outcome = await self._outcome(self.request.server(label), name, arguments)
        status = "failed" if outcome.error is not None else "completed"
        call = {**item, "output": outcome.output, "error": outcome.error, "status": status}
        self._results.append(result_of(call))
        yield self._emit(call)

    async def _outcome(self, server: McpDeclaration | None, name: str, arguments: str) -> Outcome:
        if server is None or self._listed(server.label, name) is None:
            return protocol_error(f"Unknown tool: {name}")
        return await self.hosted.call(server, name, arguments)

    def _listed(self, label: str, name: str) -> Item | None:
        return next((tool for tool in self._tools.get(label, []) if tool.get("name") == name), None)

    def _emit(self, item: Item) -> Finished:
        self.output.append(item)
        self._waiting = self._waiting or item.get("type") in _WAITS_FOR_CLIENT
        return Finished(item=item)

    def _new_id(self, prefix: str) -> str:
        previous = self.output[-1] if self.output else {}
        follows = previous["id"] if previous.get("type") == "reasoning" and "id" in previous else None
        return self.ids.new(prefix, after_reasoning=follows)
