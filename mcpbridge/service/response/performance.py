"""One response being made: list tools, execute what was approved, then let the model act until it is done."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from mcpbridge.service.brains.acts import (
    Act,
    Amend,
    Announce,
    CallFunction,
    Draw,
    End,
    Produce,
    Refuse,
    Say,
    Think,
    UseMcp,
    Wait,
    admitted,
)
from mcpbridge.service.brains.brain import Brain
from mcpbridge.service.errors import ApiError, tool_list_failed
from mcpbridge.service.items.checks import Approval, CheckedInput
from mcpbridge.service.items.pairing import waits_for_client
from mcpbridge.service.items.reasoning import Sealer
from mcpbridge.service.items.sight import Seen, Sight, result_of, tools_in
from mcpbridge.service.mcp.hosted import HostedMcp, Outcome, protocol_error
from mcpbridge.service.quirks import Quirk
from mcpbridge.service.request.create import CreateRequest
from mcpbridge.service.request.tools import McpDeclaration
from mcpbridge.service.response.obligations import calls_of, refuse_answer, refuse_call, refuse_end, used_up
from mcpbridge.service.response.pictures import drawn, sketches
from mcpbridge.service.wire import Ids, Item, is_object

_PASSES = 32  # a brain that feeds itself for ever ends with an error instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A hosted operation starts; the item is not finished. `renamed`: its events have the names that some
    other servers give them; `partial` are pictures on the way to the last one, in base64."""

    item: Item
    renamed: bool = False
    partial: tuple[str, ...] = ()


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
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the service stops: nothing waits any longer."""
    output: list[Item] = field(default_factory=list[Item])
    end: End | None = None
    """None: completed."""
    extra: Item = field(default_factory=Item)
    thoughts: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """What the reasoning of the output hides, by item id: a stored response keeps it."""
    _tools: dict[str, list[Item]] = field(default_factory=dict[str, list[Item]])
    _results: list[Seen] = field(default_factory=list[Seen])
    _waiting: bool = False
    _pass_began: int = 0
    """The length of the output when the model last saw results: what follows is one act of it."""

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
        self._tell_what_is_withheld()
        async for happening in self._list_tools():
            yield happening
        async for happening in self._answer_approved():
            yield happening
        if self._waiting or self._falls_silent():
            return
        for _ in range(_PASSES):
            async for happening in self._one_pass():
                yield happening
            if self._waiting or not self._results or self.end is not None:
                if self.end is None:
                    refuse_end(self.request, self.output)
                return
            self.looked = self.looked.aware()
        raise ApiError(f"The script did not come to an end in {_PASSES} passes.", code="script_loops")

    async def _one_pass(self) -> AsyncIterator[Happening]:
        self._take_in()
        self._pass_began = len(self.output)
        async for act in self.brain.act(self):
            async for happening in self._perform(admitted(act)):
                yield happening

    def _tell_what_is_withheld(self) -> None:
        if self.checked.withheld:
            removed = {"type": "reasoning", "action": "removed", "reason": "prefix_mismatch"}
            self.extra["input_transformations"] = [{"id": one, **removed} for one in self.checked.withheld]

    def _falls_silent(self) -> bool:
        quirk = Quirk.EMPTY_AFTER_DENIAL in self.checked.quirks
        return quirk and self.checked.ends_in_denial and not self._results

    def _take_in(self) -> None:
        """What has come in is known, and no longer waits to be told."""
        self.looked, self._results = self.sight, []

    async def _list_tools(self) -> AsyncIterator[Happening]:
        replayed = {
            item["server_label"]: item["tools"]
            for item in self.checked.items
            if item.get("type") == "mcp_list_tools"
        }
        for server in self.request.servers:
            if server.label in replayed:
                self._tools[server.label] = await self._pinned(server, replayed[server.label])
                continue
            item: Item = {"type": "mcp_list_tools", "id": self.ids.new("mcpl"), "server_label": server.label}
            yield Begun(item={**item, "tools": []})
            try:
                tools = await self._tools_of(server)
            except ApiError as error:
                yield Finished(item={**item, "tools": [], "error": error.message})
                raise
            self._tools[server.label] = [tool for tool in tools if server.allowed.matches(tool)]
            listing = {**item, "tools": self._tools[server.label], "error": None}
            self.looked = Sight(seen=(*self.looked.seen, tools_in(listing)), fresh=self.looked.fresh)
            yield self._emit(listing)

    async def _pinned(self, server: McpDeclaration, replayed: Sequence[Item]) -> list[Item]:
        """The tools of a list that the client sent back: as it pinned them, but within `allowed_tools` and,
        where a filter goes by annotations, with the server's own. Raises ApiError 424."""
        if server.trusts_annotations:
            listed = {tool["name"]: tool.get("annotations") for tool in await self._tools_of(server)}
            replayed = [
                {**tool, "annotations": listed[tool["name"]]} for tool in replayed if tool["name"] in listed
            ]
        return [tool for tool in replayed if server.allowed.matches(tool)]

    async def _tools_of(self, server: McpDeclaration) -> list[Item]:
        if self.checked.quirks.strikes(Quirk.MCP_424, server.label):
            raise tool_list_failed(server.label, 424, "Failed Dependency")
        return await self.hosted.list_tools(server)

    async def _answer_approved(self) -> AsyncIterator[Happening]:
        for approval in self.checked.approvals:
            if not approval.live:
                continue
            if Quirk.ASKS_AGAIN_REWORDED in self.checked.quirks:
                if approval.new:
                    yield self._emit(self._asked_again(approval))
                continue
            request = approval.request
            label, name, arguments = request["server_label"], request["name"], request["arguments"]
            async for happening in self._execute(label, name, arguments, request["id"]):
                yield happening

    def _asked_again(self, approval: Approval) -> Item:
        return {
            **approval.request,
            "id": self._new_id("mcpr"),
            "arguments": reworded(approval.request["arguments"]),
        }

    async def _perform(self, act: Act) -> AsyncIterator[Happening]:
        match act:
            case UseMcp(server_label=label, name=name, arguments=arguments):
                async for happening in self._use_mcp(label, name, arguments):
                    yield happening
            case Announce(event=event):
                yield Told(event=event)
            case Amend() | End():
                self._note(act)
            case Wait(seconds=seconds):
                await wait(self.closing, seconds)
            case Draw(prompt=prompt):
                async for happening in self._draw(prompt):
                    yield happening
            case _:
                yield self._emit(self._item(act))

    def _note(self, act: Amend | End) -> None:
        if isinstance(act, Amend):
            self.extra.update(act.fields)
        else:
            self.end = act

    def _check_call(self, item: Item) -> None:
        """Before it is called. Raises ApiError when the request does not allow it."""
        refuse_call(self.request, calls_of(item), self.output[self._pass_began :])

    def _item(self, act: Think | CallFunction | Say | Refuse | Produce) -> Item:
        if isinstance(act, Think):
            return self._reasoning(act)
        item = self._spoken(act)
        self._check_call(item)
        if isinstance(act, Say) and act.phase != "commentary":
            refuse_answer(self.request, act.text)
        self._take_in()
        return item

    def _spoken(self, act: CallFunction | Say | Refuse | Produce) -> Item:
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
        thought = act.summary if act.thought is None else act.thought
        self.thoughts[item_id] = thought
        if self.request.encrypted_reasoning and Quirk.NO_ENCRYPTED_REASONING not in self.checked.quirks:
            item["encrypted_content"] = self.sealer.seal(
                thought, item_id=item_id, binding=self.checked.binding
            )
        return item

    async def _use_mcp(self, label: str, tool: str, arguments: str) -> AsyncIterator[Happening]:
        silenced = self.checked.quirks.strikes(Quirk.SILENT_SERVER, label)
        if silenced or used_up(self.request, self.output):
            return
        self._check_call({"type": "mcp_call", "server_label": label, "name": tool})
        server = self.request.server(label)
        listed = self._listed(label, tool) or {"name": tool}
        again = self._approved_before(label, tool, arguments)
        if again is None and (server is None or server.asks_before(listed)):
            request = {"type": "mcp_approval_request", "id": self._new_id("mcpr"), "server_label": label}
            yield self._emit({**request, "name": tool, "arguments": arguments})
            return
        async for happening in self._execute(label, tool, arguments, again):
            yield happening

    def _approved_before(self, label: str, tool: str, arguments: str) -> str | None:
        """The approval, used or not, under which a server with this fault runs the same call again."""
        if Quirk.APPROVAL_REUSED not in self.checked.quirks:
            return None
        wanted = (label, tool, arguments)
        requests = [approval.request for approval in self.checked.approvals if approval.approve]
        same = (one for one in requests if (one["server_label"], one["name"], one["arguments"]) == wanted)
        return next((str(one["id"]) for one in same), None)

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
        renamed = Quirk.OTHER_STREAM_NAMES in self.checked.quirks
        yield Begun(item={**item, "status": "in_progress"}, renamed=renamed)
        outcome = await self._outcome(self.request.server(label), name, arguments)
        status = "failed" if outcome.error is not None else "completed"
        call = {**item, "output": outcome.output, "error": outcome.error, "status": status}
        self._results.append(result_of(call))
        yield self._emit(call)

    async def _draw(self, prompt: str) -> AsyncIterator[Happening]:
        tool = self.request.image_tool
        if tool is None:
            message = "The model of this local service drew, but no image_generation tool was declared."
            raise ApiError(message, param="tools", code="model_disobeys")
        if used_up(self.request, self.output):
            return
        item: Item = {"type": "image_generation_call", "id": self._new_id("ig")}
        self._check_call(item)
        begun = {**item, "status": "in_progress", "result": None}
        yield Begun(item=begun, partial=tuple(sketches(prompt, tool)))
        yield self._emit({**item, "status": "completed", **drawn(prompt, tool)})

    async def _outcome(self, server: McpDeclaration | None, name: str, arguments: str) -> Outcome:
        if server is None or self._listed(server.label, name) is None:
            return protocol_error(f"Unknown tool: {name}")
        return await self.hosted.call(server, name, arguments)

    def _listed(self, label: str, name: str) -> Item | None:
        return next((tool for tool in self._tools.get(label, []) if tool.get("name") == name), None)

    def _emit(self, item: Item) -> Finished:
        self.output.append(item)
        self._waiting = self._waiting or waits_for_client(item)
        return Finished(item=item)

    def _new_id(self, prefix: str) -> str:
        """Names the reasoning before it, where the client can send that again: without ciphertext, and
        stored nowhere, it cannot."""
        previous = self.output[-1] if self.output else {}
        follows = previous.get("type") == "reasoning" and (
            "encrypted_content" in previous or self.request.store
        )
        return self.ids.new(prefix, after_reasoning=previous.get("id") if follows else None)


async def wait(closing: asyncio.Event, seconds: float) -> None:
    """So long, or until the service stops."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await closing.wait()


def reworded(arguments: str) -> str:
    """The same call in other words: its first text is one character longer, or, without one, its layout."""
    try:
        fields: object = json.loads(arguments)
    except ValueError:
        fields = None
    if is_object(fields):
        for name, value in fields.items():
            if isinstance(value, str):
                return json.dumps({**fields, name: f"{value}."}, ensure_ascii=False)
    return f"{arguments} "
