"""An engine between a scripted model and tools that count: nothing here takes time or touches a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import Declared, HostedServer
from mcpbridge.core.entries import McpResults
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer
from mcpbridge.engine.events import Event
from mcpbridge.engine.judge import FixedPolicies, Judge
from mcpbridge.engine.local_calls import Checkpoint
from mcpbridge.engine.loop import Engine, Limits, Turn
from mcpbridge.errors import AuditUnavailable
from mcpbridge.policy import Policy, load_policy
from mcpbridge.ports import Approver, AuditSink, CallContext, Json, Model, Record
from mcpbridge.testing import FixedClock, MemoryAudit, ScriptedModel, Step
from tests.records import fit

FILES = HostedServer(label="files", identity="https://files.test/mcp")
SEEN = HostedServer(label="seen", identity="https://seen.test/mcp", observed=True)

_T = TypeVar("_T")

Body = Callable[[Json, CallContext], Awaitable[str | Sequence[Json]]]


def policy(
    *, allow: str = "", ask: str = "", deny: str = "", default: str = "deny", timeout: str = ""
) -> Policy:
    """One rule per effect over comma-separated `label.tool` names."""
    given = {"allow": allow, "ask": ask, "deny": deny}
    rules = [
        f"  - {{id: {effect}-rule, effect: {effect}, tools: [{names}], reason: because-{effect}}}"
        for effect, names in given.items()
        if names
    ]
    waits = f", ask_timeout: {timeout}" if timeout else ""
    text = "\n".join(
        [
            "version: 1",
            f"defaults: {{decision: {default}{waits}}}",
            "rules:" if rules else "rules: []",
            *rules,
        ]
    )
    return load_policy(text, file="test.yaml")


async def _done(arguments: Json, context: CallContext) -> str:
    return "done"


@dataclass(kw_only=True)
class Tool:
    """A LocalTool that counts its calls."""

    name: str
    body: Body = _done
    timeout: float | None = None
    bounds_itself: bool = False
    idempotent: bool = False
    complaint: str | None = None
    calls: list[CallContext] = field(default_factory=list[CallContext])

    @property
    def definition(self) -> ToolDefinition:
        return ToolDefinition(name=self.name)

    @property
    def definition_hash(self) -> str:
        return self.definition.hash()

    def check(self, arguments: Json) -> str | None:
        return self.complaint

    async def call(self, arguments: Json, context: CallContext) -> str | Sequence[Json]:
        self.calls.append(context)
        return await self.body(arguments, context)


@dataclass(kw_only=True)
class Asked:
    """An approver that gives one answer (or raises it) to everything, and remembers the questions."""

    answer: Any
    questions: list[Question] = field(default_factory=list[Question])

    async def ask(self, question: Question) -> Answer:
        self.questions.append(question)
        if isinstance(self.answer, BaseException):
            raise self.answer
        answer: Answer = self.answer
        return answer


@dataclass(kw_only=True)
class FailingAudit:
    """A sink that fails at one append."""

    inner: MemoryAudit
    fail_at: int
    maybe_written: bool = False
    count: int = 0

    async def append(self, record: Record) -> int:
        self.count += 1
        if self.count == self.fail_at:
            error = AuditUnavailable("the disk is full, or hangs")
            error.maybe_written = self.maybe_written
            if self.maybe_written:
                await self.inner.append(record)
            raise error
        return await self.inner.append(record)


@dataclass(kw_only=True)
class Scene:
    """Everything a conversation needs; `run` goes on with it until it ends."""

    steps: Iterable[Step] = ()
    policy: Policy = field(default_factory=policy)
    approver: Approver | None = None
    tools: Sequence[Tool] = ()
    audit: MemoryAudit = field(default_factory=lambda: MemoryAudit(clock=FixedClock()))
    sink: AuditSink | None = None
    servers: Sequence[HostedServer] = (FILES,)
    ungated: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)
    origin: str = "here|gpt"
    clock: FixedClock = field(default_factory=FixedClock)
    ask_timeout: float | None = None
    model: ScriptedModel = field(init=False)
    other_model: Model | None = None

    def __post_init__(self) -> None:
        self.model = ScriptedModel(self.steps)

    def engine(self) -> Engine:
        return Engine(
            model=self.other_model or self.model,
            judge=Judge(
                policies=FixedPolicies(policies=(self.policy,)),
                clock=self.clock,
                approver=self.approver,
                ask_timeout=self.ask_timeout,
            ),
            audit=self.sink or self.audit,
            declared=Declared(
                servers={server.label: server for server in self.servers},
                functions=frozenset(tool.name for tool in self.tools),
                ungated=self.ungated,
                origin=self.origin,
            ),
            tools={tool.name: tool for tool in self.tools},
            limits=self.limits,
        )

    def turn(
        self,
        conversation: Conversation | None = None,
        *,
        answers: Mapping[str, Answer] | None = None,
        checkpoint: Checkpoint | None = None,
        context: Any = None,
    ) -> Turn:
        return self.engine().turn(
            conversation or said(), answers=answers, checkpoint=checkpoint, context=context
        )

    def run(
        self,
        conversation: Conversation | None = None,
        *,
        answers: Mapping[str, Answer] | None = None,
        checkpoint: Checkpoint | None = None,
        context: Any = None,
    ) -> Run:
        """Advance to the end; an error goes out, with its conversation."""
        turn = self.turn(conversation, answers=answers, checkpoint=checkpoint, context=context)
        before = len(self.audit.lines)
        try:
            return asyncio.run(_consume(turn))
        finally:
            fit(self.audit.records[before:])

    def records(self, type_: str) -> list[dict[str, Any]]:
        return [record for record in self.audit.records if record["type"] == type_]


@dataclass(frozen=True, kw_only=True)
class Run:
    events: list[Event]
    conversation: Conversation

    def of(self, kind: type[_T]) -> list[_T]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def outputs(self) -> dict[str, Any]:
        """What each function call was answered with."""
        items = [entry.item for entry in self.conversation.entries]
        return {i["call_id"]: i["output"] for i in items if i["type"] == "function_call_output"}


async def _consume(turn: Turn) -> Run:
    events = [event async for event in turn.advance()]
    return Run(events=events, conversation=turn.conversation)


def said(text: str = "Go", *, mcp_results: McpResults = "native", principal: str = "ana") -> Conversation:
    return Conversation(id="conv_1", principal=principal, mcp_results=mcp_results).say(text)
