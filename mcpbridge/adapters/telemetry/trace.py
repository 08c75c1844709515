"""The spans of one turn: the turn, each model request in it, each question to a person, each call.

Parents are given explicitly. A span is the current one only while foreign code runs below it (the client, a
function, an approver), so that what those record, or send on, belongs to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.adapters.telemetry import about as names
from mcpbridge.adapters.telemetry.about import Attributes
from mcpbridge.adapters.telemetry.operation import Operation
from mcpbridge.adapters.telemetry.quiet import quiet
from mcpbridge.adapters.telemetry.telemetry import NAME, Telemetry, version
from mcpbridge.core.ruling import Outcome
from mcpbridge.errors import AuditUnavailable
from mcpbridge.ports import Record

if TYPE_CHECKING:
    from opentelemetry.context import Context

_ALLOWED: Final = frozenset(outcome.value for outcome in Outcome if outcome.allowed)
_ABOUT_CALLS: Final = ("outcome", "outcome_unknown")
_AGENT: Final = "mcpbridge"


class Trace:
    """Made anew for each turn. No method raises on account of telemetry."""

    def __init__(self, telemetry: Telemetry, *, conversation_id: str, whole_turn: bool) -> None:
        from opentelemetry import context, trace

        self.tracer = trace.get_tracer(NAME, version())
        self.metrics = telemetry.metrics()
        self.about, self.endings = telemetry.about, telemetry.endings
        self.conversation_id = conversation_id
        self._context: Context = context.get_current()
        self.whole_turn = whole_turn
        self._turn: Operation | None = None
        self._chat: tuple[Context, int] | None = None
        """Context and beginning of the latest model request: hosted calls ran in there."""
        self._calls: dict[str, Operation] = {}

    @quiet
    def begin(self, run_id: str) -> None:
        """A turn begins: its span is a child of whatever the caller is doing."""
        from opentelemetry import context

        self._context = context.get_current()
        if self.whole_turn and self._turn is None:
            self._turn = Operation(
                self,
                f"invoke_agent {_AGENT}",
                {**self.about.attributes("invoke_agent"), names.AGENT: _AGENT, names.RUN: run_id},
                parent=self._context,
            )
            self._context = self._turn.context

    @contextmanager
    def chat(self) -> Generator[Operation | None]:
        """One model request, retries included."""
        began = time.time_ns()
        attributes = self.about.attributes("chat")
        with self._operation(f"chat {self.about.model}", attributes, _measure_chat, kind="client") as chat:
            if chat is not None:
                self._chat = (chat.context, began)
            yield chat

    @contextmanager
    def call(self, request_id: str, tool: str) -> Generator[Operation | None]:
        """A function of this process."""
        about: Attributes = {
            names.OPERATION: "execute_tool",
            names.TOOL: tool,
            names.TOOL_TYPE: "function",
            names.CALL: request_id,
            names.LABEL: "local",
            names.EVIDENCE: "executed_here",
        }
        with self._operation(f"execute_tool {tool}", about, partial(_measure_call, tool)) as call:
            if call is not None:
                self._calls[request_id] = call
            yield call

    @contextmanager
    def approval(self, request_id: str, label: str, tool: str) -> Generator[Operation | None]:
        """A person is asked, and answers, or not."""
        about: Attributes = {names.TOOL: tool, names.LABEL: label, names.CALL: request_id}
        with self._operation(f"approval {label}.{tool}", about, Operation.answered) as wait:
            yield wait

    def ids(self, record: Record) -> dict[str, str]:
        """`trace_id` and `span_id` for a record: of the call it is about, else of the turn."""
        return self._ids(record) or {}

    @quiet
    def _ids(self, record: Record) -> dict[str, str]:
        from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

        about = self._calls.get(str(record.fields.get("request_id"))) if self._of_a_call(record) else None
        found = get_current_span(self._context if about is None else about.context).get_span_context()
        if not found.is_valid:
            return {}
        return {"trace_id": format_trace_id(found.trace_id), "span_id": format_span_id(found.span_id)}

    @staticmethod
    def _of_a_call(record: Record) -> bool:
        return record.type in _ABOUT_CALLS

    @quiet
    def recorded(self, record: Record, seq: int) -> None:
        """A record is durable: what it says is counted, and its number stands in the trace."""
        fields = dict(record.fields)
        if record.type == "decision":
            self.metrics.decided(fields, allowed=fields.get("outcome") in _ALLOWED)
        elif record.type == "outcome_unknown":
            self.metrics.unknown()
        elif record.type == "outcome" and fields.get("via") == "hosted":
            self._hosted(fields, seq)
        self._event(record, fields, seq)
        if record.type == "run_finished":
            self._finish(str(fields.get("status", "")), fields.get("error"))

    @quiet
    def not_recorded(self, record: Record, error: BaseException) -> None:
        """A record was refused. Where that is because it did not become durable, nothing took effect."""
        if isinstance(error, AuditUnavailable):
            self.metrics.unrecorded(type(error).__name__)
        if record.type == "run_finished":
            self._finish("failed", type(error).__name__)

    def _event(self, record: Record, fields: dict[str, Any], seq: int) -> None:
        from opentelemetry.trace import get_current_span

        about: Attributes = {names.SEQ: seq, names.RECORD_TYPE: record.type}
        for field, name in (
            ("outcome", names.OUTCOME), ("status", names.STATUS), ("request_id", names.CALL),
            ("server_label", names.LABEL), ("tool", names.TOOL),
        ):  # fmt: skip
            if isinstance(fields.get(field), str):
                about[name] = fields[field]
        if fields.get("rule_ids"):
            about[names.RULES] = [str(rule) for rule in fields["rule_ids"]]
        if self._of_a_call(record):
            self._calls.pop(str(fields.get("request_id")), None)
        # A call has ended when its outcome is recorded, so that its own span takes no more events.
        get_current_span(self._context).add_event("mcpbridge.audit", about)
        if self._turn is not None:
            self._turn.span.set_attribute(names.SEQ, seq)  # of its last record, in the end

    def _hosted(self, fields: dict[str, Any], seq: int) -> None:
        """A call that the provider ran. Nobody here saw when: its span is as long as that request."""
        if self._chat is None:
            return
        parent, began = self._chat
        tool = str(fields.get("tool", ""))
        about: Attributes = {
            names.OPERATION: "execute_tool",
            names.METHOD: "tools/call",
            names.TOOL: tool,
            names.TOOL_TYPE: "extension",
            names.CALL: str(fields.get("request_id") or fields.get("item_id") or ""),
            names.LABEL: str(fields.get("server_label", "")),
            names.EVIDENCE: str(fields.get("evidence", "")),
            names.SEQ: seq,
        }
        call = Operation(self, f"execute_tool {tool}", about, parent=parent, began=began)
        call.end("tool_error" if fields.get("is_error") else None)

    def _finish(self, status: str, error: Any) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.span.set_attribute(names.STATUS, status)
            turn.end(str(error) if error else None, last=True)
            turn.measured("invoke_agent")

    @contextmanager
    def _operation(
        self,
        name: str,
        attributes: Attributes,
        measure: Callable[[Operation], None],
        *,
        kind: str = "internal",
    ) -> Generator[Operation | None]:
        """A span around something; an error inside is its error, by name alone."""
        operation = self._begun(name, attributes, kind)
        error: str | None = None
        try:
            yield operation
        except BaseException as failed:  # boundary: only looked at, and raised again
            error = type(failed).__name__
            raise
        finally:
            if operation is not None:
                operation.end(error)
                measure(operation)

    @quiet
    def _begun(self, name: str, attributes: Attributes, kind: str) -> Operation:
        return Operation(self, name, attributes, parent=self._context, kind=kind)


def _measure_chat(chat: Operation) -> None:
    chat.measured("chat")


def _measure_call(tool: str, call: Operation) -> None:
    call.measured("execute_tool", {names.TOOL: tool})
