"""One response being made: list tools, execute what was approved, then let the model act until it is done."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from mcpbridge.service.brain import Brain
from mcpbridge.service.errors import ApiError
from mcpbridge.service.hosted_mcp import HostedMcp, Outcome, protocol_error
from mcpbridge.service.input import CheckedInput
from mcpbridge.service.reasoning import Sealer
from mcpbridge.service.request import CreateRequest
from mcpbridge.service.script import (
    Arguments,
    CallStep,
    EventStep,
    Failure,
    ItemStep,
    McpStep,
    ReasoningStep,
    RefuseStep,
    ResponseStep,
    SayStep,
    StatusStep,
    Step,
)
from mcpbridge.service.sight import Seen, Sight, result_of, tools_in
from mcpbridge.service.templates import render, render_all
from mcpbridge.service.tools import McpDeclaration
from mcpbridge.service.wire import Ids, Item

_PASSES = 32  # a script whose rules feed each other for ever ends with an error instead
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
    """Plays one response. Consume `play()` to its end; then output, status and the rest are final."""

    request: CreateRequest
    checked: CheckedInput
    sight: Sight
    brain: Brain
    hosted: HostedMcp
    sealer: Sealer
    ids: Ids
    output: list[Item] = field(default_factory=list[Item])
    status: str = "completed"
    incomplete_reason: str = ""
    failure: Failure | None = None
    extra: Item = field(default_factory=Item)
    _tools: dict[str, list[Item]] = field(default_factory=dict[str, list[Item]])
    _results: list[Seen] = field(default_factory=list[Seen])
    _waiting: bool = False

    async def play(self) -> AsyncIterator[Happening]:
        """Raises ApiError when a tool list cannot be read or the script knows no answer."""
        async for happening in self._list_tools():
            yield happening
        async for happening in self._execute_approved():
            yield happening
        for _ in range(_PASSES):
            async for happening in self._act():
                yield happening
            if self._waiting or not self._results or self.status != "completed":
                return
            self.sight = self.sight.aware()
        raise ApiError(f"The script did not come to an end in {_PASSES} passes.", code="script_loops")

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
            self.sight = Sight(seen=(*self.sight.seen, tools_in(listing)), fresh=self.sight.fresh)
            yield self._emit(listing)

    async def _execute_approved(self) -> AsyncIterator[Happening]:
        for approval in self.checked.approvals:
            if not approval.live:
                continue
            request = approval.request
            label, name, arguments = request["server_label"], request["name"], request["arguments"]
            async for happening in self._execute(label, name, arguments, request["id"]):
                yield happening
        self.sight = self.sight.plus(*self._results)

    async def _act(self) -> AsyncIterator[Happening]:
        sight = self.sight.plus(*self._results) if not self.sight.fresh else self.sight
        steps = self.brain.next_steps(sight)
        if steps is None:
            message = f"No rule of the script fits. New to the model: {_summary(sight.fresh)}"
            raise ApiError(message, code="script_no_rule")
        self.sight = sight
        self._results = []
        for step in steps:
            async for happening in self._perform(step):
                yield happening

    async def _perform(self, step: Step) -> AsyncIterator[Happening]:
        sight = self.sight.plus(*self._results)
        if isinstance(step, McpStep):
            arguments = _encode(step.mcp.arguments, sight, self.ids)
            label, tool = (render(name, sight, self.ids) for name in (step.mcp.server, step.mcp.tool))
            async for happening in self._use_mcp(label, tool, arguments):
                yield happening
        elif isinstance(step, EventStep):
            yield Told(event=render_all(step.event, sight, self.ids))
        elif isinstance(step, ResponseStep):
            self.extra.update(render_all(step.response, sight, self.ids))
        elif isinstance(step, StatusStep):
            self.status, self.incomplete_reason, self.failure = step.status, step.reason, step.error
        else:
            if not isinstance(step, ReasoningStep):
                self._results = []
                self.sight = sight
            yield self._emit(self._item(step, sight))

    def _item(self, step: ReasoningStep | CallStep | SayStep | RefuseStep | ItemStep, sight: Sight) -> Item:
        match step:
            case ReasoningStep():
                return self._reasoning(step, sight)
            case CallStep():
                return {
                    "type": "function_call",
                    "id": self._new_id("fc"),
                    "call_id": self.ids.new("call")[:29],
                    "name": render(step.call.name, sight, self.ids),
                    "arguments": _encode(step.call.arguments, sight, self.ids),
                    "status": "completed",
                }
            case SayStep():
                text = render(step.say, sight, self.ids)
                part: Item = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
                return self._message(part, step.phase)
            case RefuseStep():
                return self._message(
                    {"type": "refusal", "refusal": render(step.refuse, sight, self.ids)}, None
                )
            case ItemStep():
                item: Item = render_all(step.item, sight, self.ids)
                return item

    def _message(self, part: Item, phase: str | None) -> Item:
        message = {"type": "message", "id": self._new_id("msg"), "status": "completed", "role": "assistant"}
        return {**message, "content": [part], **({"phase": phase} if phase else {})}

    def _reasoning(self, step: ReasoningStep, sight: Sight) -> Item:
        item_id = self.ids.new("rs")
        summary = render(step.reasoning, sight, self.ids)
        item: Item = {"type": "reasoning", "id": item_id, "summary": []}
        if summary:
            item["summary"].append({"type": "summary_text", "text": summary})
        if self.request.encrypted_reasoning:
            thought = summary if step.thought is None else render(step.thought, sight, self.ids)
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


def _encode(arguments: Arguments, sight: Sight, ids: Ids) -> str:
    if isinstance(arguments, str):
        return render(arguments, sight, ids)
    return json.dumps(render_all(arguments, sight, ids), ensure_ascii=False, separators=(",", ":"))


def _summary(fresh: Sequence[Seen]) -> str:
    return "; ".join(f"{one.kind} {one.name} {one.text[:80]}" for one in fresh) or "nothing"
