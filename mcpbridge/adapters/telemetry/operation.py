"""One span, and what is measured of it."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mcpbridge.adapters.telemetry import about as names
from mcpbridge.adapters.telemetry.about import Attributes
from mcpbridge.adapters.telemetry.quiet import quiet

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from mcpbridge.adapters.telemetry.trace import Trace


class Operation:
    """A span that has begun. No exception's text and nothing of what is said goes into it."""

    def __init__(
        self,
        trace: Trace,
        name: str,
        attributes: Attributes,
        *,
        parent: Context,
        kind: str = "internal",
        began: int | None = None,
    ) -> None:
        from opentelemetry.trace import SpanKind, set_span_in_context

        self._trace = trace
        self._began = time.time_ns() if began is None else began
        self._ended = 0
        self._error: str | None = None
        self.span = trace.tracer.start_span(
            name,
            context=parent,
            kind=SpanKind.CLIENT if kind == "client" else SpanKind.INTERNAL,
            attributes={**attributes, names.CONVERSATION: trace.conversation_id},
            start_time=self._began,
            record_exception=False,
            set_status_on_exception=False,
        )
        self.context = set_span_in_context(self.span, parent)

    @contextmanager
    def current(self) -> Generator[None]:
        """While foreign code runs: its spans are children of this one."""
        from opentelemetry import context

        token = context.attach(self.context)
        try:
            yield
        finally:
            context.detach(token)

    @quiet
    def about(self, attributes: Attributes) -> None:
        self.span.set_attributes(attributes)

    @quiet
    def note(self, name: str, attributes: Attributes) -> None:
        self.span.add_event(name, attributes)

    @quiet
    def failed(self, error: str) -> None:
        """It did not raise, and failed all the same."""
        self._error = error

    @quiet
    def end(self, error: str | None, *, last: bool = False) -> None:
        """Its end is now; exporters hear of it later. `error`: the name of what was raised. `last`: no span
        follows soon."""
        from opentelemetry.trace import Status, StatusCode

        self._ended = time.time_ns()
        self._error = error or self._error
        if self._error is not None:
            self.span.set_attribute(names.ERROR, self._error)
            self.span.set_status(Status(StatusCode.ERROR))
        self._trace.endings.end(self.span, self._ended, now=last or not self._trace.whole_turn)

    @quiet
    def measured(self, operation: str, more: Attributes | None = None) -> None:
        """Its duration, as a metric."""
        self._trace.metrics.operation(operation, self._seconds, {**(more or {}), **self._failure()})

    @quiet
    def answered(self) -> None:
        self._trace.metrics.answered(self._seconds, self._failure())

    @quiet
    def responded(self, body: dict[str, Any]) -> None:
        """What a response says about itself: its id, its model, its tokens; none of its content."""
        found: Attributes = {}
        for field, name in (("id", names.RESPONSE), ("model", names.RESPONSE_MODEL)):
            if isinstance(body.get(field), str):
                found[name] = body[field]
        if isinstance(body.get("status"), str):
            found[names.FINISH] = [body["status"]]
        usage = body.get("usage")
        if isinstance(usage, dict):
            self._usage(usage, found)  # pyright: ignore[reportUnknownArgumentType]
        self.span.set_attributes(found)

    def _usage(self, usage: dict[str, Any], found: Attributes) -> None:
        into, out = _count(usage, "input_tokens"), _count(usage, "output_tokens")
        found["gen_ai.usage.input_tokens"], found["gen_ai.usage.output_tokens"] = into, out
        found["gen_ai.usage.cache_read.input_tokens"] = _count(
            usage.get("input_tokens_details"), "cached_tokens"
        )
        found["gen_ai.usage.reasoning.output_tokens"] = _count(
            usage.get("output_tokens_details"), "reasoning_tokens"
        )
        self._trace.metrics.tokens(into, out)

    @property
    def _seconds(self) -> float:
        return max(self._ended - self._began, 0) / 1e9

    def _failure(self) -> Attributes:
        return {} if self._error is None else {names.ERROR: self._error}


def _count(value: Any, name: str) -> int:
    found = value.get(name) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType]
    return found if isinstance(found, int) and not isinstance(found, bool) else 0
