"""Gate: the same decisions and the same records, for people who have a loop of their own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from mcpbridge.adapters.approvers import DenyApprover
from mcpbridge.adapters.masking import masked_output
from mcpbridge.adapters.telemetry import Trace, watched_audit, watched_judge, watched_tools
from mcpbridge.adapters.terminal import TerminalApprover
from mcpbridge.bridge.assembly import AnyTool, Assembly, assemble, run_sync
from mcpbridge.bridge.reading import ServerReader
from mcpbridge.config import Configuration, SecretSources
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.items import Item
from mcpbridge.engine import received
from mcpbridge.engine.events import Event
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.settle import Settlement
from mcpbridge.engine.shelves import Shelves
from mcpbridge.errors import McpbridgeError, ProtocolViolation, UsageError
from mcpbridge.policy.pins import relists
from mcpbridge.ports import Approver, AuditSink, Clock, LocalTool

if TYPE_CHECKING:
    from mcpbridge.core.declared import Declared


OnEvent = Callable[["Event"], None]


class Gate:
    """Decides on the calls of one conversation whose loop is yours.

        response = await client.responses.create(…, tools=gate.tools(), input=items)
        items += response.output
        items += await gate.settle(response.output, user_text=prompt)

    Settle every response, in order: the gate remembers what it approved, and stops you where the
    provider ran something else. It cannot hold back a request that you send without it.
    """

    def __init__(
        self,
        assembly: Assembly,
        *,
        principal: str | None = None,
        conversation: Conversation | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        """Prefer `from_yaml`. `conversation` goes on with one; `on_event` is told what `settle` does."""
        self._assembly = assembly
        self._on_event = on_event
        self._conversation = conversation or assembly.new_conversation(principal)
        self._settling = asyncio.Lock()
        self._from = 0
        self._trace: Trace | None = None
        self._journal = Journal(sink=assembly.audit, run_id=assembly.clock.new_id("run"))
        self._shelves = self._looking()

    @classmethod
    def from_yaml(
        cls,
        path: str | Path | Configuration = "mcpbridge.yaml",
        *,
        tools: Iterable[AnyTool] = (),
        approver: Approver | None = None,
        principal: str | None = None,
        audit: AuditSink | None = None,
        sources: SecretSources | None = None,
        clock: Clock | None = None,
    ) -> Gate:
        """A gate from a configuration file. Without an `approver` it asks at the terminal if there is
        one and the file says `ask: terminal`; else nobody can be asked, which denies."""
        assembly = assemble(path, tools=tools, approver=approver, audit=audit, sources=sources, clock=clock)
        if assembly.approver is None:
            interactive = sys.stdin.isatty() and sys.stderr.isatty()
            assembly.approver = TerminalApprover(sys.stdin, sys.stderr) if interactive else DenyApprover()
        return cls(assembly, principal=principal)

    def new(self, *, principal: str | None = None) -> Gate:
        """A gate for another conversation, with the same policies, people and log."""
        return Gate(self._assembly, principal=principal)

    @property
    def conversation(self) -> Conversation:
        """What was settled so far."""
        return self._conversation

    @property
    def offered(self) -> Mapping[str, LocalTool]:
        """Function name → what runs here, as of the last `tools_async`."""
        return self._shelves.tools

    @property
    def conversation_id(self) -> str:
        """The id under which the audit holds this conversation."""
        return self._conversation.id

    def tools(self) -> list[dict[str, Any]]:
        """The `tools` of your request, credentials in clear: send them, do not keep or log them.

        Declared callables that are coroutines, and bridged servers, need `await tools_async()`.
        """
        if self._assembly.bridged():
            raise UsageError("bridged servers are asked for their tools; use `await gate.tools_async()`")
        found: list[dict[str, Any]] = run_sync_anywhere(self.tools_async())
        return found

    async def tools_async(self) -> list[dict[str, Any]]:
        """`tools()`, where credentials take time or servers are bridged, which are asked what they offer now.

        Raises ServerError where a bridged server cannot be reached that this gate has never seen.
        """
        async with self._settling:
            await self._look()
        return await self._assembly.tool_declarations().tools(bridged=self._shelves.functions)

    async def _look(self) -> None:
        bridged = {server.label for server in self._assembly.bridged()}
        if bridged:
            await self._assembly.announce()
            if set(self._shelves.declared.bridged) != bridged:
                self._shelves = self._looking()
            self._conversation, _ = await self._shelves.look(
                self._conversation, self._shelves.declared.bridged
            )

    def _looking(self) -> Shelves:
        parts = self._assembly
        return Shelves(
            toolboxes=parts.toolboxes,
            declared=parts.declared(),
            own=parts.tools,
            journal=self._journal,
            relist=relists(parts.policies.current()),
        )

    async def settle(self, items: Iterable[Any], *, user_text: str | None = None) -> list[dict[str, Any]]:
        """Decide on `response.output`, run the allowed functions, and return the input items to append.

        Takes the SDK's objects or plain dicts, only from a response with status `completed`. Raises
        ProtocolViolation where the provider broke the gate, AuditUnavailable where nothing can be
        recorded; then send nothing.
        """
        output = [plain_item(item) for item in items]
        async with self._settling:
            return await self._settle(output, user_text)

    async def _settle(self, output: list[Item], user_text: str | None) -> list[dict[str, Any]]:
        await self._assembly.announce()
        self._trace = self._assembly.telemetry.trace(self._conversation.id, whole_turn=False)
        sink = self._assembly.audit
        watched = sink if self._trace is None else watched_audit(sink, self._trace)
        if self._journal.sink is not watched:
            self._journal = replace(self._journal, sink=watched)
        declared = self._assembly.declared()
        masked = masked_output(self._assembly.mask, output)
        unsettled = self._conversation.pending or self._conversation.owed
        if unsettled and list(self._conversation.output) == masked["output"]:
            # The same response again, after a failure on the way: what was answered stays answered.
            return await self._answers(declared)
        before = self._spoken(user_text)
        try:
            taken = before.receive(masked, declared)
        except ProtocolViolation as error:
            await received.tripwire(before, masked, error, self._journal)
            raise
        self._conversation = received.owing(taken, self._journal)
        self._from = len(taken.entries)
        await received.record(before, taken, declared, self._journal)
        return await self._answers(declared)

    def server(self, label: str, *, principal: str | None = None) -> ServerReader:
        """As `Bridge.server`."""
        return ServerReader(self._assembly, label, principal=principal)

    def settle_sync(self, items: Iterable[Any], *, user_text: str | None = None) -> list[dict[str, Any]]:
        """`settle` from code that is not async, without bridged servers."""
        if self._assembly.bridged():
            raise UsageError("the connections to bridged servers need a running loop; `await gate.settle(…)`")
        found: list[dict[str, Any]] = run_sync(self.settle(items, user_text=user_text))
        return found

    async def on_approval_request(self, request: Any) -> Any:
        """For `HostedMCPTool(on_approval_request=gate.on_approval_request)` of the Agents SDK."""
        answers = await self.settle([request.data])
        answer = answers[0]
        if answer["approve"] is True:
            return {"approve": True}
        return {"approve": False, "reason": answer.get("reason", "")}

    async def close(self) -> None:
        """Close the audit log."""
        await self._assembly.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run_sync(self.close())

    def _spoken(self, user_text: str | None) -> Conversation:
        said = self._conversation.user_texts
        if user_text is None or (said and said[-1] == user_text):
            return self._conversation
        self._shelves.next_turn()
        return self._conversation.say(user_text)

    async def _answers(self, declared: Declared) -> list[dict[str, Any]]:
        parts, trace = self._assembly, self._trace
        for outcome in self._conversation.owed:
            await self._journal.pay(outcome)
            self._conversation = self._conversation.paid(outcome)
        self._shelves.watch = None if trace is None else partial(watched_tools, trace=trace)
        settlement = Settlement(
            conversation=self._conversation,
            declared=declared,
            tools=self._shelves.tools,
            shelves=self._shelves,
            judge=parts.judge() if trace is None else watched_judge(parts.judge(), trace),
            journal=self._journal,
            mask=parts.mask,
            tool_timeout=parts.config.limits.tool_timeout,
            max_parallel=parts.config.limits.max_parallel_tools,
            max_repeats=parts.config.limits.repeated_requests,
            pauses=False,
        )
        try:
            async with aclosing(settlement.run()) as events:
                async for event in events:
                    if self._on_event is not None:
                        self._on_event(event)
        except McpbridgeError as error:
            error.conversation = settlement.conversation
            raise
        finally:
            self._conversation = settlement.conversation
        return [dict(entry.item) for entry in self._conversation.entries[self._from :]]


def plain_item(item: Any) -> Item:
    """An output item as a plain mapping, whatever the SDK made of it."""
    if isinstance(item, Mapping):
        return cast("Item", item)
    to_dict = getattr(item, "to_dict", None)
    if to_dict is None:
        raise UsageError(f"settle takes response.output, not {type(item).__name__}")
    return cast("Item", to_dict(mode="json"))


def run_sync_anywhere(coroutine: Any) -> Any:
    """Run a coroutine that never really waits, also inside a running loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise UsageError("a declared credential takes time to resolve; use `await gate.tools_async()`")


__all__: Sequence[str] = ["Gate"]
