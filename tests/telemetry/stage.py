"""One run with everything in it, and what an OpenTelemetry SDK hears of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from mcpbridge import Approve, Approver, Bridge, CallbackApprover, Deny, Result
from mcpbridge.audit import MemoryAudit
from mcpbridge.config import load_config_text
from mcpbridge.testing import (
    ScriptedModel,
    approval_request,
    function_call,
    mcp_call,
    mcp_list_tools,
    message,
    response,
)

CANARY = "canary-51c0ffee"
POLICY = """
version: 1
defaults: {decision: ask}
rules:
  - {id: reads, effect: allow, tools: ["*.read"]}
  - {id: no-mail, effect: deny, tools: ["*.send"], reason: "canary-51c0ffee"}
"""
CONFIG = """
model: {name: gpt-x, endpoint: openai, api_key: "${env:KEY}"}
servers: [{label: docs, url: "https://docs.example/mcp"}]
policy: policy.yaml
"""


def ours(span: ReadableSpan) -> bool:
    """Made by mcpbridge, not by the application around it."""
    return span.instrumentation_scope is not None and span.instrumentation_scope.name == "mcpbridge"


@dataclass
class Heard(SpanProcessor):
    """Finished spans, by name. `broken`: what a bad processor does instead."""

    spans: list[ReadableSpan] = field(default_factory=list[ReadableSpan])
    broken: str = ""
    blocked: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Event = field(default_factory=threading.Event)

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        if self.broken == "start" and ours(span):
            raise RuntimeError("a processor that is broken")

    def on_end(self, span: ReadableSpan) -> None:
        if self.broken == "end" and ours(span):
            raise RuntimeError("an exporter that is broken")
        if self.broken == "blocked" and ours(span):
            self.waiting.set()
            assert self.blocked.wait(60)
        self.spans.append(span)

    def named(self, name: str) -> ReadableSpan:
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, [span.name for span in self.spans]
        return found[0]


@dataclass
class Sdk:
    """The process's SDK, which can be set only once; each test has a processor of its own."""

    reader: InMemoryMetricReader
    current: Heard = field(default_factory=Heard)

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        self.current.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        self.current.on_end(span)

    def metrics(self) -> dict[str, list[Any]]:
        """The data points by metric."""
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        return {
            metric.name: list(metric.data.data_points)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


class _Passing(SpanProcessor):
    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        self._sdk.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        self._sdk.on_end(span)


def installed() -> Sdk:
    """An SDK as an application would set it up."""
    sdk = Sdk(InMemoryMetricReader())
    provider = TracerProvider()
    provider.add_span_processor(_Passing(sdk))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([sdk.reader]))
    return sdk


def read(path: str) -> str:
    """Read something."""
    with trace.get_tracer("app").start_as_current_span("inside the function"):
        return f"{CANARY} from {path}"


def steps() -> list[Any]:
    """A hosted call that a person allows, one that a rule denies, one that a person denies; a function."""
    usage = {
        "input_tokens": 11,
        "output_tokens": 7,
        "total_tokens": 18,
        "input_tokens_details": {"cached_tokens": 5},
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    return [
        response(
            mcp_list_tools("docs", "write", "send", "drop"),
            approval_request("docs", "write", {"text": CANARY}),
            approval_request("docs", "send", {"to": CANARY}),
            approval_request("docs", "drop", {"id": CANARY}),
            function_call("read", {"path": CANARY}),
            usage=usage,
            model="gpt-x-2026",
        ),
        response(mcp_call("docs", "write", {"text": CANARY}, output=CANARY), message(CANARY), usage=usage),
    ]


def answer(question: Any) -> Approve | Deny:
    return Deny(by="ada", reason=CANARY) if question.action.tool == "drop" else Approve(by="ada")


def bridge(
    folder: Path, audit: MemoryAudit, model: Any = None, *, approver: Approver | None = None
) -> Bridge:
    (folder / "policy.yaml").write_text(POLICY)
    return Bridge.from_yaml(
        load_config_text(CONFIG, file="mcpbridge.yaml", directory=folder),
        tools=[read],
        approver=approver or CallbackApprover(answer),
        model=model or ScriptedModel(steps()),
        audit=audit,
        state_key=bytes(32),
    )


def played(folder: Path, audit: MemoryAudit | None = None) -> tuple[Result, MemoryAudit]:
    """The run, from beginning to end; the bridge is closed."""
    sink = audit or MemoryAudit()

    async def scenario() -> Result:
        async with bridge(folder, sink) as opened:
            return await opened.run(CANARY)

    return asyncio.run(scenario()), sink


def decisions(records: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What a run decided and did, without what differs from run to run."""
    names = ("type", "tool", "outcome", "status", "request_id")
    return [tuple(record.get(name) for name in names) for record in records]
