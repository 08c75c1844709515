"""Spans of a run: which, under which, and how they meet the log."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from mcpbridge import Approve, Gate, Question
from mcpbridge.adapters.telemetry import about
from mcpbridge.audit import MemoryAudit
from mcpbridge.config import load_config_text
from mcpbridge.errors import AuditUnavailable
from mcpbridge.ports import Record
from mcpbridge.testing import approval_request
from tests.telemetry import stage
from tests.telemetry.stage import CANARY, Heard, Sdk, played


def under(span: ReadableSpan, parent: ReadableSpan) -> bool:
    return span.parent is not None and span.parent.span_id == parent.get_span_context().span_id  # type: ignore[union-attr]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.mark.promise("otel-spans")
def test_a_turn_has_a_span_for_each_request_question_and_call(heard: Heard, tmp_path: Path) -> None:
    played(tmp_path)

    turn = heard.named("invoke_agent mcpbridge")
    chats = [span for span in heard.spans if span.name == "chat gpt-x"]
    assert len(chats) == 2
    assert all(under(chat, turn) and chat.kind is SpanKind.CLIENT for chat in chats)
    assert under(heard.named("approval docs.write"), turn)
    assert under(heard.named("approval docs.drop"), turn)
    assert under(heard.named("execute_tool read"), turn)
    assert under(heard.named("execute_tool write"), chats[1])
    assert under(heard.named("inside the function"), heard.named("execute_tool read"))
    assert "execute_tool send" not in [span.name for span in heard.spans]
    assert len(heard.spans) == 8


def test_spans_say_what_the_conventions_ask_for(heard: Heard, tmp_path: Path) -> None:
    played(tmp_path)

    chat = attributes(next(span for span in heard.spans if span.name == "chat gpt-x"))
    assert chat["gen_ai.operation.name"] == "chat"
    assert (chat["gen_ai.provider.name"], chat["server.address"]) == ("openai", "api.openai.com")
    assert (chat["gen_ai.request.model"], chat["gen_ai.response.model"]) == ("gpt-x", "gpt-x-2026")
    assert (chat["gen_ai.usage.input_tokens"], chat["gen_ai.usage.output_tokens"]) == (11, 7)
    hosted = attributes(heard.named("execute_tool write"))
    assert (hosted["gen_ai.tool.type"], hosted["mcp.method.name"]) == ("extension", "tools/call")
    assert hosted["mcpbridge.evidence"] == "reported_by_provider"
    local = attributes(heard.named("execute_tool read"))
    assert (local["gen_ai.tool.type"], local["gen_ai.tool.call.id"]) == ("function", "call_read")
    assert attributes(heard.named("approval docs.drop"))["mcpbridge.approval.answer"] == "deny"


def test_names_are_those_of_the_installed_conventions() -> None:
    published = set[str]()
    for name in ("gen_ai", "mcp", "server", "error"):
        module = import_module(f"opentelemetry.semconv._incubating.attributes.{name}_attributes")
        published |= {value for value in vars(module).values() if isinstance(value, str)}
    ours = {value for name, value in vars(about).items() if name.isupper() and isinstance(value, str)}

    assert {name for name in ours if not name.startswith("mcpbridge.")} <= published
    assert len(ours) > 20


@pytest.mark.promise("otel-ids")
def test_records_carry_the_ids_of_their_spans_and_spans_the_numbers_of_their_records(
    heard: Heard, tmp_path: Path
) -> None:
    _, audit = played(tmp_path)

    turn = heard.named("invoke_agent mcpbridge")
    trace_id = trace.format_trace_id(turn.get_span_context().trace_id)  # type: ignore[union-attr]
    of_the_turn = [record for record in audit.records if "run_id" in record]
    assert {record["trace_id"] for record in of_the_turn} == {trace_id}
    ran = next(record for record in of_the_turn if record.get("evidence") == "executed_here")
    call = heard.named("execute_tool read").get_span_context()
    assert ran["span_id"] == trace.format_span_id(call.span_id)  # type: ignore[union-attr]
    seen = {
        int(str(dict(event.attributes or {})["mcpbridge.audit.seq"]))
        for span in heard.spans
        for event in span.events
        if event.name == "mcpbridge.audit"
    }
    assert seen == {record["seq"] for record in of_the_turn}


@pytest.mark.promise("otel-no-content")
def test_no_prompt_argument_result_or_reason_is_in_a_span_or_metric(
    heard: Heard, sdk: Sdk, tmp_path: Path
) -> None:
    result, _ = played(tmp_path)

    assert CANARY in result.text
    everything = "".join(span.to_json() for span in heard.spans if span.name != "inside the function")
    assert "gen_ai.tool.name" in everything
    assert CANARY not in everything
    assert CANARY not in repr(sdk.metrics())


def test_a_run_belongs_to_what_its_caller_does(heard: Heard, tmp_path: Path) -> None:
    with trace.get_tracer("app").start_as_current_span("a request of the application") as outer:
        played(tmp_path)

    assert under(heard.named("invoke_agent mcpbridge"), heard.named("a request of the application"))
    assert outer.get_span_context().trace_id == heard.spans[0].get_span_context().trace_id  # type: ignore[union-attr]


def test_the_records_of_a_gate_belong_to_the_callers_trace(heard: Heard, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(stage.POLICY)
    audit = MemoryAudit()
    config = load_config_text(stage.CONFIG, file="mcpbridge.yaml", directory=tmp_path)

    async def scenario() -> None:
        async with Gate.from_yaml(config, audit=audit) as gate:
            await gate.settle([approval_request("docs", "send")], user_text="hello")

    with trace.get_tracer("app").start_as_current_span("the caller's loop") as outer:
        asyncio.run(scenario())

    made = next(record for record in audit.records if record["type"] == "decision")
    assert made["trace_id"] == trace.format_trace_id(outer.get_span_context().trace_id)
    assert "mcpbridge.audit" in [event.name for event in heard.named("the caller's loop").events]


def test_what_a_turn_failed_of_is_named_and_its_record_may_be_missing(heard: Heard, tmp_path: Path) -> None:
    class Full(MemoryAudit):
        async def append(self, record: Record) -> int:
            if record.type in ("decision", "run_finished"):
                raise AuditUnavailable(f"no space left for {CANARY}")
            return await super().append(record)

    with pytest.raises(AuditUnavailable):
        played(tmp_path, Full())

    turn = heard.named("invoke_agent mcpbridge")
    assert turn.status.status_code is StatusCode.ERROR
    assert attributes(turn)["error.type"] == "AuditUnavailable"
    assert CANARY not in turn.to_json()


class OneCallOnly:
    """Somebody whose answer can only be about this one call."""

    once_only = True

    def __init__(self) -> None:
        self.screens: list[str] = []

    async def ask(self, question: Question) -> Approve:
        self.screens.append(question.screen)
        return Approve()


def test_who_can_answer_one_call_only_is_offered_no_always_where_spans_are_made_too(
    heard: Heard, tmp_path: Path
) -> None:
    somebody = OneCallOnly()

    async def scenario() -> None:
        opened = stage.bridge(tmp_path, MemoryAudit(), approver=somebody)
        async with opened:
            await opened.run("go")

    asyncio.run(scenario())
    assert heard.named("approval docs.write")
    assert len(somebody.screens) == 2
    assert not any("always" in screen for screen in somebody.screens)
