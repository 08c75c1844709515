"""The engine's ports, watched: the same behaviour, and a span around what they do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from mcpbridge.adapters.telemetry import about as names
from mcpbridge.adapters.telemetry.operation import Operation
from mcpbridge.adapters.telemetry.trace import Trace
from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.question import Question
from mcpbridge.core.quota import Quota, QuotaFull
from mcpbridge.core.request import ModelRequest
from mcpbridge.core.ruling import Answer, Approve, Deny
from mcpbridge.engine.judge import Judge
from mcpbridge.engine.loop import Engine
from mcpbridge.ports import (
    Approver,
    AuditSink,
    CallContext,
    Counter,
    Json,
    LocalTool,
    Model,
    ModelNotice,
    ModelOutput,
    ModelResponse,
    Record,
    ResultKeeper,
    ToolAnswer,
)


def observed(engine: Engine, trace: Trace) -> Engine:
    """The engine with everything it is given watched."""
    return replace(
        engine,
        model=WatchedModel(engine.model, trace),
        audit=watched_audit(engine.audit, trace),
        watch=partial(watched_tools, trace=trace),
        judge=watched_judge(engine.judge, trace),
    )


def watched_audit(sink: AuditSink, trace: Trace) -> AuditSink:
    """A sink that counts stays one that counts."""
    return WatchedCounter(sink, trace) if isinstance(sink, Counter) else WatchedAudit(sink, trace)


def watched_tools(tools: Mapping[str, LocalTool], trace: Trace) -> dict[str, LocalTool]:
    return {name: WatchedTool(tool, trace) for name, tool in tools.items()}


def watched_judge(judge: Judge, trace: Trace) -> Judge:
    return (
        judge if judge.approver is None else replace(judge, approver=WatchedApprover(judge.approver, trace))
    )


@contextmanager
def _current(operation: Operation | None) -> Generator[None]:
    if operation is None:
        yield
        return
    with operation.current():
        yield


@dataclass(frozen=True, slots=True)
class WatchedModel:
    """A span for each model request."""

    inner: Model
    trace: Trace

    async def respond(self, request: ModelRequest) -> AsyncGenerator[ModelOutput, None]:
        with self.trace.chat() as chat:
            async with aclosing(self.inner.respond(request)) as outputs:
                while True:
                    # Current only while the client works: the reader has a context of their own.
                    with _current(chat):
                        output = await anext(outputs, None)
                    if output is None:
                        return
                    if chat is not None:
                        _heard(chat, output)
                    yield output


def _heard(chat: Operation, output: ModelOutput) -> None:
    match output:
        case ModelResponse():
            chat.responded(dict(output.body))
        case ModelNotice():
            fields = {name: output.fields[name] for name in ("attempt", "wait_s") if name in output.fields}
            chat.note(
                f"mcpbridge.{output.type}", {f"mcpbridge.{key}": value for key, value in fields.items()}
            )
        case _:
            pass


@dataclass(frozen=True, slots=True)
class WatchedAudit:
    """Trace ids in each record, and each record's number in the trace."""

    inner: AuditSink
    trace: Trace

    async def append(self, record: Record) -> int:
        ids = self.trace.ids(record)
        try:
            seq = await self.inner.append(replace(record, fields={**record.fields, **ids}) if ids else record)
        except BaseException as error:  # boundary: only looked at, and raised again
            self.trace.not_recorded(record, error)
            raise
        self.trace.recorded(record, seq)
        return seq

    def keeps_results(self, tool: str) -> bool:
        """As the log itself; one that never keeps any says no."""
        return isinstance(self.inner, ResultKeeper) and self.inner.keeps_results(tool)


@dataclass(frozen=True, slots=True)
class WatchedCounter(WatchedAudit):
    """The same for a log that keeps quotas."""

    async def against(self, quotas: Sequence[Quota]) -> QuotaFull | None:
        assert isinstance(self.inner, Counter), "made for one"
        return await self.inner.against(quotas)


@dataclass(frozen=True, slots=True)
class WatchedTool:
    """A span for each call that runs here: of a Python function, or of a bridged tool."""

    inner: LocalTool
    trace: Trace

    @property
    def definition(self) -> ToolDefinition:
        return self.inner.definition

    @property
    def definition_hash(self) -> str:
        return self.inner.definition_hash

    @property
    def timeout(self) -> float | None:
        return self.inner.timeout

    @property
    def bounds_itself(self) -> bool:
        return self.inner.bounds_itself

    @property
    def idempotent(self) -> bool:
        return self.inner.idempotent

    def check(self, arguments: Json) -> str | None:
        return self.inner.check(arguments)

    async def call(self, arguments: Json, context: CallContext) -> str | Sequence[Json] | ToolAnswer:
        with self.trace.call(context.call_id, self.inner.definition.name) as call, _current(call):
            return await self.inner.call(arguments, context)


@dataclass(frozen=True, slots=True)
class WatchedApprover:
    """A span for as long as a person is asked."""

    inner: Approver
    trace: Trace

    @property
    def absent(self) -> bool:
        """Whether nobody was there; see `Judge.ask`."""
        return getattr(self.inner, "absent", False) is True

    @property
    def once_only(self) -> bool:
        """Whether no "always" can be given; see `Judge.question`."""
        return getattr(self.inner, "once_only", False) is True

    async def ask(self, question: Question) -> Answer:
        action = question.action
        with self.trace.approval(action.request_id, action.server_label, action.tool) as wait:
            with _current(wait):
                answer = await self.inner.ask(question)
            if wait is not None:
                wait.about({names.ANSWER: _word(answer)})
            return answer


def _word(answer: object) -> str:
    match answer:
        case Approve():
            return "approve"
        case Deny():
            return "deny"
        case _:
            return "invalid"
